"""Tariffs for the pages: the list, who has them, and what their versions priced."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, selectinload

from app.models import ChargingSession, Driver, Site, Station, TagGroup, Tariff, TariffVersion
from app.queries.ground.filters import fitting, put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import MOST_COUNTED, Page, Wish, fetch, like

SORTS: Mapping[str, Any] = {
    "name": by_name(Tariff.name),
    "currency": (Tariff.currency, by_name(Tariff.name)),
    "added": Tariff.created_at,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is "" or "archived"."""

    q: str = ""
    state: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Holders:
    """Who has a tariff as their price."""

    sites: list[Site]
    stations: list[Station]
    groups: list[TagGroup]
    drivers: list[Driver]

    def __len__(self) -> int:
        return len(self.sites) + len(self.stations) + len(self.groups) + len(self.drivers)


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    query = select(Tariff).where(*_conditions(wanted)).options(selectinload(Tariff.versions))
    return fetch(db, query, wish, SORTS, default="name", noun="tariffs")


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    yield put_away(Tariff, wanted.state == "archived")
    yield from fitting(wanted, currency=Tariff.currency)
    if wanted.q:
        yield Tariff.name_key.like(like(wanted.q.casefold()), escape="\\")


def currencies(db: Session) -> list[str]:
    return list(db.scalars(select(Tariff.currency).distinct().order_by(Tariff.currency)))


def holder_counts(db: Session, tariff_ids: Iterable[int]) -> dict[int | None, dict[str, int]]:
    """Return how many sites, stations, groups and drivers have each of these tariffs."""
    ids = list(tariff_ids)
    found: dict[int | None, dict[str, int]] = {number: {} for number in ids}
    for model, word in (
        (Site, "site"),
        (Station, "station"),
        (TagGroup, "group"),
        (Driver, "driver"),
    ):
        query = select(model.tariff_id, func.count(model.id)).where(model.tariff_id.in_(ids))
        if hasattr(model, "archived_at"):
            query = query.where(model.archived_at.is_(None))
        for tariff_id, count in db.execute(query.group_by(model.tariff_id)):
            found[tariff_id][word] = count
    return found


def holders(db: Session, tariff: Tariff) -> Holders:
    """Return who has this tariff, archived ones left out."""

    def having(model: Any, order: Any) -> list[Any]:
        query = select(model).where(model.tariff_id == tariff.id).order_by(order).limit(200)
        if hasattr(model, "archived_at"):
            query = query.where(model.archived_at.is_(None))
        return list(db.scalars(query))

    return Holders(
        having(Site, Site.name_key),
        having(Station, Station.identity_key),
        having(TagGroup, TagGroup.name),
        having(Driver, Driver.name),
    )


def sessions_by_version(db: Session, tariff: Tariff) -> dict[int, int]:
    """Return how many sessions each version of a tariff was frozen into, by the version's id.

    Counted up to one more than `MOST_COUNTED`, which stands for all beyond.
    """
    some = (
        select(ChargingSession.id)
        .where(ChargingSession.tariff_version_id == TariffVersion.id)
        .correlate(TariffVersion)
        .limit(MOST_COUNTED + 1)
        .subquery()
    )
    count = select(func.count()).select_from(some).scalar_subquery()
    query = select(TariffVersion.id, count).where(TariffVersion.tariff_id == tariff.id)
    return dict(db.execute(query).all())


def zones(db: Session) -> list[str]:
    """Return the time zones of the sites, for a price example."""
    query = select(Site.timezone).where(Site.archived_at.is_(None)).distinct()
    return sorted(db.scalars(query.order_by(Site.timezone)))


def has_default(db: Session) -> bool:
    """Whether there is a tariff that prices what has no nearer one."""
    query = select(Tariff.id).where(Tariff.is_default, Tariff.archived_at.is_(None))
    return db.scalar(query.limit(1)) is not None
