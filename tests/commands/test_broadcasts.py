"""Broadcasts: paced, stopped by failures, cancelled, repeated; each station with its own result."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.commands import broadcasts, commands
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import (
    OPEN_STATES,
    Actor,
    BroadcastState,
    CommandState,
    Order,
    Outcome,
)
from app.domain.network import presence
from app.models import AuditEntry, BroadcastTarget, Command, Station
from tests.support import lone, sockets, stations

ADA = Actor("Ada", None, "192.0.2.7")
YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")
NO = Outcome(CommandState.REJECTED, {"status": "Rejected"}, "The charger answered Rejected.")


@pytest.fixture
def fleet(db, now):
    """Six connected stations."""
    made = [stations.register(db, f"CP-{number}", now=now) for number in range(6)]
    for station in made:
        sockets.connect(db, station, orders=sockets.EVERY_ORDER, now=now)
    return made


@pytest.fixture
def begin(db, fleet, now):
    def start(order=Order.CLEAR_CACHE, arguments=None, **given):
        values = {"at_once": 2, "stations": fleet, **given}
        ids = [station.id for station in values.pop("stations")]
        return broadcasts.start(
            *(db, ADA, fleet[0].tenant_id, ids, order, arguments or {}),
            now=now,
            ttl_s=60,
            **values,
        )

    return start


def under_way(db, broadcast):
    """The commands that wait for an answer, oldest first."""
    query = (
        select(Command)
        .join(BroadcastTarget, BroadcastTarget.command_id == Command.id)
        .where(BroadcastTarget.broadcast_id == broadcast.id)
        .where(Command.state.in_(OPEN_STATES))
    )
    return db.scalars(query.order_by(Command.id)).all()


def answer(db, broadcast, now, outcome=YES):
    """Have the oldest open command answered, and the task do its part; return its station."""
    command = under_way(db, broadcast)[0]
    lone.claim(db, command.id, "worker-a", now=now)
    commands.settle(db, command, outcome, now=now, latency_ms=20.0)
    broadcasts.go_on(db, broadcast.id, now)
    return command.station


def states(db, broadcast):
    query = select(BroadcastTarget.state).where(BroadcastTarget.broadcast_id == broadcast.id)
    return list(db.scalars(query.order_by(BroadcastTarget.id)))


def test_only_so_many_are_under_way_at_once(db, begin):
    broadcast = begin()
    assert states(db, broadcast) == ["under_way"] * 2 + ["waiting"] * 4


def test_each_answer_lets_the_next_go_until_all_are_done(db, begin, now):
    broadcast = begin()
    for _ in range(6):
        assert len(under_way(db, broadcast)) <= 2
        answer(db, broadcast, now)
    assert broadcast.state is BroadcastState.DONE
    assert broadcast.settled_at == now
    assert states(db, broadcast) == ["accepted"] * 6


def test_every_station_keeps_its_own_result(db, begin, now):
    broadcast = begin(at_once=6)
    answer(db, broadcast, now, NO)
    for _ in range(5):
        answer(db, broadcast, now)
    assert states(db, broadcast) == ["rejected"] + ["accepted"] * 5
    first = db.scalars(select(BroadcastTarget).order_by(BroadcastTarget.id)).first()
    assert first.sentence == "The charger answered Rejected."


def test_who_is_not_connected_is_passed_over_with_a_sentence(db, begin, fleet, now):
    sockets.close_connection(db, fleet[1].connection_id, code=1006, reason="gone", now=now)
    db.expire_all()
    broadcast = begin()
    assert states(db, broadcast)[:3] == ["under_way", "skipped", "under_way"]
    skipped = db.scalar(select(BroadcastTarget).where(BroadcastTarget.state == "skipped"))
    assert skipped.sentence == "CP-1 is not connected, so nothing was sent."


def test_what_a_station_cannot_do_is_settled_at_once_and_holds_nobody_up(db, begin, fleet):
    for station in fleet:
        station.supported_orders = ["reset"]
    broadcast = begin()
    assert states(db, broadcast) == ["unsupported"] * 6
    assert broadcast.state is BroadcastState.DONE


def test_too_many_failures_stop_it(db, begin, now):
    broadcast = begin(stop_percent=50)
    answer(db, broadcast, now, NO)
    assert broadcast.state is BroadcastState.RUNNING, "one of one says little"
    answer(db, broadcast, now, NO)
    assert broadcast.state is BroadcastState.STOPPED
    assert broadcast.sentence == "Stopped: more than 50 % had failed."
    assert states(db, broadcast) == ["rejected"] * 2 + ["under_way"] + ["cancelled"] * 3
    answer(db, broadcast, now)
    assert states(db, broadcast)[2] == "accepted", "what was under way is still told"


def test_few_failures_do_not(db, begin, now):
    broadcast = begin(stop_percent=50)
    for outcome in (YES, NO, YES, YES, NO, YES):
        answer(db, broadcast, now, outcome)
    assert broadcast.state is BroadcastState.DONE


def test_a_cancelled_broadcast_sends_no_more(db, begin, now):
    broadcast = begin()
    broadcasts.cancel(db, ADA, broadcast, now=now)
    answer(db, broadcast, now)
    assert states(db, broadcast) == ["accepted", "under_way"] + ["cancelled"] * 4
    with pytest.raises(Conflict, match="has ended"):
        broadcasts.cancel(db, ADA, broadcast, now=now)


def test_the_failed_are_asked_again_and_only_they(db, begin, now):
    broadcast = begin(at_once=6)
    failed = answer(db, broadcast, now, NO)
    with pytest.raises(Conflict, match="under way"):
        broadcasts.retry(db, ADA, broadcast, now=now)
    for _ in range(5):
        answer(db, broadcast, now)
    again = broadcasts.retry(db, ADA, broadcast, now=now)
    targets = db.scalars(select(BroadcastTarget).where(BroadcastTarget.broadcast_id == again.id))
    assert [target.station_id for target in targets] == [failed.id]
    answer(db, again, now)
    with pytest.raises(Conflict, match="nothing to repeat"):
        broadcasts.retry(db, ADA, again, now=now)


def test_commands_that_expire_make_room_too(db, begin, now):
    broadcast = begin()
    later = now + timedelta(seconds=61)
    presence.beat(db, "worker-a", now=later)
    commands.expire_overdue(db, later)
    broadcasts.go_on(db, broadcast.id, later)
    assert states(db, broadcast) == ["expired"] * 2 + ["under_way"] * 2 + ["waiting"] * 2


def test_the_sweep_takes_results_that_were_missed(db, begin, now):
    broadcast = begin()
    command = under_way(db, broadcast)[0]
    command.state = CommandState.ACCEPTED
    assert broadcasts.running(db) == [broadcast.id]
    broadcasts.go_on(db, broadcast.id, now)
    assert states(db, broadcast)[:4] == ["accepted", "under_way", "under_way", "waiting"]


def test_a_secret_is_kept_only_as_long_as_it_is_needed(db, begin, fleet, now):
    broadcast = begin(
        Order.CHANGE_SETTING, {"key": "WifiPassword", "value": "canary"}, stations=fleet[:1]
    )
    answer(db, broadcast, now, NO)
    assert "canary" not in str(broadcast.arguments)
    assert all("canary" not in f"{e.note} {e.after} {e.before}" for e in db.query(AuditEntry))
    with pytest.raises(Conflict, match="secret"):
        broadcasts.retry(db, ADA, broadcast, now=now)


@pytest.mark.parametrize(
    ("order", "given", "field"),
    [
        (Order.STOP_CHARGING, {}, "order"),
        (Order.CLEAR_CACHE, {"at_once": 0}, "at_once"),
        (Order.CLEAR_CACHE, {"stop_percent": 101}, "stop_percent"),
        (Order.CLEAR_CACHE, {"stations": []}, "station_ids"),
        (Order.RESET, {}, "kind"),
    ],
)
def test_what_makes_no_sense_is_named(begin, order, given, field):
    with pytest.raises(Invalid) as refused:
        begin(order, {}, **given)
    assert refused.value.field == field


def test_it_is_in_the_audit(db, begin):
    begin()
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "broadcast.start"))
    assert entry.note == "Clear the tag cache, to 6 stations"
    assert db.query(Station).count() == 6
