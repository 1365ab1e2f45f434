"""A broadcast asks the database the same few things, however many stations it goes to."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from app.domain.commands import broadcasts, commands
from app.domain.commands.command_rules import Ended, settle_all
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import (
    SYSTEM,
    BroadcastState,
    CommandState,
    Order,
    Outcome,
    Registration,
)
from app.extensions import db as flask_db
from app.models import AuditEntry, Broadcast, BroadcastTarget, Command, Station, Tenant
from app.tasks import sweeps
from app.tasks.sweeps import advance_broadcasts
from app.uow import unit_of_work
from tests.support import fleet

YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")


@pytest.fixture
def now(monkeypatch):
    """The instant at which all happens: on a slow computer no worker is given up meanwhile."""
    at = datetime.now(UTC)
    monkeypatch.setattr(sweeps, "utc_now", lambda: at)
    return at


def begin(ids, now, order=Order.CLEAR_CACHE, arguments=None, **given):
    """Begin a broadcast; return its number and how many statements that took."""
    with unit_of_work() as db:
        tenant_id = db.scalar(select(Tenant.id))
        with fleet.statements(db) as asked:
            broadcast = broadcasts.start(
                *(db, SYSTEM, tenant_id, ids, order, arguments or {}), now=now, ttl_s=60, **given
            )
        return broadcast.id, len(asked)


def count(number):
    db = flask_db.session()
    db.rollback()
    return dict(broadcasts.tally(db, db.get(Broadcast, number)))


def end_all(now, node="worker-a"):
    """Have the worker end all that waits, in one set; return the statements that took."""
    with unit_of_work() as db:
        waiting = db.scalars(select(Command.id).where(Command.state == CommandState.QUEUED)).all()
        here = db.scalars(select(Station.connection_id).where(Station.connection_id.is_not(None)))
        commands.claim_all(db, waiting, node, here.all(), now=now)
        with fleet.statements(db) as asked:
            settle_all(db, [Ended(one, YES) for one in waiting], now=now)
    advance_broadcasts()
    return len(asked)


@pytest.mark.parametrize("at_once", [10, 200])
def test_to_begin_takes_as_many_statements_for_many_as_for_few(any_app, now, at_once):
    few = fleet.connected(10, now=now, away=5, prefix="few")
    many = fleet.connected(400, now=now, away=150, prefix="many")
    _, small = begin(few, now, at_once=at_once)
    number, large = begin(many, now, at_once=at_once)
    assert large <= small
    assert count(number)["under_way"] == at_once
    queued = select(func.count(Command.id)).where(Command.state == CommandState.QUEUED)
    noted = select(func.count(AuditEntry.id)).where(AuditEntry.action == "station.command")
    assert flask_db.session().scalar(queued) == 5 + at_once
    assert flask_db.session().scalar(noted) == 5 + at_once


def test_whoever_begins_waits_for_the_first_stations_only(any_app, now):
    ids = fleet.connected(1300, now=now, away=1298)
    number, _ = begin(ids[2:] + ids[:2], now)
    assert count(number) == {"skipped": 500, "waiting": 800}
    with unit_of_work() as db:
        assert db.scalar(select(func.count(BroadcastTarget.id))) == 500
    advance_broadcasts()
    assert count(number) == {"skipped": 1298, "under_way": 2}
    end_all(now)
    assert count(number) == {"skipped": 1298, "accepted": 2}
    with unit_of_work() as db:
        broadcast = db.get_one(Broadcast, number)
        assert (broadcast.state, broadcast.goes_to) == (BroadcastState.DONE, None)
        listed = select(BroadcastTarget.station_id).order_by(BroadcastTarget.id)
        assert db.scalars(listed).all() == ids[2:] + ids[:2]


def test_one_that_is_cancelled_early_is_called_off_for_everybody_and_can_be_repeated(any_app, now):
    ids = fleet.connected(1300, now=now, away=1298)
    number, _ = begin(ids, now)
    with unit_of_work() as db:
        broadcasts.cancel(db, SYSTEM, db.get_one(Broadcast, number), now=now)
    with unit_of_work() as db, pytest.raises(Conflict, match="under way"):
        broadcasts.retry(db, SYSTEM, db.get_one(Broadcast, number), now=now)
    advance_broadcasts()
    assert count(number) == {"under_way": 2, "skipped": 498, "cancelled": 800}
    with unit_of_work() as db:
        assert broadcasts.running(db) == []
        again = broadcasts.retry(db, SYSTEM, db.get_one(Broadcast, number), now=now)
        assert broadcasts.tally(db, again).total() == 1298


def test_whom_nobody_can_reach_is_passed_over_when_its_turn_has_come(any_app, now):
    ids = fleet.connected(6, now=now, away=4)
    ids = ids[2:4] + ids[:1] + ids[4:] + ids[1:2]
    number, _ = begin(ids, now, at_once=1)
    assert count(number) == {"skipped": 2, "under_way": 1, "waiting": 3}
    end_all(now)
    assert count(number) == {"skipped": 4, "under_way": 1, "accepted": 1}
    said = select(BroadcastTarget.sentence).where(BroadcastTarget.state == "skipped").limit(1)
    sentence = flask_db.session().scalar(said)
    assert sentence == "F-00002 is not connected, so nothing was sent."


def test_ends_that_come_together_are_followed_together(any_app, now):
    ids = fleet.connected(120, now=now)
    number, _ = begin(ids, now, at_once=40)
    first = end_all(now)
    assert count(number) == {"under_way": 40, "accepted": 40, "waiting": 40}
    assert first < 30 + 40, "one statement more for each that ended: its row as it stands"
    end_all(now)
    end_all(now)
    assert count(number) == {"accepted": 120}


def test_each_is_told_why_it_was_left_out(any_app, now):
    ids = fleet.connected(5, now=now, away=1)
    with unit_of_work() as db:
        for number, values in enumerate(
            (
                {"supported_orders": ["reset"]},
                {"registration": Registration.REJECTED},
                {"registration": Registration.BLOCKED},
                {"archived_at": now},
                {"archived_at": None},
            )
        ):
            db.execute(update(Station).where(Station.id == ids[number]).values(values))
    begin(ids, now, at_once=9)
    query = select(BroadcastTarget.state, BroadcastTarget.sentence).order_by(BroadcastTarget.id)
    assert flask_db.session().execute(query).all() == [
        (
            "unsupported",
            "Clear the tag cache is not something F-00000 can be asked over this protocol.",
        ),
        ("skipped", "The boot of F-00001 was rejected: nothing may be sent to it."),
        ("skipped", "F-00002 is blocked: nothing may be sent to it."),
        ("skipped", "F-00003 is in the archive."),
        ("skipped", "F-00004 is not connected, so nothing was sent."),
    ]
