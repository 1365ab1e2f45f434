"""Broadcasts and their results, station by station."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain.commands.broadcast_targets import UNDER_WAY
from app.models import Broadcast, BroadcastTarget, Command, Station
from app.queries.ground.paging import Page, Wish, fetch

SORTS = {"at": Broadcast.created_at, "order": Broadcast.order, "who": Broadcast.requested_by}
#: Rows of the matrix on one page.
SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a broadcast at one station."""

    station_id: int
    identity: str
    name: str
    state: str
    sentence: str | None
    command_id: int | None
    latency_ms: float | None
    sent_at: datetime | None


def in_reach() -> Select[Broadcast]:
    """Select the broadcasts that went to a station which the asker may see."""
    target = select(BroadcastTarget.id).where(BroadcastTarget.broadcast_id == Broadcast.id)
    return select(Broadcast).where(target.exists())


def page(db: Session, wish: Wish) -> Page:
    """Return the wished page, newest first unless the wish says otherwise."""
    return fetch(db, in_reach(), wish, SORTS, default="-at", noun="broadcasts")


def one(db: Session, broadcast_id: int) -> Broadcast | None:
    """A broadcast, if it is in reach."""
    return db.scalar(in_reach().where(Broadcast.id == broadcast_id))


def results(db: Session, broadcast: Broadcast, limit: int = SHOWN) -> list[Result]:
    """What came of it at each station, in the order in which they are asked."""
    columns: tuple[Any, ...] = (
        *(Station.id, Station.identity, Station.name),
        *(BroadcastTarget.state, BroadcastTarget.sentence, BroadcastTarget.command_id),
        *(Command.latency_ms, Command.sent_at),
    )
    rows = db.execute(
        select(*columns)
        .select_from(BroadcastTarget)
        .join(Station, Station.id == BroadcastTarget.station_id)
        .outerjoin(Command, Command.id == BroadcastTarget.command_id)
        .where(BroadcastTarget.broadcast_id == broadcast.id)
        .order_by(BroadcastTarget.id)
        .limit(limit)
    )
    return [Result(*row) for row in rows]


def under_way(db: Session, broadcast: Broadcast) -> bool:
    """Tell whether an answer is still awaited."""
    query = select(BroadcastTarget.id).where(
        BroadcastTarget.broadcast_id == broadcast.id, BroadcastTarget.state == UNDER_WAY
    )
    return db.scalar(query.limit(1)) is not None
