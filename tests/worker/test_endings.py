"""The end of an order comes out of the spool as it went in, counts once, and also late."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.commands.command_rules import Ended, Sent
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Outcome
from app.domain.network import stations
from app.extensions import db as flask_db
from app.models import Command, CompositeSchedule, Message, StationVariable
from tests.support.charging import network
from worker import log_rows
from worker.answers import outcome_of
from worker.batch import Batch
from worker.dialects import DIALECTS
from worker.dispatch import Dispatch
from worker.endings import Ending, Endings
from worker.ocpp.events import Answered, Cancelled, Expired, OurCall, Refused, TimedOut
from worker.ocpp.handshake import Admitted
from worker.ocpp.versions import Fault, Version
from worker.replay import Replay
from worker.spool import Spool
from worker.standing import Held, Standing
from worker.works import Job

SENT_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROOM = 1 << 20


def call(order, action, arguments, sent_at=1.0):
    version = Version.V16 if order in (Order.CHANGE_SETTING, Order.RESET) else Version.V201
    return version, order, arguments, OurCall("m1", action, {}, "", 0.0, None, 30.0, None, sent_at)


RESET = call(Order.RESET, "Reset", {"kind": "soft"})
CLEAR = call(Order.CLEAR_CACHE, "ClearCache", {})
NEVER_SENT = call(Order.CLEAR_CACHE, "ClearCache", {}, None)
CHANGE = call(
    Order.CHANGE_SETTING, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}
)
COMPOSITE = call(Order.READ_COMPOSITE_SCHEDULE, "GetCompositeSchedule", {"duration_s": 600})
SCHEDULE = {
    "status": "Accepted",
    "schedule": {
        "evseId": 1,
        "duration": 600,
        "scheduleStart": "2026-03-02T09:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.5}],
    },
}


def answered(asked, payload):
    return asked, Answered(asked[-1], payload, 0.25, json.dumps([3, "m1", payload]))


ENDS = {
    "yes": answered(CLEAR, {"status": "Accepted"}),
    "no": answered(CLEAR, {"status": "Rejected", "statusInfo": {"reasonCode": "Busy"}}),
    "what an answer tells": answered(COMPOSITE, SCHEDULE),
    "what an answer means": answered(CHANGE, {"status": "RebootRequired"}),
    "no sense": answered(CLEAR, {"state": 7}),
    "error": (RESET, Refused(RESET[-1], Fault.INTERNAL, "InternalError", "", {"a": 1}, 0.1, "")),
    "unsupported": (
        *(RESET, Refused(RESET[-1], Fault.NOT_IMPLEMENTED, "NotImplemented", "", {}, 0.1, "")),
    ),
    "silence": (CLEAR, TimedOut(CLEAR[-1])),
    "hung up": (RESET, Cancelled(RESET[-1])),
    "never sent": (NEVER_SENT, Expired(NEVER_SENT[-1])),
}


@pytest.fixture
def site(any_app, tmp_path):
    """Where orders end: `sent(…)` makes one that was sent, to a station of its own."""
    db, settings, numbers = flask_db.session(), any_app.config["SETTINGS"], count(2)
    net = network(db)
    db.commit()
    batch, folder = Batch(any_app), tmp_path / "spool"
    endings = Endings(batch, Standing(settings), Spool(folder, ROOM))

    def sent(version, order, arguments, _call):
        station, _ = stations.register(
            *(db, SYSTEM, net.site.tenant_id, net.site, f"E-{next(numbers)}"), now=SENT_AT
        )
        station.protocol = f"ocpp{version.value}"
        station.supported_orders = [each.value for each in DIALECTS[version].orders]
        row = Command(
            tenant_id=station.tenant_id, station=station, order=order, arguments=arguments,
            state=CommandState.SENT, requested_by="somebody", requested_at=SENT_AT,
            expires_at=SENT_AT + timedelta(minutes=1), sent_at=SENT_AT, node="here",
        )  # fmt: skip
        db.add(row)
        db.commit()
        return row

    def replay():
        spool = Spool(folder, ROOM)
        live = Dispatch(batch, Standing(settings), settings, lambda gauges: None, spool)
        return Replay(batch, live, settings, lambda gauges: None, spool)

    def through_the_spool(end):
        """As by a process that is killed after the answer, and the next one after it has stored."""
        assert endings._keep(end)
        for segment in endings._spool._segments:
            segment.close()
        kept = {file.name: file.read_bytes() for file in folder.iterdir()}
        replay()._empty()
        for name, told in kept.items():
            (folder / name).write_bytes(told)
        replay()._empty()
        assert list(folder.iterdir()) == []
        batch.do(Job(lambda db, rows: None))
        db.rollback()

    yield SimpleNamespace(db=db, sent=sent, batch=batch, endings=endings, spooled=through_the_spool)
    batch.stop()


def ending(row, asked, event):
    """The end of a command over a link that is open."""
    version, order, form, ours = asked
    station = row.station
    admitted = Admitted(
        station.id, station.identity, station.tenant_id, None, False, "UTC", {}, served=True
    )
    link = SimpleNamespace(station=admitted, version=version, data=None)
    logged = None
    if ours.sent_at is not None:
        logged = log_rows.of_settled(Held(link), event, 250.0)._replace(at=SENT_AT)
    outcome = outcome_of(version, event, DIALECTS[version].orders[order], form)
    wire = Sent(ours.action, {"password": "hunter22"}, "m1", SENT_AT)
    attempt = {"words": "", "state": "rejected", "request": {"password": "hunter22"}}
    ended = Ended(row.id, outcome, 250.0, wire, [attempt])
    return Ending(link, ended, order, logged, form)


def left(db, row):
    """All that is known of an order and of its station, but for numbers and times of storing."""
    db.rollback()
    own = {"id", "station_id", "settled_at", "requested_at", "expires_at", "received_at"}
    own |= {"wanted_at", "command_id"}
    found = {}
    for kind in (Command, Message, CompositeSchedule, StationVariable):
        columns = [one for one in kind.__table__.c if one.name not in own]
        query = select(*columns).where(kind.station_id == row.station_id).order_by(kind.id)
        found[kind.__name__] = [dict(each) for each in db.execute(query).mappings()]
    return found


@pytest.mark.parametrize("how", list(ENDS))
def test_it_leaves_what_it_leaves_with_a_database(site, how):
    asked, event = ENDS[how]
    one, other, told = site.sent(*asked), site.sent(*asked), []
    site.endings.put(ending(one, asked, event), told.append)
    site.batch.do(Job(lambda db, rows: None))
    assert told == [None]
    site.spooled(ending(other, asked, event))
    there = left(site.db, one)
    assert left(site.db, other) == there
    assert "sent" not in there["Command"][0]["state"]
    assert "hunter22" not in repr(there)


@pytest.mark.parametrize("how", [how for how in ENDS if how != "silence"])
def test_one_that_a_sweep_gave_up_ends_as_its_station_answered(site, how):
    asked, event = ENDS[how]
    row = site.sent(*asked)
    given_up = Outcome(CommandState.TIMED_OUT, None, "No answer arrived.")
    assert commands.settle(site.db, row, given_up, now=SENT_AT)
    site.db.commit()
    end = ending(row, asked, event)
    site.spooled(end)
    site.db.refresh(row)
    assert (row.state, row.sentence) == (end.ended.outcome.state, end.ended.outcome.sentence)


def test_no_secret_is_on_the_disk(site, tmp_path):
    row = site.sent(*CLEAR)
    assert site.endings._keep(ending(row, *ENDS["yes"]))
    assert b"hunter22" not in b"".join(file.read_bytes() for file in (tmp_path / "spool").iterdir())


def test_an_answer_that_postgresql_cannot_store_fails_its_order(site):
    row = site.sent(*CLEAR)
    end = ending(row, *answered(CLEAR, {"status": "Accepted"}))
    odd = replace(end.ended.outcome, sentence="a\x00b")
    site.spooled(replace(end, ended=replace(end.ended, outcome=odd)))
    site.db.refresh(row)
    lite = site.db.get_bind().dialect.name == "sqlite"
    assert row.state is (CommandState.ACCEPTED if lite else CommandState.FAILED)
