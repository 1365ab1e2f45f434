"""Meter readings in sets: a batch gives the same rows as its messages one by one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.charging import metering
from app.domain.charging.metering import Metered
from app.domain.ground.vocabulary import SYSTEM, BillingState, MeterReport, Sample, SessionState
from app.domain.network import stations
from app.extensions import db as flask_db
from app.models import ChargingSession, MeterReading
from app.uow import unit_of_work
from tests.support.chance import tries
from tests.support.charging import STARTED, network

LATER = STARTED + timedelta(hours=2)
READING = MeterReading.__table__
SESSION = ChargingSession.__table__
#: Stations 1 and 2 charge, 3 has charged and is billed, 4 charges at two plugs.
RUNS = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None}

WORDS = st.sampled_from(
    ["Energy.Active.Import.Register", "Power.Active.Import", "Voltage", "SoC", "odd\tone\\N"]
)
TEXTS = st.sampled_from([None, "", r"\N", "a\nb\rc\td", "\\", "1e50", "Größe “x”", "hunter2 is it"])
NUMBERS = st.none() | st.decimals(0, 10**9, places=4, allow_nan=False)
SAMPLES = st.builds(Sample, WORDS, NUMBERS, st.just("Wh"), TEXTS, TEXTS, TEXTS, TEXTS)
REPORTS = st.builds(
    MeterReport,
    st.integers(-3600, 7200).map(lambda second: STARTED + timedelta(seconds=second)),
    st.lists(SAMPLES, min_size=1, max_size=4).map(tuple),
    st.booleans(),
    st.none() | st.just(STARTED + timedelta(days=1)),
)
MESSAGES = st.builds(
    lambda station, evse, ref, reports, own: (station, evse, ref, tuple(reports), own),
    st.integers(0, 3),
    st.integers(0, 2),
    st.sampled_from([None, "t-0", "t-1", "t-2", "t-3", "nobody's"]),
    st.lists(REPORTS, max_size=5),
    st.booleans(),
)


@pytest.fixture
def known(any_app):
    """The ids of four stations, three of which have sessions."""
    with unit_of_work() as db:
        net = network(db)
        ids = [net.station.id]
        for number in range(1, 4):
            station, _ = stations.register(
                *(db, SYSTEM, net.site.tenant_id, net.site, f"CP-{number + 1}"), now=STARTED
            )
            ids.append(station.id)
        for number, more in enumerate(
            (RUNS, RUNS, {"billing": BillingState.BILLED}, RUNS, {**RUNS, "evse": 2})
        ):
            row = net.session(**more)
            row.station_id, row.transaction_ref = ids[min(number, 3)], f"t-{number}"
            row.start_key = f"key-{number}"
    return ids


def rows_of(db):
    """All that readings leave behind, but for the order of their ids."""
    columns = [column for column in READING.c if column.name != "id"]
    found = [tuple(map(repr, row)) for row in db.execute(select(*columns)).all()]
    late = db.execute(select(SESSION.c.id, SESSION.c.late_evidence_at)).all()
    return sorted(found), sorted(map(str, late))


@settings(
    max_examples=tries(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(messages=st.lists(MESSAGES, max_size=25))
def test_a_batch_stores_what_its_messages_would_one_by_one(known, messages):
    batch = [Metered(known[number], *rest) for number, *rest in messages]
    db = flask_db.session()
    owners, _ = metering.store(db, batch, now=LATER)
    together = rows_of(db)
    db.rollback()
    alone = [metering.store(db, [item], now=LATER)[0][0] for item in batch]
    assert (owners, together) == (alone, rows_of(db))
    metering.store(db, batch, now=LATER)
    assert rows_of(db) == together
    db.rollback()


def test_readings_are_read_back_as_they_were_told(known):
    texts = [r"\N", "tab\there", "line\nend\r", "back\\slash", "“quoted” Größe", ""]
    samples = tuple(Sample("odd", None, "", text, None, None, text, True) for text in texts)
    reports = tuple(
        MeterReport(STARTED + timedelta(microseconds=number), samples) for number in range(40)
    )
    with unit_of_work() as db:
        metering.store(db, [Metered(known[0], 1, None, reports)], now=LATER)
    rows = flask_db.session.scalars(select(MeterReading).order_by(MeterReading.taken_at)).all()
    assert [row.taken_at for row in rows] == [report.taken_at for report in reports]
    assert {tuple(sample[1] for sample in row.samples) for row in rows} == {tuple(texts)}


@pytest.mark.parametrize("count", [1, 40])
def test_a_register_is_kept_to_a_thousandth_whatever_the_number_of_rows(known, count):
    reports = tuple(
        MeterReport(
            STARTED + timedelta(seconds=number),
            (Sample("Energy.Active.Import.Register", Decimal("1234.5675"), "Wh"),),
        )
        for number in range(count)
    )
    with unit_of_work() as db:
        metering.store(db, [Metered(known[0], 1, "t-0", reports)], now=LATER)
    rows = flask_db.session.scalars(select(MeterReading)).all()
    assert [row.register_wh for row in rows] == [Decimal("1234.568")] * count
