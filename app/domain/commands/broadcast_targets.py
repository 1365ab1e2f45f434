"""The stations of a broadcast: each has a row, is asked or passed over, and keeps its result.

Whatever is done here is done to some hundred of them at a time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, func, literal, or_, select, update
from sqlalchemy.orm import Session

from app.domain.commands import command_rules, commands, orders
from app.domain.ground.bulk import BulkInsert
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import OPEN_STATES, Actor, CommandState, Order
from app.models import Broadcast, BroadcastTarget, Command, Station

#: A target's states beside those of its command once that has ended.
WAITING, UNDER_WAY, SKIPPED, CANCELLED = "waiting", "under_way", "skipped", "cancelled"
_add = BulkInsert(BroadcastTarget.__table__, ("broadcast_id", "station_id", "state"))


def list_next(db: Session, broadcast: Broadcast, most: int) -> None:
    """List the next stations as targets: a row each of so many would keep all others waiting."""
    if broadcast.goes_to is None:
        return
    listed = select(func.count(BroadcastTarget.id))
    first = db.scalar(listed.where(BroadcastTarget.broadcast_id == broadcast.id)) or 0
    stations = broadcast.goes_to[first : first + most]
    _add(db, [(broadcast.id, station, WAITING) for station in stations])
    if first + most >= len(broadcast.goes_to):
        broadcast.goes_to = None
    db.flush()


def next_targets(
    db: Session, broadcast: Broadcast, room: int, now: datetime, most: int
) -> Sequence[BroadcastTarget]:
    """The next targets that can be asked, at most `room`; what is passed over gets its result.

    Those that cannot be asked among the next `most` are passed over by one statement.
    """
    last = db.scalar(select(func.max(_waiting(broadcast).limit(most).subquery().c.id)))
    waiting = (
        BroadcastTarget.broadcast_id == broadcast.id,
        BroadcastTarget.state == WAITING,
        BroadcastTarget.id <= last,
    )
    away, able = command_rules.unreachable(now), _able(broadcast.order)
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
        *waiting, select(Station.id).where(its, or_(away.is_not(None), ~able)).exists()
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


def send(
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
            command_rules.check_registration(stations[target.station_id], broadcast.order, checked)
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
        if command.state not in OPEN_STATES:
            keep(target, command)


def _asker(broadcast: Broadcast) -> Actor:
    return Actor(broadcast.requested_by, broadcast.user_id)


def call_off(db: Session, broadcast: Broadcast, most: int) -> bool:
    """Cancel the next targets that wait; tells whether there are more."""
    list_next(db, broadcast, most)
    waiting = _waiting(broadcast).limit(most)
    gone: Any = db.execute(
        update(BroadcastTarget)
        .where(BroadcastTarget.id.in_(waiting))
        .values(state=CANCELLED, sentence=(broadcast.sentence or "")[:300])
    )
    if broadcast.goes_to is None and gone.rowcount == most:
        broadcast.goes_to = []  # it is looked at until none waits
    db.flush()
    return broadcast.goes_to is not None


def keep(target: BroadcastTarget, command: Command) -> None:
    """Keep the result of a target's command."""
    target.state = command.state.value
    target.sentence = (command.sentence or "")[:300]


def _waiting(broadcast: Broadcast) -> Select[int]:
    mine = (BroadcastTarget.broadcast_id == broadcast.id, BroadcastTarget.state == WAITING)
    return select(BroadcastTarget.id).where(*mine).order_by(BroadcastTarget.id)
