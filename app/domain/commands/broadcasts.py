"""Broadcasts: one order to many stations, paced, each with a command and a result of its own.

The rows are the truth: `advance` sends as many as may be under way.  A task calls it (`go_on`),
asked for when commands of the broadcast end, and the sweep; who settles a command does not, or
chargers would wait for answers while thousands of stations are looked through.  For the same
reason each unit of work looks at some hundred of them: the first one, of whoever begins, too.

Commands that were given before are given again by `repeat` and `repeat_all`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.commands import broadcast_targets, commands, orders
from app.domain.commands.broadcast_targets import CANCELLED, SKIPPED, UNDER_WAY, WAITING
from app.domain.ground import many, redaction
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.events import BroadcastChanged, BroadcastWaits, record
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import (
    FAILURES,
    OPEN_STATES,
    Actor,
    Arguments,
    BroadcastState,
    CommandState,
    Order,
)
from app.domain.office import audit
from app.models import Broadcast, BroadcastTarget, Command, Station

#: What a repetition takes up again; who was not connected was never asked, and is no failure.
AGAIN: frozenset[str] = FAILURES | {SKIPPED, CANCELLED}

MOST_AT_ONCE = 500
MOST_STATIONS = 100_000
#: So many stations are looked at in one unit of work, and listed as targets.
BITE = 500


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
        goes_to=list(station_ids),
    )
    db.add(broadcast)
    db.flush()
    words = f"{orders.describe(order, checked)}, to {len(station_ids)} stations"[:500]
    audit.remark(db, actor, "broadcast.start", broadcast, words, now=now)
    db.flush()
    if advance(db, broadcast, now):
        record(db, BroadcastWaits(broadcast.tenant_id, broadcast.id))
    return broadcast


def advance(db: Session, broadcast: Broadcast, now: datetime, most: int = BITE) -> bool:
    """Send what may be sent now; end the broadcast when nothing is left or too much failed.

    It looks at no more than `most` stations, and tells whether there is more to do at once.
    """
    db.refresh(broadcast, with_for_update=True)
    if broadcast.state is not BroadcastState.RUNNING:
        return broadcast_targets.call_off(db, broadcast, most)
    broadcast_targets.list_next(db, broadcast, most)
    count = tally(db, broadcast)
    if count[WAITING] and count[UNDER_WAY] < broadcast.at_once:
        if _too_many_failed(broadcast, count):
            share = f"more than {broadcast.stop_percent} % had failed"
            _stop(db, broadcast, BroadcastState.STOPPED, f"Stopped: {share}.", now)
            return False
        room = broadcast.at_once - count[UNDER_WAY]
        broadcast_targets.send(
            db, broadcast, broadcast_targets.next_targets(db, broadcast, room, now, most), now
        )
        count = tally(db, broadcast)
    if not count[WAITING] and not count[UNDER_WAY]:
        broadcast.state = BroadcastState.DONE
        _settled(broadcast, None, now)
    db.flush()
    record(db, BroadcastChanged(broadcast.tenant_id, broadcast.id))
    room = count[UNDER_WAY] < broadcast.at_once
    return broadcast.goes_to is not None or bool(count[WAITING] and room)


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
        broadcast_targets.keep(target, by_id[target.command_id or 0])
    db.flush()
    for one in {target.broadcast_id: target for target in targets}.values():
        record(db, BroadcastWaits(by_id[one.command_id or 0].tenant_id, one.broadcast_id))


def running(db: Session) -> Sequence[int]:
    """Ids of the broadcasts that are not at their end."""
    unlisted = Broadcast.goes_to.is_not(None)
    query = select(Broadcast.id).where(or_(Broadcast.state == BroadcastState.RUNNING, unlisted))
    return db.scalars(query.order_by(Broadcast.id)).all()


def go_on(db: Session, number: int, now: datetime, most: int = BITE) -> bool:
    """Go on with a broadcast, once results that were missed are taken, as `advance` does."""
    missed = select(BroadcastTarget, Command).where(
        Command.id == BroadcastTarget.command_id,
        BroadcastTarget.broadcast_id == number,
        BroadcastTarget.state == UNDER_WAY,
        Command.state.not_in(OPEN_STATES),
    )
    in_order = missed.order_by(BroadcastTarget.id).with_for_update(of=BroadcastTarget)
    for target, command in db.execute(in_order).all():
        broadcast_targets.keep(target, command)
    db.flush()
    return advance(db, db.get_one(Broadcast, number), now, most)


def cancel(db: Session, actor: Actor, broadcast: Broadcast, *, now: datetime) -> None:
    """Send no more; what is under way is waited for.  Raises `Conflict` when it has ended."""
    if broadcast.state is not BroadcastState.RUNNING:
        raise Conflict("This broadcast has ended.")
    _stop(db, broadcast, BroadcastState.CANCELLED, f"Cancelled by {actor.name}.", now)
    audit.note(db, actor, "broadcast.cancel", broadcast, now=now)
    db.flush()


def retry(db: Session, actor: Actor, broadcast: Broadcast, *, now: datetime) -> Broadcast:
    """Give the same order to those that failed or were not reached, as a new broadcast.

    Raises `Conflict` while it runs, when nobody failed, or when its secret was not kept.
    """
    if broadcast.state is BroadcastState.RUNNING or broadcast.goes_to is not None:
        raise Conflict("This broadcast is still under way.")
    if holds_redacted(broadcast.arguments):
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
    count = Counter(dict(rows.all()))
    if broadcast.goes_to:
        count[WAITING] += len(broadcast.goes_to) - count.total()
    return count


def failures(count: Counter[str]) -> int:
    """How many stations of a tally did not do what they were asked."""
    return sum(count[state] for state in FAILURES)


def _check(order: Order, stations: int, at_once: int, stop_percent: int | None) -> None:
    if orders.SPECS[order].single:
        raise Invalid(f"{orders.SPECS[order].label} is for one station at a time.", field="order")
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise Invalid(f"Between 1 and {MOST_AT_ONCE} may be under way at once.", field="at_once")
    if stop_percent is not None and not 0 <= stop_percent <= 100:
        raise Invalid("The share of failures must be between 0 and 100 %.", field="stop_percent")
    if not stations:
        raise Invalid("No station was found that the order could go to.", field="station_ids")
    if stations > MOST_STATIONS:
        raise Invalid(f"An order goes to {MOST_STATIONS} stations at most.", field="station_ids")


def _too_many_failed(broadcast: Broadcast, count: Counter[str]) -> bool:
    """Whether the share of failures is too high, once as many have ended as go at once."""
    if broadcast.stop_percent is None:
        return False
    failed = failures(count)
    ended = failed + count[CommandState.ACCEPTED.value]
    judged = ended >= min(broadcast.at_once, count.total())
    return judged and failed * 100 > broadcast.stop_percent * ended


def _stop(
    db: Session, broadcast: Broadcast, state: BroadcastState, sentence: str, now: datetime
) -> None:
    broadcast.state = state
    _settled(broadcast, sentence, now)
    db.flush()
    if broadcast_targets.call_off(db, broadcast, BITE):
        record(db, BroadcastWaits(broadcast.tenant_id, broadcast.id))
    record(db, BroadcastChanged(broadcast.tenant_id, broadcast.id))


def _settled(broadcast: Broadcast, sentence: str | None, now: datetime) -> None:
    broadcast.sentence = sentence
    broadcast.settled_at = now
    broadcast.arguments = redaction.redact(broadcast.arguments)


def repeat(
    db: Session,
    actor: Actor,
    command: Command,
    *,
    now: datetime,
    ttl_s: float,
    known: Collection[int] | None = None,
) -> Command:
    """Ask the same thing of the same station again.  Raises what `queue` raises."""
    if command.state in OPEN_STATES:
        raise Conflict("This command is still under way.")
    # What a preparation added is prepared anew.
    asked = set(orders.SPECS[command.order].arguments) - commands.OURS
    arguments = {name: value for name, value in command.arguments.items() if name in asked}
    if holds_redacted(arguments):
        raise Conflict("Its secret was not kept: give the order anew.")
    if "session_id" in arguments:
        arguments.pop("transaction_ref", None)
    wish = (command.station, command.order, arguments)
    return commands.queue(db, actor, *wish, now=now, ttl_s=ttl_s, known=known)


def repeat_all(
    db: Session, actor: Actor, found: Sequence[Command], *, now: datetime, ttl_s: float
) -> Tally:
    """Ask the same of many stations again; what would end a session is refused."""
    return many.apart(
        *(db, found),
        lambda row: repeat(db, actor, row, now=now, ttl_s=ttl_s, known=()),
        lambda row: row.station.identity,
    )


#: What may be done to many commands.
MANY = Many(Command, {"repeat": repeat_all}, [joinedload(Command.station)], weighed=True)


def holds_redacted(value: Any) -> bool:
    """Whether a secret was blotted out somewhere within."""
    if isinstance(value, Mapping):
        return any(map(holds_redacted, value.values()))
    if isinstance(value, list):
        return any(map(holds_redacted, value))
    return isinstance(value, str) and redaction.REDACTED in value
