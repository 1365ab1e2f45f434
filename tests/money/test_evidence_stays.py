"""What a bill rests on stays as it is: the database refuses, and the chain of digests tells."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.domain.charging import metering
from app.domain.charging.metering import Metered
from app.domain.charging.sessions import reuse
from app.domain.ground.vocabulary import SYSTEM, MeterReport, Sample
from app.domain.money import billing
from app.domain.money.billing import chain
from app.domain.office import audit
from app.extensions import db as flask_db
from app.models import (
    Bill,
    BillCounter,
    ChargingSession,
    MeterReading,
    TransactionEvent,
    session_revisions,
)
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network

LATER = STARTED + timedelta(hours=2)
KEPT = "stay|only ever added|never emptied|only ever count"


@dataclass(frozen=True)
class Billed:
    """Ids of a billed session, of one without a bill, and of the tenant."""

    tenant_id: int
    session_id: int
    other_id: int


def keep_event(db, session, digest):
    """Keep an event of a session's transaction."""
    db.add(
        TransactionEvent(
            station_id=session.station_id, transaction_ref=session.transaction_ref,
            session_id=session.id, kind="updated", seq_no=1, trigger="MeterValuePeriodic",
            at=session.started_at, received_at=session.started_at, payload={"seqNo": 1},
            digest=digest,
        )
    )  # fmt: skip
    db.flush()


@pytest.fixture
def billed(any_app):
    with unit_of_work() as db:
        net = network(db)
        sessions = net.session(), net.session(tariff_version_id=None)
        for session in reversed(sessions):
            net.reading(session, 30, 5_000)
            keep_event(db, session, f"event {session.id}")
        lone.issue(db, sessions[0].id, now=LATER)
        return Billed(net.site.tenant_id, *(session.id for session in sessions))


def is_sqlite():
    return flask_db.session().get_bind().dialect.name == "sqlite"


def run(statement, **given):
    with unit_of_work() as db:
        return db.execute(text(statement), given).rowcount


def refused(statement, **given):
    with pytest.raises(DBAPIError, match=KEPT):
        run(statement, **given)
        pytest.fail(f"it was done: {statement}")


def faults(billed):
    db = flask_db.session()
    db.rollback()
    return [str(fault) for fault in billing.verify(db, billed.tenant_id).faults]


# Refused

OF_SESSION = "session_id = (SELECT min(session_id) FROM bills)"
THE_SESSION = "id = (SELECT min(session_id) FROM bills)"

CHANGES = [
    "UPDATE bills SET gross_minor = 1",
    "UPDATE bills SET id = id + 1000",
    "UPDATE bills SET digest = NULL",
    "UPDATE bill_lines SET net_minor = 1",
    "UPDATE audit_entries SET actor = 'nobody'",
    "UPDATE tariff_versions SET definition = '{}'",
    "UPDATE tariff_versions SET id = id + 1000",
    "UPDATE bill_counters SET last = 0",
    *(
        f"UPDATE meter_readings SET {change} WHERE {OF_SESSION}"
        for change in ("register_wh = 1", "samples = '[]'", "session_id = NULL", "id = id + 1000")
    ),
    *(
        f"UPDATE transaction_events SET {change} WHERE {OF_SESSION}"
        for change in ("seq_no = 9", "facts = '{}'", "session_id = NULL", "payload = '{}'")
    ),
    *(
        f"UPDATE charging_sessions SET {change} WHERE {THE_SESSION}"
        for change in (
            *("meter_start_wh = 1", "meter_stop_wh = 1", "meter_stop_wh = NULL"),
            *("started_at = ended_at", "ended_at = started_at", "transaction_ref = 'x'"),
            *("token = 'x'", "driver_id = NULL", "tariff_version_id = NULL", "evse = 2"),
            *("revision = revision + 2", "revision = revision + 2, meter_stop_wh = 1"),
        )
    ),
]  # fmt: skip

DELETIONS = [
    "DELETE FROM bills",
    "DELETE FROM bill_lines",
    "DELETE FROM audit_entries",
    "DELETE FROM bill_counters",
    "DELETE FROM tariff_versions",
    f"DELETE FROM meter_readings WHERE {OF_SESSION}",
    f"DELETE FROM transaction_events WHERE {OF_SESSION}",
    f"DELETE FROM charging_sessions WHERE {THE_SESSION}",
]

TABLES = [
    *("bills", "bill_lines", "bill_counters", "audit_entries", "tariff_versions"),
    *("meter_readings", "transaction_events", "status_events", "charging_sessions"),
    "session_revisions",
]


def test_the_database_refuses_to_change_or_remove_what_a_bill_rests_on(billed):
    with unit_of_work() as db:
        note(db)
    for statement in (*CHANGES, *DELETIONS):
        refused(statement)
    assert faults(billed) == []


def note(db):
    audit.note(db, SYSTEM, "bill.look", db.scalars(select(Bill)).first(), now=LATER)


def test_neither_a_table_of_evidence_is_emptied_nor_what_evidence_hangs_on(billed):
    if is_sqlite():
        pytest.skip("SQLite has no TRUNCATE")
    for table in (*TABLES, "stations", "tenants", "tariffs"):
        refused(f"TRUNCATE {table} CASCADE")


ALL_ROWS = {
    "bills": "bills",
    "bill_lines": "bill_lines",
    "tariff_versions": "tariff_versions",
    "meter_readings": f"meter_readings WHERE {OF_SESSION}",
    "transaction_events": f"transaction_events WHERE {OF_SESSION}",
    "charging_sessions": f"charging_sessions WHERE {THE_SESSION}",
}


def test_no_row_of_evidence_is_replaced(billed):
    if not is_sqlite():
        pytest.skip("PostgreSQL has no REPLACE")
    for verb, table in product(("REPLACE", "INSERT OR REPLACE"), ALL_ROWS):
        refused(f"{verb} INTO {table} SELECT * FROM {ALL_ROWS[table]}")


def test_no_other_row_pushes_a_row_of_evidence_out(billed):
    if not is_sqlite():
        pytest.skip("PostgreSQL has no OR REPLACE")
    given = {"billed": billed.session_id, "other": billed.other_id}
    for table in ("meter_readings", "transaction_events", "charging_sessions"):
        key = "id" if table == "charging_sessions" else "session_id"
        first = f"(SELECT min(id) FROM {table} WHERE {key} = :billed)"
        refused(f"UPDATE OR REPLACE {table} SET id = {first} WHERE {key} = :other", **given)
    assert faults(billed) == []


def test_a_reading_that_would_replace_one_by_its_digest_changes_nothing(billed):
    if not is_sqlite():
        pytest.skip("PostgreSQL has no REPLACE")
    run(
        "REPLACE INTO meter_readings (station_id, session_id, evse, taken_at, received_at,"
        " register_wh, assumed_time, samples, digest) SELECT station_id, session_id, evse,"
        f" taken_at, received_at, 1, 0, '[]', digest FROM meter_readings WHERE {OF_SESSION}"
    )
    assert faults(billed) == []


def test_a_reading_from_before_the_bill_is_attached_to_no_billed_session(billed):
    refused(
        "UPDATE meter_readings SET session_id = :billed WHERE session_id = :other",
        billed=billed.session_id, other=billed.other_id,
    )  # fmt: skip


# Allowed


def test_what_no_bill_rests_on_may_be_changed(billed):
    given = {"other": billed.other_id}
    assert run("UPDATE meter_readings SET session_id = NULL WHERE session_id = :other", **given)
    assert run("UPDATE charging_sessions SET meter_stop_wh = 1 WHERE id = :other", **given)
    assert run("DELETE FROM transaction_events WHERE session_id = :other", **given)
    assert run("DELETE FROM charging_sessions WHERE id = :other", **given)


def test_a_version_that_nobody_was_billed_by_may_go(billed):
    run(
        "INSERT INTO tariff_versions (tariff_id, number, definition, created_at, created_by)"
        " SELECT tariff_id, 99, definition, created_at, '' FROM tariff_versions"
    )
    assert run("DELETE FROM tariff_versions WHERE number = 99") == 1


def test_readings_told_again_and_late_ones_leave_a_bill_verified(billed):
    sample = Sample("Energy.Active.Import.Register", Decimal(105_000), "Wh")
    with unit_of_work() as db:
        session = db.get_one(ChargingSession, billed.session_id)
        reports = (MeterReport(LATER, (sample,)),)
        item = Metered(session.station_id, 1, session.transaction_ref, reports)
        metering.store(db, [item], now=LATER)
        metering.store(db, [item], now=LATER)
    db = flask_db.session()
    rows = select(MeterReading).where(MeterReading.session_id == billed.session_id)
    assert len(db.scalars(rows).all()) == 2
    assert faults(billed) == []


@pytest.mark.parametrize("table", ["meter_readings", "transaction_events"])
def test_only_what_came_after_the_bill_may_turn_out_to_be_another_sessions(billed, table):
    with unit_of_work() as db:
        session = db.get_one(ChargingSession, billed.session_id)
        keep_event(db, session, "late")
        sample = Sample("Energy.Active.Import.Register", Decimal(112_000), "Wh")
        item = Metered(
            session.station_id, 1, session.transaction_ref, (MeterReport(LATER, (sample,)),)
        )
        metering.store(db, [item], now=LATER)
        last = reuse.rested_on(db, billed.session_id)[table == "transaction_events"]
    given = {"billed": billed.session_id, "other": billed.other_id, "last": last}
    late = f"UPDATE {table} SET session_id = :other WHERE session_id = :billed AND id > :last"
    refused(f"DELETE FROM {table} WHERE session_id = :billed AND id > :last", **given)
    assert run(late, **given) == 1
    assert run(f"UPDATE {table} SET session_id = :billed WHERE id > :last", **given) >= 1
    refused(late.replace(">", "<="), **given)
    assert faults(billed) == []


def test_a_session_told_anew_keeps_what_its_bill_rests_on(billed):
    with unit_of_work() as db:
        session = db.get_one(ChargingSession, billed.session_id)
        session.meter_stop_wh, session.ended_at = Decimal(115_000), LATER
    db = flask_db.session()
    query = select(session_revisions).where(session_revisions.c.session_id == billed.session_id)
    (kept,) = db.execute(query).all()
    assert (kept.meter_start_wh, kept.meter_stop_wh) == (100_000, 110_000)
    assert kept.ended_at == STARTED + timedelta(hours=1)
    assert faults(billed) == []
    refused("UPDATE session_revisions SET meter_stop_wh = 1")
    refused("DELETE FROM session_revisions")


def test_a_bill_and_its_correction_each_rest_on_their_own_registers(billed):
    with unit_of_work() as db:
        session = db.get_one(ChargingSession, billed.session_id)
        session.meter_stop_wh = Decimal(115_000)
        db.flush()
        billing.correct(db, SYSTEM, session, reason="The meter said more.", now=LATER)
    bills = flask_db.session().scalars(select(Bill).order_by(Bill.place)).all()
    assert [bill.place for bill in bills] == [1, 2, 3]
    first, second, third = bills
    assert [second.previous_digest, third.previous_digest] == [first.digest, second.digest]
    assert first.proof["registers"] != third.proof["registers"]
    assert faults(billed) == []


# Told

TAMPERING = [
    ("bills", "UPDATE bills SET net_minor = 1", ["Its lines come to", "its digest differs"]),
    ("bills", "UPDATE bills SET issued_by = 'me'", ["its digest differs"]),
    ("bills", "UPDATE bills SET place = 7", ["at place 7", "its digest differs", "chain ends"]),
    ("bills", "UPDATE bills SET place = NULL", ["outside the chain", "chain ends"]),
    ("bill_lines", "UPDATE bill_lines SET label = 'gift'", ["its digest differs"]),
    ("bill_lines", "DELETE FROM bill_lines", ["Its lines come to", "its digest differs"]),
    (
        "charging_sessions",
        f"UPDATE charging_sessions SET meter_stop_wh = 1 WHERE {THE_SESSION}",
        ["The times, registers, holder or price"],
    ),
    (
        "receipts",
        "INSERT INTO bill_lines (bill_id, position, kind, label, parameters, quantity, unit,"
        " unit_price, tax_percent, net_minor, tax_minor, gross_minor, evidence) SELECT bill_id, 99,"
        " kind, label, parameters, quantity, unit, unit_price, tax_percent, net_minor, tax_minor,"
        " gross_minor, evidence FROM bill_lines WHERE position = 1",
        ["Its lines come to", "its digest differs"],
    ),
    (
        "charging_sessions",
        f"UPDATE charging_sessions SET driver_id = NULL WHERE {THE_SESSION}",
        ["The times, registers, holder or price"],
    ),
    (
        "meter_readings",
        f"UPDATE meter_readings SET samples = '[]' WHERE {OF_SESSION}",
        ["The meter readings"],
    ),
    ("meter_readings", f"DELETE FROM meter_readings WHERE {OF_SESSION}", ["The meter readings"]),
    (
        "transaction_events",
        f"UPDATE transaction_events SET kind = 'ended' WHERE {OF_SESSION}",
        ["The transaction events"],
    ),
    (
        "tariff_versions",
        "UPDATE tariff_versions SET definition = '{}'",
        ["The tariff version"],
    ),
]  # fmt: skip


def without_triggers(table):
    """What somebody does who may do all: take the table's own rules away."""
    with unit_of_work() as db:
        if db.get_bind().dialect.name == "postgresql":
            db.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            return
        names = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        for name in db.scalars(names, {"table": table}).all():
            db.execute(text(f"DROP TRIGGER {name}"))


@pytest.mark.parametrize(("table", "statement", "said"), TAMPERING)
def test_whoever_takes_the_rules_away_is_found_out(billed, table, statement, said):
    without_triggers(table)
    assert run(statement)
    found = faults(billed)
    assert len(found) >= len(said), found
    for words in said:
        assert any(words in fault for fault in found), found
    assert any("2026-000001" in fault for fault in found)


def issued_more(count=3):
    with unit_of_work() as db:
        tariff = select(Bill.tariff_version_id)
        query = select(ChargingSession).where(ChargingSession.tariff_version_id.in_(tariff))
        first = db.scalars(query).first()
        for number in range(count):
            values = {
                column.name: getattr(first, column.name)
                for column in ChargingSession.__table__.columns
                if column.name not in ("id", "revision", "billing")
            }
            values |= {"start_key": f"more {number}", "transaction_ref": f"more {number}"}
            values["connector"] = 50 + number
            session = ChargingSession(**values)
            db.add(session)
            db.flush()
            lone.issue(db, session.id, now=LATER)


def removed(db: Session, number: str) -> None:
    given = {"number": number}
    of_bill = "WHERE bill_id = (SELECT id FROM bills WHERE number = :number)"
    db.execute(text("DELETE FROM deliveries"))
    for table in ("bill_lines", "receipts"):
        db.execute(text(f"DELETE FROM {table} {of_bill}"), given)
    db.execute(text("DELETE FROM bills WHERE number = :number"), given)


def test_a_bill_that_was_taken_out_is_missed(billed):
    issued_more()
    assert faults(billed) == []
    for table in ("bills", "bill_lines"):
        without_triggers(table)
    with unit_of_work() as db:
        removed(db, "2026-000002")
    assert faults(billed) == [
        "Bill 2026-000003: It stands at place 3 of the chain, not at 2.",
        "Bill 2026-000002: It is missing.",
    ]


def test_a_bill_that_was_taken_off_the_end_is_missed(billed):
    issued_more(2)
    for table in ("bills", "bill_lines"):
        without_triggers(table)
    with unit_of_work() as db:
        removed(db, "2026-000003")
    assert faults(billed) == [
        "The chain ends at 2, not at 3.",
        "Bill 2026-000003: It is missing.",
    ]


def test_a_bill_that_was_forged_whole_breaks_the_chain_after_it(billed):
    """Somebody who knows how digests are made has to make anew all that follow."""
    issued_more(1)
    without_triggers("bills")
    with unit_of_work() as db:
        bill = db.scalars(select(Bill).order_by(Bill.place)).first()
        bill.issued_by = "me"
        bill.digest = chain.digest_of(bill, bill.lines)
    assert faults(billed) == [
        "Bill 2026-000002: It does not follow the bill before it: that one is not what it was."
    ]


def test_each_tenants_chain_stands_alone_and_its_places_are_counted(billed):
    issued_more(2)
    db = flask_db.session()
    counters = {row.year: row.last for row in db.scalars(select(BillCounter))}
    assert counters == {0: 3, 2026: 3}
    assert [bill.place for bill in db.scalars(select(Bill).order_by(Bill.id))] == [1, 2, 3]
