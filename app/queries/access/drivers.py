"""Drivers for the pages: the list with its sums, one driver's money."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload

from app.models import Bill, ChargingSession, Driver, Tag
from app.models.sessions import CHARGED
from app.queries.ground.filters import fitting, put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS: Mapping[str, Any] = {
    "name": by_name(Driver.name),
    "email": Driver.email_key,
    "language": Driver.language,
    "added": Driver.created_at,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is "", "archived" or "no_email"."""

    q: str = ""
    state: str = ""
    language: str = ""
    #: Only these.
    ids: frozenset[int] | None = None

    def select(self) -> Select[Driver]:
        """Select the drivers, in no order yet."""
        return select(Driver).where(*_conditions(self))


@dataclass(frozen=True, slots=True)
class Use:
    """How much a driver charged: sessions, `more` than so many, and when the last one began."""

    sessions: int
    more: bool
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """What was billed in one currency, credits taken off."""

    currency: str
    energy_wh: Decimal
    gross_minor: int


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    query = wanted.select().options(joinedload(Driver.tariff))
    return fetch(db, query, wish, SORTS, default="name", noun="drivers")


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    yield put_away(Driver, wanted.state == "archived")
    yield from fitting(wanted, ids=Driver.id, language=Driver.language)
    if wanted.state == "no_email":
        yield Driver.email.is_(None)
    if wanted.q:
        yield alike(like(wanted.q), Driver.name, Driver.email, Driver.note)


def tags_by_driver(db: Session, driver_ids: Iterable[int]) -> dict[int, list[Tag]]:
    """Return the tags on the list of each of these drivers."""
    query = (
        select(Tag)
        .where(Tag.driver_id.in_(list(driver_ids)), Tag.archived_at.is_(None))
        .order_by(Tag.key)
    )
    found: dict[int, list[Tag]] = {}
    for tag in db.scalars(query):
        found.setdefault(tag.driver_id or 0, []).append(tag)
    return found


def tags_of(db: Session, driver: Driver) -> list[Tag]:
    """Return all tags of a driver, the archived ones last."""
    query = (
        select(Tag)
        .where(Tag.driver_id == driver.id)
        .options(joinedload(Tag.group))
        .order_by(Tag.archived_at.is_not(None), Tag.key)
    )
    return list(db.scalars(query))


def use_by_driver(
    db: Session, driver_ids: Iterable[int], most: int | None = None
) -> dict[int, Use]:
    """Return how much each of these drivers charged, where they did; sessions up to `most`."""
    theirs = (ChargingSession.driver_id == Driver.id, CHARGED)
    some = select(ChargingSession.id).where(*theirs).correlate(Driver)
    some = some if most is None else some.limit(most + 1)
    count = select(func.count()).select_from(some.subquery()).scalar_subquery()
    newest = select(ChargingSession.started_at).where(*theirs).correlate(Driver)
    newest = newest.order_by(ChargingSession.started_at.desc()).limit(1)
    query = select(Driver.id, count, newest.scalar_subquery())
    found = db.execute(query.where(Driver.id.in_(list(driver_ids)))).all()
    return {
        driver: Use(min(count, most or count), count > (most or count), last)
        for driver, count, last in found
        if count
    }


def sums(db: Session, driver: Driver, since: datetime | None = None) -> list[Sum]:
    """Return what a driver was billed (since then), one row per currency."""
    query = (
        select(Bill.currency, func.sum(Bill.energy_wh), func.sum(Bill.gross_minor))
        .where(Bill.driver_id == driver.id)
        .group_by(Bill.currency)
        .order_by(Bill.currency)
    )
    if since is not None:
        query = query.where(Bill.issued_at >= since)
    return [Sum(*row) for row in db.execute(query)]
