"""Whose matter a driver, a tag or a group is, and what staff of some sites may do with it.

One rule for the three: what belongs to sites (a tag: to the sites and stations it
is limited to) is the matter of these; what belongs to none is the whole
organisation's.  Staff of some sites *see* what belongs to one of theirs or has charged
there, because they have to serve it; they *change* only what belongs to theirs alone; and
what they add belongs to theirs.  See docs/adr/staff-of-some-sites.md.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Forbidden
from app.domain.office import staff
from app.models import (
    ChargingSession,
    Driver,
    Site,
    Station,
    Tag,
    TagGroup,
    driver_sites,
    tag_group_sites,
    tag_sites,
    tag_stations,
)

SITES = "sites in reach"
_WHOLE = "whole"
#: The models that this rule is about.
OWNED: tuple[Any, ...] = (Driver, Tag, TagGroup)

Judge = TypeVar("Judge", bound=Callable[..., Any])

# Aliases, because the select that is narrowed may name the same tables.
_sessions, _stations, _tags = (
    model.__table__.alias().c for model in (ChargingSession, Station, Tag)
)
_tag_sites, _tag_stations, _driver_sites, _group_sites = (
    table.alias().c for table in (tag_sites, tag_stations, driver_sites, tag_group_sites)
)


def of(db: Session) -> frozenset[int] | None:
    """The sites that the asker is limited to; None: the asker sees all."""
    return None if db.info.get(_WHOLE) else db.info.get(SITES)


def whole(judge: Judge) -> Judge:
    """Let a function over an open session see the whole organisation: it decides, shows nothing.

    A card of the whole organisation is good at a station, whoever's order asks about it.
    """

    @functools.wraps(judge)
    def judging(db: Session, *arguments: Any, **named: Any) -> Any:
        before = db.info.get(_WHOLE)
        db.info[_WHOLE] = True
        try:
            return judge(db, *arguments, **named)
        finally:
            db.info[_WHOLE] = before

    return judging  # type: ignore[return-value]


@whole
def everything(db: Session, model: Any, tenant_id: int) -> Sequence[Any]:
    """Return all rows of a model of `OWNED`: to see what is taken, never to be shown."""
    return db.scalars(select(model).where(model.tenant_id == tenant_id)).all()


def seen(model: Any, sites: frozenset[int]) -> ColumnElement[bool]:
    """The condition under which staff of these sites see a row of `OWNED`."""
    if model is Tag:
        return or_(_placed(Tag.id, sites), _charged(_sessions.tag_id, Tag.id, sites))
    if model is Driver:
        held = select(_tags.driver_id).where(_tags.driver_id.is_not(None), _placed(_tags.id, sites))
        own = select(_driver_sites.driver_id).where(_driver_sites.site_id.in_(sites))
        charged = _charged(_sessions.driver_id, Driver.id, sites)
        return or_(Driver.id.in_(own), Driver.id.in_(held), charged)
    here = or_(_placed(_tags.id, sites), _charged(_sessions.tag_id, _tags.id, sites))
    held = select(_tags.group_id).where(_tags.group_id.is_not(None), here)
    own = select(_group_sites.group_id).where(_group_sites.site_id.in_(sites))
    return or_(TagGroup.id.in_(own), TagGroup.id.in_(held))


def may_change(db: Session, row: Any) -> bool:
    """Tell whether the asker may change a row of `OWNED`."""
    sites = of(db)
    if sites is None:
        return True
    belongs = _belongs(db, row)
    return bool(belongs) and belongs <= sites


def guard(db: Session, row: Any) -> None:
    """Raise `Forbidden` unless the asker may change this row."""
    if not may_change(db, row):
        name = getattr(row, "name", None) or getattr(row, "value", "This")
        raise Forbidden(f"{name} concerns other sites, too: staff of all sites can change that.")


def claimed(db: Session, site_ids: Iterable[int], *, otherwise: bool = False) -> frozenset[int]:
    """Return the sites that something is to belong to: without any, the asker's own.

    `otherwise`: it belongs to a place of the asker's already.
    """
    wanted = frozenset(site_ids)
    return wanted if wanted or otherwise else of(db) or frozenset()


def belonging(db: Session, site_ids: Iterable[int], tenant_id: int) -> list[Site]:
    """Return the sites that a driver or a group is to belong to; raises `Invalid`."""
    return staff.sites_of(db, tenant_id, claimed(db, site_ids))


def _belongs(db: Session, row: Any) -> set[int]:
    queries = {
        Driver: [select(driver_sites.c.site_id).where(driver_sites.c.driver_id == row.id)],
        TagGroup: [select(tag_group_sites.c.site_id).where(tag_group_sites.c.group_id == row.id)],
        Tag: [
            select(tag_sites.c.site_id).where(tag_sites.c.tag_id == row.id),
            select(_stations.site_id).where(
                _stations.id == _tag_stations.station_id, _tag_stations.tag_id == row.id
            ),
        ],
    }[type(row)]
    with db.no_autoflush:
        return {site for query in queries for site in db.scalars(query)}


def _placed(tag_id: Any, sites: frozenset[int]) -> ColumnElement[bool]:
    here = select(_stations.id).where(_stations.site_id.in_(sites))
    return or_(
        tag_id.in_(select(_tag_sites.tag_id).where(_tag_sites.site_id.in_(sites))),
        tag_id.in_(select(_tag_stations.tag_id).where(_tag_stations.station_id.in_(here))),
    )


def _charged(column: Any, number: Any, sites: frozenset[int]) -> ColumnElement[bool]:
    # Not a list of all who ever charged: a look at the index for each row that is asked about.
    return exists().where(column == number, _sessions.site_id.in_(sites))
