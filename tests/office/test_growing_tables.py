"""Each table has a rule or a reason; of each kind the old goes, and what is needed stays."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import inspect, select

from app.config import Settings
from app.domain.commands import broadcasts
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, ProfileState
from app.domain.office.retention_rules import RULES
from app.extensions import db as flask_db
from app.models import (
    Base,
    Broadcast,
    BroadcastTarget,
    Command,
    CompositeSchedule,
    Connection,
    MeterReading,
    NotedFault,
    Reservation,
    StationProfile,
    StationReport,
    Tenant,
    WorkerNode,
)
from app.tasks import tidying
from app.tasks.tidying import forget_rows
from app.uow import unit_of_work
from tests.support import fleet

SETTINGS = Settings(
    command_retention_days=30, connection_retention_days=30, reading_retention_days=30,
    event_retention_days=30, profile_retention_days=30, tap_retention_days=30,
)  # fmt: skip
NOW = datetime.now(UTC)
OLD, YOUNG = NOW - timedelta(days=40), NOW - timedelta(days=20)

#: What has no rule, and why.
KEPT = {
    "bills rest on it, or it is what tax law asks for": {
        *("audit_entries", "bill_counters", "bill_lines", "bills", "charging_sessions"),
        *("session_revisions", "transaction_events", "status_events", "receipts", "deliveries"),
        *("reviews", "settlements", "stray_stops", "tariff_versions", "battery_swaps"),
    },
    "as many as there are stations, plugs or worker processes": {
        *("stations", "connectors", "evse_setpoints", "local_lists", "station_tariffs"),
        *("station_variables", "variable_monitors", "deviations", "der_controls"),
        *("display_messages", "station_certificates"),
    },
    "as many as somebody adds by hand, for as long as it stands there": {
        *("tenants", "sites", "users", "user_sites", "roles", "tariffs", "charging_profiles"),
        *("firmware_files", "authority_certificates", "api_tokens", "passkeys", "recovery_codes"),
        *("alert_rules", "alert_rule_sites", "report_schedules", "saved_filters", "list_choices"),
        *("webhook_endpoints", "drivers", "driver_sites", "tags", "tag_sites", "tag_stations"),
        *("tag_groups", "tag_group_sites"),
    },
    "one row for each kind, and no more": {"system_marks", "webhook_marks", "schema_support"},
    "a month of a driver, a wish to be forgotten: that it was done must be shown": {
        *("driver_statements", "forgettings"),
    },
    "its text is erased after its time, and who asked for it stays": {"customer_reports"},
}


def test_every_table_is_in_one_rule_or_has_a_reason():
    ruled = {rule.table.__tablename__ for rule in RULES if rule.since is not None}
    reasons = [name for names in KEPT.values() for name in names]
    assert len(reasons) == len(set(reasons))
    assert ruled.isdisjoint(reasons)
    tables = set(Base.metadata.tables)
    assert tables - ruled - set(reasons) == set(), "how long is it kept, or why for ever?"
    assert (ruled | set(reasons)) - tables == set(), "these are no tables any more"


@pytest.fixture
def station(any_app):
    return fleet.connected(1, now=NOW)[0]


def left(column):
    db = flask_db.session()
    db.rollback()
    return db.scalars(select(column).order_by(inspect(column.class_).primary_key[0])).all()


def add(rows):
    with unit_of_work() as db:
        db.add_all(rows)


def test_a_connection_goes_when_it_ended_long_ago(station):
    at = {"station_id": station, "address": "192.0.2.1", "opened_at": OLD}
    add([
        Connection(**at, node="ended", closed_at=OLD),
        Connection(**at, node="lately", closed_at=YOUNG),
        Connection(**at, node="open"),
    ])  # fmt: skip
    forget_rows(SETTINGS, now=NOW)
    assert left(Connection.node) == ["worker-a", "lately", "open"]


def test_a_worker_that_is_gone_is_forgotten_unless_messages_wait_in_its_spool(station):
    add([
        WorkerNode(node="gone", started_at=OLD, beat_at=OLD),
        WorkerNode(node="spool", started_at=OLD, beat_at=OLD, spooled=3),
    ])  # fmt: skip
    forget_rows(SETTINGS, now=NOW)
    assert left(WorkerNode.node) == ["spool", "worker-a"]


def test_readings_go_that_belong_to_no_session_and_were_not_heard_lately(station):
    def reading(word, taken, received, session_id=None):
        return MeterReading(
            station_id=station, session_id=session_id, evse=1, taken_at=taken, received_at=received,
            samples=[], digest=word,
        )  # fmt: skip

    add([
        reading("idle", OLD, OLD), reading("session", OLD, OLD, 4711),
        reading("clock", OLD, YOUNG), reading("young", YOUNG, YOUNG),
    ])  # fmt: skip
    forget_rows(SETTINGS, now=NOW)
    assert left(MeterReading.digest) == ["session", "clock", "young"]


def test_orders_go_with_their_results_but_numbers_are_never_given_again(station):
    def order(at):
        with unit_of_work() as db:
            tenant_id = db.scalar(select(Tenant.id))
            return broadcasts.start(
                *(db, SYSTEM, tenant_id, [station], Order.CLEAR_CACHE, {}), now=at, ttl_s=60
            ).id

    numbers = [order(OLD), order(OLD), order(YOUNG), order(YOUNG)]
    with unit_of_work() as db:
        for command in db.scalars(select(Command)):
            command.state, command.settled_at = CommandState.EXPIRED, command.requested_at
        for broadcast in db.scalars(select(Broadcast)):
            broadcasts.go_on(db, broadcast.id, broadcast.created_at)
    forget_rows(SETTINGS, now=NOW)
    assert left(Command.requested_at) == left(Broadcast.created_at) == [YOUNG, YOUNG]
    assert left(BroadcastTarget.broadcast_id) == numbers[2:]
    forget_rows(SETTINGS, now=NOW + timedelta(days=60))
    assert left(Broadcast.id) == numbers[3:]
    assert len(left(Command.id)) == 1


def test_what_a_station_told_of_itself_goes_and_what_is_not_over_stays(station):
    with unit_of_work() as db:
        tenant_id = db.scalar(select(Tenant.id))
    place = {"station_id": station, "tenant_id": tenant_id}
    boot = {"station_id": station, "kind": "boot", "payload": {}, "at": OLD}
    held = {"station_id": station, "document": {}, "created_at": OLD}
    kept = {**place, "token": "04", "created_by": "Ada", "created_at": OLD}
    add([
        StationReport(**boot, word="old", received_at=OLD),
        StationReport(**boot, word="new", received_at=NOW),
        CompositeSchedule(
            station_id=station, evse=1, unit="A", starts_at=OLD, duration_s=1, periods=[],
            received_at=OLD,
        ),
        StationProfile(**held, state=ProfileState.CLEARED, settled_at=OLD),
        StationProfile(**held, state=ProfileState.ACCEPTED, settled_at=OLD),
        Reservation(**kept, expires_at=OLD, settled_at=OLD),
        Reservation(**kept, expires_at=NOW),
        NotedFault(station_id=station, text="mended", noted_by="A", noted_at=OLD, done_at=OLD),
        NotedFault(station_id=station, text="stands", noted_by="A", noted_at=OLD),
    ])  # fmt: skip
    forget_rows(SETTINGS, now=NOW)
    assert left(StationReport.word) == ["new"]
    assert left(CompositeSchedule.id) == []
    assert left(StationProfile.state) == [ProfileState.ACCEPTED]
    assert left(Reservation.settled_at) == [None]
    assert left(NotedFault.text) == ["stands"]


def test_many_rows_go_in_many_units_of_work(station, monkeypatch):
    monkeypatch.setattr("app.tasks.steps._MOST", 50)
    units = []

    class Counted(tidying.Bites):
        def __call__(self, act):
            units.append(self._most)
            return super().__call__(act)

    monkeypatch.setattr(tidying, "Bites", Counted)
    report = {"station_id": station, "kind": "boot", "payload": {}, "at": OLD, "received_at": OLD}
    add([StationReport(**report, word=str(number)) for number in range(170)])
    forget_rows(SETTINGS, now=NOW)
    assert left(StationReport.id) == []
    assert units == [50] * 4
