"""Broadcasts: one order to many stations, paced, each with a command and a result of its own.

The rows are the truth: `advance` sends as many as may be under way.  A task calls it (`go_on`),
asked for when commands of the broadcast end, and the sweep; who settles a command does not, or
chargers would wait for answers while thousands of stations are looked through.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, literal, or_, select, update
from sqlalchemy.orm import Session

from app.domain.commands import command_checks, commands, orders, repeats
from app.domain.ground.bulk import BulkInsert
from app.domain.ground.errors import Conflict, DomainError, Invalid
from app.domain.ground.events import BroadcastChanged, BroadcastWaits, record
from app.domain.ground.vocabulary import Actor, Arguments, BroadcastState, CommandState, Order
from app.domain.office import audit, messages
from app.models import Broadcast, BroadcastTarget, Command, Station

#: A target's states beside those of its command once that has ended.
WAITING, UNDER_WAY, SKIPPED, CANCELLED = "waiting", "under_way", "skipped", "cancelled"
#: What counts as a failure; who was not connected was never asked.
FAILURES = frozenset(
    {
        CommandState.REJECTED.value,
        CommandState.FAILED.value,
        CommandState.TIMED_OUT.value,
        CommandState.EXPIRED.value,
        CommandState.UNSUPPORTED.value,
    }
)
#: What a repetition takes up again.
AGAIN = FAILURES | {SKIPPED, CANCELLED}

MOST_AT_ONCE = 500
MOST_STATIONS = 100_000
_add = BulkInsert(BroadcastTarget.__table__, ("broadcast_id", "station_id", "state"))


def start(
    db: Session,
    actor: Actor,
    tenant_id: int,
    station_ids: Sequence[int],
    order: Order,
    arguments: Arguments,
    *,
    now: datetime,
    ttl_s: float,
    at_once: int = 10,
    stop_percent: int | None = None,
    chosen_by: Mapping[str, Any] | None = None,
) -> Broadcast:
    """Begin to give an order to many stations; `chosen_by` is the filter that found them.

    At most `at_once` are under way; when more than `stop_percent` of those that
    ended failed, the rest is not sent.  Raises `Invalid`.
    """
    _check(order, len(station_ids), at_once, stop_percent)
    checked = orders.arguments(order, arguments)
    broadcast = Broadcast(
        tenant_id=tenant_id,
        order=order,
        # What was given, not what was read: each station's own preparation reads it again.
        arguments={name: arguments[name] for name in arguments if name in checked},
        filter=dict(chosen_by or {}),
        at_once=at_once,
        stop_percent=stop_percent,
        ttl_s=round(ttl_s),
        state=BroadcastState.RUNNING,
        requested_by=actor.name,
        user_id=actor.user_id,
        created_at=now,
    )
    db.add(broadcast)
    db.flush()
    _add(db, [(broadcast.id, station, WAITING) for station in station_ids])
    words = f"{orders.describe(order, checked)}, to {len(station_ids)} stations"[:500]
    audit.remark(db, actor, "broadcast.start", broadcast, words, now=now)
    db.flush()
    advance(db, broadcast, now)
    return broadcast


def advance(db: Session, broadcast: Broadcast, now: datetime) -> None:
    """Send what may be sent now; end the broadcast when nothing is left or too much failed."""
    db.refresh(broadcast, with_for_update=True)
    if broadcast.state is not BroadcastState.RUNNING:
        return
    count = tally(db, broadcast)
    while count[WAITING] and count[UNDER_WAY] < broadcast.at_once:
        if _too_many_failed(broadcast, count):
            share = f"more than {broadcast.stop_percent} % had failed"
            _stop(db, broadcast, BroadcastState.STOPPED, f"Stopped: {share}.", now)
            return
        room = broadcast.at_once - count[UNDER_WAY]
        _send(db, broadcast, _next(db, broadcast, room, now), now)
        count = tally(db, broadcast)
    if not count[WAITING] and not count[UNDER_WAY]:
        broadcast.state = BroadcastState.DONE
        _settled(broadcast, None, now)
    db.flush()
    record(db, BroadcastChanged(broadcast.tenant_id, broadcast.id))


def commands_ended(db: Session, ended: Sequence[Command], now: datetime) -> None:
    """Commands of broadcasts have ended: keep their results, and ask for the next ones.

    The result of one that timed out may be told later (`LATE_MOVES`).
    """
    by_id = {command.id: command for command in ended}
    query = select(BroadcastTarget).where(
        BroadcastTarget.command_id.in_(list(by_id)),
        BroadcastTarget.state.in_((UNDER_WAY, CommandState.TIMED_OUT.value)),
    )
    # In the order of their numbers, so that two who do this cannot wait for each other.
    targets = db.scalars(query.order_by(BroadcastTarget.id).with_for_update()).all()
    for target in targets:
        _keep(target, by_id[target.command_id or 0])
    db.flush()
    for one in {target.broadcast_id: target for target in targets}.values():
        record(db, BroadcastWaits(by_id[one.command_id or 0].tenant_id, one.broadcast_id))


def running(db: Session) -> Sequence[int]:
    """Ids of the broadcasts that are not at their end."""
    query = select(Broadcast.id).where(Broadcast.state == BroadcastState.RUNNING)
    return db.scalars(query.order_by(Broadcast.id)).all()


def go_on(db: Session, number: int, now: datetime) -> None:
    """Go on with a broadcast, once results that were missed are taken."""
    missed = select(BroadcastTarget, Command).where(
        Command.id == BroadcastTarget.command_id,
        BroadcastTarget.broadcast_id == number,
        BroadcastTarget.state == UNDER_WAY,
        Command.state.not_in(commands.OPEN_STATES),
    )
    in_order = missed.order_by(BroadcastTarget.id).with_for_update(of=BroadcastTarget)
    for target, command in db.execute(in_order).all():
        _keep(target, command)
    db.flush()
    advance(db, db.get_one(Broadcast, number), now)


def cancel(db: Session, actor: Actor, broadcast: Broadcast, *, now: datetime) -> None:
    """Send no more; what is under way is waited for.  Raises `Conflict` when it has ended."""
    if broadcast.state is not BroadcastState.RUNNING:
        raise Conflict("This broadcast has ended.")
    before = audit.snapshot(broadcast)
    _stop(db, broadcast, BroadcastState.CANCELLED, f"Cancelled by {actor.name}.", now)
    audit.note(db, actor, "broadcast.cancel", broadcast, now=now, before=before)
    db.flush()


def retry(db: Session, actor: Actor, broadcast: Broadcast, *, now: datetime) -> Broadcast:
    """Give the same order to those that failed or were not reached, as a new broadcast.

    Raises `Conflict` while it runs, when nobody failed, or when its secret was not kept.
    """
    if broadcast.state is BroadcastState.RUNNING:
        raise Conflict("This broadcast is still under way.")
    if repeats.holds_redacted(broadcast.arguments):
        raise Conflict("Its secret was not kept: give the order anew.")
    failed = db.scalars(
        select(Station.id)
        .join(BroadcastTarget, BroadcastTarget.station_id == Station.id)
        .where(BroadcastTarget.broadcast_id == broadcast.id, BroadcastTarget.state.in_(AGAIN))
        .order_by(BroadcastTarget.id)
    ).all()
    if not failed:
        raise Conflict("Every station accepted: there is nothing to repeat.")
    return start(
        *(db, actor, broadcast.tenant_id, failed, broadcast.order, broadcast.arguments),
        now=now,
        ttl_s=broadcast.ttl_s,
        at_once=broadcast.at_once,
        stop_percent=broadcast.stop_percent,
        chosen_by={"again": broadcast.id},
    )


def tally(db: Session, broadcast: Broadcast) -> Counter[str]:
    """How many stations of a broadcast stand where."""
    rows = db.execute(
        select(BroadcastTarget.state, func.count(BroadcastTarget.id))
        .where(BroadcastTarget.broadcast_id == broadcast.id)
        .group_by(BroadcastTarget.state)
    )
    return Counter(dict(rows.all()))


def _check(order: Order, stations: int, at_once: int, stop_percent: int | None) -> None:
    if orders.SPECS[order].single:
        raise Invalid(f"{orders.SPECS[order].label} is for one station at a time.", field="order")
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise Invalid(f"Between 1 and {MOST_AT_ONCE} may be under way at once.", field="at_once")
    if stop_percent is not None and not 0 <= stop_percent <= 100:
        raise Invalid("The share of failures lies between 0 and 100 %.", field="stop_percent")
    if not 0 < stations <= MOST_STATIONS:
        raise Invalid(
            f"An order goes to 1 to {MOST_STATIONS} stations at a time.", field="stations"
        )


def _next(db: Session, broadcast: Broadcast, room: int, now: datetime) -> Sequence[BroadcastTarget]:
    """The next targets that can be asked, at most `room`; what is passed over gets its result.

    However many cannot be asked, they are found and passed over by one statement each.
    """
    waiting = (BroadcastTarget.broadcast_id == broadcast.id, BroadcastTarget.state == WAITING)
    away, able = command_checks.unreachable(now), _able(broadcast.order)
    its = Station.id == BroadcastTarget.station_id
    found = db.scalars(
        select(BroadcastTarget)
        .join(Station, its)
        .where(*waiting, able, away.is_(None))
        .order_by(BroadcastTarget.id)
        .limit(room)
    ).all()
    before, after = commands.unsupported(broadcast.order)
    words = case((away.is_not(None), away), else_=literal(before) + Station.identity + after)
    state = case((away.is_not(None), SKIPPED), else_=CommandState.UNSUPPORTED.value)
    passed = update(BroadcastTarget).where(
        *waiting,
        select(Station.id).where(its, or_(away.is_not(None), ~able)).exists(),
    )
    if len(found) == room:
        passed = passed.where(BroadcastTarget.id < found[-1].id)
    values = {
        "state": select(state).where(its).scalar_subquery(),
        "sentence": select(func.substr(words, 1, 300)).where(its).scalar_subquery(),
    }
    db.execute(passed.values(values), execution_options={"synchronize_session": False})
    return found


def _able(order: Order) -> ColumnElement[bool]:
    """The condition that a station's version has an order; one that has told nothing may."""
    told = cast(Station.supported_orders, String)
    return or_(told == "[]", told.contains(f'"{order.value}"'))


def _send(
    db: Session, broadcast: Broadcast, targets: Sequence[BroadcastTarget], now: datetime
) -> None:
    """Queue the order for targets that can be asked: together, if it is the same for all."""
    given = select(Station).where(Station.id.in_([target.station_id for target in targets]))
    stations = {station.id: station for station in db.scalars(given)}
    checked = orders.arguments(broadcast.order, broadcast.arguments)
    if not commands.plain(broadcast.order, checked):
        for target in targets:
            _send_one(db, broadcast, target, now)
        db.flush()
        return
    fit = []
    for target in targets:
        try:
            command_checks.check_registration(stations[target.station_id], broadcast.order, checked)
            fit.append(target)
        except DomainError as error:
            target.state, target.sentence = SKIPPED, error.sentence[:300]
    made = commands.queue_all(
        *(db, _asker(broadcast), [stations[target.station_id] for target in fit]),
        *(broadcast.order, checked),
        now=now,
        ttl_s=broadcast.ttl_s,
    )
    for target in fit:
        target.command_id, target.state = made[target.station_id], UNDER_WAY
    db.flush()


def _send_one(db: Session, broadcast: Broadcast, target: BroadcastTarget, now: datetime) -> None:
    station, actor = db.get_one(Station, target.station_id), _asker(broadcast)
    wish = (db, actor, station, broadcast.order, broadcast.arguments)
    try:
        with db.begin_nested():
            command = commands.queue(*wish, now=now, ttl_s=broadcast.ttl_s)
    except DomainError as error:
        target.state, target.sentence = SKIPPED, error.sentence[:300]
    else:
        target.command_id, target.state = command.id, UNDER_WAY
        if command.state not in commands.OPEN_STATES:
            _keep(target, command)


def _asker(broadcast: Broadcast) -> Actor:
    return Actor(broadcast.requested_by, broadcast.user_id)


def _keep(target: BroadcastTarget, command: Command) -> None:
    target.state = command.state.value
    target.sentence = (command.sentence or "")[:300]


def _too_many_failed(broadcast: Broadcast, count: Counter[str]) -> bool:
    """Whether the share of failures is too high, once as many have ended as go at once."""
    if broadcast.stop_percent is None:
        return False
    failed = sum(count[state] for state in FAILURES)
    ended = failed + count[CommandState.ACCEPTED.value]
    judged = ended >= min(broadcast.at_once, count.total())
    return judged and failed * 100 > broadcast.stop_percent * ended


def _stop(
    db: Session, broadcast: Broadcast, state: BroadcastState, sentence: str, now: datetime
) -> None:
    broadcast.state = state
    _settled(broadcast, sentence, now)
    db.flush()
    db.execute(
        update(BroadcastTarget)
        .where(BroadcastTarget.broadcast_id == broadcast.id, BroadcastTarget.state == WAITING)
        .values(state=CANCELLED, sentence=sentence[:300])
    )
    record(db, BroadcastChanged(broadcast.tenant_id, broadcast.id))


def _settled(broadcast: Broadcast, sentence: str | None, now: datetime) -> None:
    broadcast.sentence = sentence
    broadcast.settled_at = now
    broadcast.arguments = messages.redact(broadcast.arguments)
