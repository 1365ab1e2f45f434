"""Sites with what stands there and what happens there now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.bulk import made_once
from app.domain.limits import supply
from app.domain.network.presence import connected
from app.models import Site, Station
from app.queries.ground.filters import put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS = {"name": by_name(Site.name), "timezone": Site.timezone, "currency": Site.currency}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many stations stand at a site, how many are connected, and what charges there (W)."""

    stations: int = 0
    online: int = 0
    charging: int = 0
    power_w: float = 0.0


def listed(
    db: Session, *, q: str, archived: bool, wish: Wish, now: datetime
) -> tuple[Page, dict[int, Counts]]:
    """Return a page of sites and the counts of each by its id."""
    query = select(Site).options(joinedload(Site.tariff)).where(put_away(Site, archived))
    if q:
        query = query.where(alike(like(q), Site.name, Site.address))
    page = fetch(db, query, wish, SORTS, default="name", noun="sites")
    return page, counts(db, [site.id for site in page.rows], now)


def counts(db: Session, ids: Iterable[int], now: datetime) -> dict[int, Counts]:
    """Count stations, connections and running sessions per site."""
    ids = list(ids)
    standing = db.execute(
        select(
            Station.site_id, func.count(Station.id), func.sum(case((connected(now), 1), else_=0))
        )
        .where(Station.site_id.in_(ids), Station.archived_at.is_(None))
        .group_by(Station.site_id)
    ).all()
    draws = supply.drawn(db, now=now, site_ids=ids)
    nothing = supply.Draw()
    return {
        site_id: Counts(
            number,
            int(online or 0),
            draws.get(site_id, nothing).sessions,
            draws.get(site_id, nothing).power_w,
        )
        for site_id, number, online in standing
    }


# Where the signed-in person's stations are, in two words for the top of every page.


@dataclass(frozen=True, slots=True)
class Place:
    """The only site's name (or how many there are) and the time zone most of them share."""

    name: str
    timezone: str


@made_once
def _zones() -> Select[str, int, str]:
    query = select(Site.timezone, func.count(Site.id), func.min(Site.name))
    query = query.where(Site.archived_at.is_(None)).group_by(Site.timezone)
    return query.order_by(func.count(Site.id).desc(), Site.timezone)


def place(db: Session) -> Place:
    """Name the place: one site by its name, several by their number."""
    zones = db.execute(_zones()).all()
    if not zones:
        return Place("", "UTC")
    count = sum(number for _, number, _ in zones)
    return Place(zones[0][2] if count == 1 else f"{count} sites", zones[0][0])


def newest(db: Session) -> Site | None:
    """The site in use that was added last."""
    query = select(Site).where(Site.archived_at.is_(None)).order_by(Site.id.desc())
    return db.scalar(query.limit(1))
