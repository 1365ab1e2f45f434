"""Tags for the pages: the list with its last taps, one tag's history, taps of unknown tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground.vocabulary import TagStatus, Token
from app.models import (
    Authorisation,
    ChargingSession,
    Driver,
    Site,
    Station,
    Tag,
    TagGroup,
    tag_sites,
    tag_stations,
)
from app.queries.ground.filters import fitting, put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS: Mapping[str, Any] = {
    "tag": Tag.key,
    "label": by_name(func.coalesce(Tag.label, "")),
    "driver": by_name(func.coalesce(Driver.name, "")),
    "group": by_name(func.coalesce(TagGroup.name, "")),
    "expires": Tag.expires_at,
    "limit": Tag.concurrent_limit,
    "added": Tag.created_at,
}
#: The states that a list may be narrowed to; "" is everything but the archive.
STATES = ("active", "blocked", "expired", "archived")
#: Unknown tokens shown at once.
MOST_UNKNOWN = 200
#: Taps and sessions shown on a page about one thing.
RECENT = 25


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to."""

    q: str = ""
    state: str = ""
    group_id: int | None = None
    driver_id: int | None = None
    site_id: int | None = None

    def select(self, now: datetime) -> Select[Tag]:
        """Select the tags, in no order yet."""
        query = select(Tag).outerjoin(Tag.driver).outerjoin(Tag.group)
        return query.where(*_conditions(self, now))


@dataclass(frozen=True, slots=True)
class UnknownToken:
    """A token that is on no list: how often it was tapped, and its newest tap."""

    last: Authorisation
    taps: int
    first_at: datetime

    @property
    def token(self) -> str:
        """The token as it was last sent."""
        return self.last.token


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Whether a tag is limited to places at all, and to how many the reader cannot see."""

    limited: bool
    hidden: int


def state_of(tag: Tag, now: datetime) -> str:
    """Return the one state that matters most: archived, blocked, expired or active."""
    if tag.archived_at is not None:
        return "archived"
    if tag.status is TagStatus.BLOCKED:
        return "blocked"
    if tag.expires_at is not None and tag.expires_at <= now:
        return "expired"
    return "active"


def page(db: Session, wanted: Filter, wish: Wish, now: datetime) -> Page:
    query = wanted.select(now).options(
        joinedload(Tag.driver),
        joinedload(Tag.group),
        selectinload(Tag.sites),
        selectinload(Tag.stations),
    )
    return fetch(db, query, wish, SORTS, default="tag", noun="tags")


def _conditions(wanted: Filter, now: datetime) -> Iterable[ColumnElement[bool]]:
    expired = Tag.expires_at.is_not(None) & (Tag.expires_at <= now)
    yield put_away(Tag, wanted.state == "archived")
    yield from fitting(wanted, group_id=Tag.group_id, driver_id=Tag.driver_id)
    if wanted.state == "blocked":
        yield Tag.status == TagStatus.BLOCKED
    elif wanted.state == "expired":
        yield expired & (Tag.status == TagStatus.ACTIVE)
    elif wanted.state == "active":
        yield ~expired & (Tag.status == TagStatus.ACTIVE)
    if wanted.site_id is not None:
        yield Tag.id.in_(_allowed_at(wanted.site_id))
    if wanted.q:
        yield _holding(wanted.q)


def _allowed_at(site_id: int) -> Select[Any]:
    """Ids of the tags that may charge at a site: limited to it, to a part of it, or to nothing."""
    sites, stations, station = tag_sites.c, tag_stations.c, Station.__table__.c
    here = select(station.id).where(station.site_id == site_id)
    return select(Tag.__table__.c.id).where(
        or_(
            Tag.__table__.c.id.in_(select(sites.tag_id).where(sites.site_id == site_id)),
            Tag.__table__.c.id.in_(select(stations.tag_id).where(stations.station_id.in_(here))),
            Tag.__table__.c.id.not_in(select(sites.tag_id))
            & Tag.__table__.c.id.not_in(select(stations.tag_id)),
        )
    )


def _holding(q: str) -> ColumnElement[bool]:
    words = (Tag.label, Driver.name, Driver.email, TagGroup.name)
    found = [Tag.key.like(like(q.casefold()), escape="\\"), alike(like(q), *words)]
    bare = Token(q).bare_key
    if bare:
        found.append(Tag.bare_key.like(like(bare), escape="\\"))
    return or_(*found)


def last_taps(db: Session, tag_ids: Iterable[int]) -> dict[int, Authorisation]:
    """Return the newest tap of each of these tags, where there is one."""
    newest = (
        select(func.max(Authorisation.id))
        .where(Authorisation.tag_id.in_(list(tag_ids)))
        .group_by(Authorisation.tag_id)
    )
    rows = db.scalars(
        select(Authorisation)
        .where(Authorisation.id.in_(list(db.scalars(newest))))
        .options(joinedload(Authorisation.station))
    )
    return {row.tag_id: row for row in rows if row.tag_id is not None}


def of_token(model: Any, typed: str) -> ColumnElement[bool]:
    """The condition of the sessions or taps of a token as it was shown, in any case.

    Its tag is found by a key first, and no scope narrows that: whose tag it is says nothing of who
    sees a session.  Only what no tag is known of is looked through.
    """
    token, tag = Token(typed), Tag.__table__.c
    listed = select(tag.id).where(tag.bare_key == token.bare_key)
    known = or_(model.tag_id.is_(None), model.tag_id.in_(listed))
    return known & (func.lower(func.trim(model.token)) == token.key)


def taps_of(db: Session, tag: Tag, limit: int = RECENT) -> list[Authorisation]:
    """Return a tag's newest taps, those from before it was put on the list too."""
    spellings = {tag.value, tag.key, tag.key.upper()}
    query = (
        select(Authorisation)
        .where(
            or_(
                Authorisation.tag_id == tag.id,
                Authorisation.tag_id.is_(None) & Authorisation.token.in_(spellings),
            )
        )
        .options(joinedload(Authorisation.station))
        .order_by(Authorisation.at.desc(), Authorisation.id.desc())
        .limit(limit)
    )
    return list(db.scalars(query))


def sessions_of(db: Session, *conditions: Any) -> list[ChargingSession]:
    """Return the newest charging sessions that meet the conditions."""
    query = (
        select(ChargingSession)
        .where(*conditions)
        .options(joinedload(ChargingSession.station), selectinload(ChargingSession.bills))
        .order_by(ChargingSession.started_at.desc(), ChargingSession.id.desc())
        .limit(RECENT)
    )
    return list(db.scalars(query))


def limited(db: Session, tag_ids: Iterable[int]) -> set[int]:
    """Return which of these tags may not charge everywhere, be the places in reach or not."""
    ids = list(tag_ids)
    found: set[int] = set()
    for column in (tag_sites.c.tag_id, tag_stations.c.tag_id):
        found |= set(db.scalars(select(column).where(column.in_(ids))))
    return found


def elsewhere(db: Session, tag: Tag) -> Elsewhere:
    """Tell how many of a tag's places are out of the reader's reach."""
    total = 0
    for column in (tag_sites.c.tag_id, tag_stations.c.tag_id):
        total += db.scalar(select(func.count()).where(column == tag.id)) or 0
    return Elsewhere(total > 0, total - len(tag.sites) - len(tag.stations))


def unknown(db: Session, since: datetime) -> list[UnknownToken]:
    """Return the tokens tapped since then that are on no list now, the newest first."""
    grouped = (
        select(func.max(Authorisation.id), func.count(Authorisation.id), func.min(Authorisation.at))
        .where(Authorisation.tag_id.is_(None), Authorisation.at >= since)
        .group_by(func.lower(func.trim(Authorisation.token)))
        .order_by(func.max(Authorisation.id).desc())
        .limit(MOST_UNKNOWN)
    )
    found = {newest: (taps, first) for newest, taps, first in db.execute(grouped)}
    rows = db.scalars(
        select(Authorisation)
        .where(Authorisation.id.in_(found))
        .options(joinedload(Authorisation.station))
        .order_by(Authorisation.id.desc())
    ).all()
    keys = {Token(row.token).key for row in rows}
    bare = {Token(row.token).bare_key for row in rows} - {""}
    listed = db.execute(
        select(Tag.key, Tag.bare_key).where(or_(Tag.key.in_(keys), Tag.bare_key.in_(bare)))
    ).all()
    known = {key for key, _ in listed} | {key for _, key in listed}
    return [
        UnknownToken(row, *found[row.id])
        for row in rows
        if not {Token(row.token).key, Token(row.token).bare_key} & known
    ]


def groups(db: Session) -> list[TagGroup]:
    """Return all groups by name."""
    query = select(TagGroup).options(joinedload(TagGroup.tariff)).order_by(by_name(TagGroup.name))
    return list(db.scalars(query))


def group_sizes(db: Session) -> dict[int, int]:
    """Return how many tags on the list each group holds."""
    query = (
        select(Tag.group_id, func.count(Tag.id))
        .where(Tag.group_id.is_not(None), Tag.archived_at.is_(None))
        .group_by(Tag.group_id)
    )
    return {group: count for group, count in db.execute(query) if group is not None}


def stations(db: Session, numbers: Iterable[int]) -> list[Station]:
    """Return these stations, site by site."""
    query = (
        select(Station)
        .join(Station.site)
        .where(Station.id.in_(list(numbers)))
        .options(joinedload(Station.site))
        .order_by(by_name(Site.name), Station.identity_key)
    )
    return list(db.scalars(query))
