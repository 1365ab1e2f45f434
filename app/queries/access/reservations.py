"""Reservations of all stations: filtered, sorted, paged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, defer, joinedload

from app.domain.access import local_lists
from app.domain.access.known_tags import Entry
from app.domain.access.reservations import OPEN
from app.domain.ground.vocabulary import Order
from app.models import Command, Connector, LocalList, Reservation, Station, Tag
from app.queries.device.device_model import asked
from app.queries.ground.filters import fitting
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS = {
    "id": Reservation.id,
    "station": Station.identity_key,
    "connector": Reservation.evse,
    "tag": Reservation.token,
    "state": Reservation.state,
    "until": Reservation.expires_at,
    "who": by_name(Reservation.created_by),
}
#: Reservations on the page of one station.
RECENT = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is a state, "open" or "over"."""

    q: str = ""
    state: str = ""
    station_id: int | None = None

    def select(self) -> Select[Any]:
        """Select the reservations with their stations and tags, in no order yet."""
        return (
            select(Reservation)
            .join(Station, Station.id == Reservation.station_id)
            .options(
                joinedload(Reservation.station), joinedload(Reservation.tag).joinedload(Tag.driver)
            )
            .where(*self._conditions())
        )

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        yield from fitting(self, station_id=Reservation.station_id, state=Reservation.state)
        if self.state == "open":
            yield Reservation.state.in_(OPEN)
        elif self.state == "over":
            yield Reservation.state.not_in(OPEN)
        if self.q:
            columns = (Station.identity, Station.name, Reservation.token, Reservation.created_by)
            yield alike(like(self.q), *columns)


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    return fetch(db, wanted.select(), wish, SORTS, default="-id", noun="reservations")


def of_station(db: Session, station: Station) -> list[Reservation]:
    """The newest reservations of a station."""
    query = Filter(station_id=station.id).select().order_by(Reservation.id.desc())
    return list(db.scalars(query.limit(RECENT)))


def most_connectors(db: Session) -> int:
    """The highest number that a connector of any station has."""
    return db.scalar(select(func.max(Connector.evse))) or 0


# What was asked of a station about its local list.

_ORDERS = (Order.SEND_LOCAL_LIST, Order.READ_LOCAL_LIST_VERSION)


def last_commands(db: Session, station: Station) -> list[Command]:
    """The newest commands about the list."""
    return asked(db, station, _ORDERS, 6)


# Local lists: what a station knows by heart, and what it would get now.

#: Entries of a kind that are shown; a list may hold tens of thousands.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Part:
    """The first of some entries, and how many there are."""

    first: Sequence[Entry]
    total: int

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Part":
        """The part of entries that is shown."""
        return cls(entries[:SHOWN], len(entries))

    @property
    def rest(self) -> int:
        """How many are not shown."""
        return self.total - len(self.first)


@dataclass(frozen=True, slots=True)
class ListLook:
    """What a station's list holds, and how a sending would change it.

    `untold` of those that it holds cannot be said in its version of OCPP; `left_out` tags have no
    room in it.
    """

    held: Part
    untold: int
    added: Part
    changed: Part
    removed: Part
    left_out: int

    @property
    def changes(self) -> int:
        """How many entries a sending would change."""
        return self.added.total + self.changed.total + self.removed.total


def list_row(db: Session, station: Station) -> LocalList | None:
    """The row of a station's list without its entries."""
    query = select(LocalList).where(LocalList.station_id == station.id)
    return db.scalar(query.options(defer(LocalList.entries)))


def look_at_list(db: Session, station: Station, now: datetime) -> ListLook:
    """Look at all tags of the organisation, and at all that the list holds."""
    row = local_lists.of(db, station)
    held = row.entries if row else []
    wish, found = local_lists.pending(db, station, now)
    return ListLook(
        held=Part.of(held),
        untold=sum(1 for entry in held if entry.get("untold")),
        added=Part.of(found.added),
        changed=Part.of(found.changed),
        removed=Part.of(found.removed),
        left_out=wish.left_out,
    )
