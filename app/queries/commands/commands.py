"""Commands of all stations, and broadcasts with their results, station by station."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.commands.broadcast_targets import UNDER_WAY
from app.domain.ground.vocabulary import FAILURES, OPEN_STATES
from app.models import Broadcast, BroadcastTarget, Command, Message, Station
from app.queries.ground.filters import fitting
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS = {
    "at": Command.requested_at,
    "station": Station.identity_key,
    "order": Command.order,
    "state": Command.state,
    "who": by_name(Command.requested_by),
    "latency": Command.latency_ms,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is a state, "open" or "failed"."""

    q: str = ""
    station_id: int | None = None
    order: str = ""
    state: str = ""
    who: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def select(self) -> Select[Command]:
        """Select the commands with their stations, in no order yet."""
        return select(Command).options(joinedload(Command.station)).where(*self._conditions())

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        own = {name: getattr(Command, name) for name in ("station_id", "order", "state")}
        if self.state in _GROUPS:
            yield own.pop("state").in_(_GROUPS[self.state])
        yield from fitting(self, Command.requested_at, **own, who=Command.requested_by)
        if self.q:
            yield self._meant()

    def _meant(self) -> ColumnElement[bool]:
        """Orders to stations of a name, which are looked for first, or with these words."""
        pattern = like(self.q)
        named = select(Station.id).where(alike(pattern, Station.identity, Station.name))
        told = alike(pattern, Command.sentence, Command.message_id)
        return or_(Command.station_id.in_(named), told)


_GROUPS = {"open": OPEN_STATES, "failed": FAILURES}


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    query = wanted.select()
    if wish.sort.lstrip("-") == "station":
        query = query.join(Command.station)
    return fetch(db, query, wish, SORTS, default="-at", noun="commands")


def askers(db: Session) -> list[str]:
    """Who has given orders of late, for the filter."""
    newest = select(Command.requested_by).order_by(Command.requested_at.desc()).limit(2_000)
    return sorted(set(db.scalars(newest)))


def actions(db: Session, station: Station) -> list[str]:
    """The messages that were sent to a station before, to choose from."""
    sent = select(Message.action).where(Message.station_id == station.id, Message.outbound)
    return sorted(set(db.scalars(sent.order_by(Message.id.desc()).limit(500))))


BROADCAST_SORTS = {
    "at": Broadcast.created_at,
    "order": Broadcast.order,
    "who": by_name(Broadcast.requested_by),
}
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


def broadcasts_page(db: Session, wish: Wish) -> Page:
    return fetch(db, in_reach(), wish, BROADCAST_SORTS, default="-at", noun="broadcasts")


def broadcast(db: Session, broadcast_id: int) -> Broadcast | None:
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
