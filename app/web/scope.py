"""Who sees what: one listener that narrows every select to a tenant and its sites.

A signed-in request puts a `Scope` on its database session; from then on every
ORM select of an owned model is narrowed, also through relationships and
`db.get`; of drivers, tags and their groups `app.domain.access.reach` has the rule.
The worker, the tasks and the command line carry no scope.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import event, select, true
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from werkzeug.exceptions import NotFound

from app.domain.access import reach
from app.domain.ground.bulk import MADE_ONCE
from app.models import (
    AtStation,
    Authorisation,
    Bill,
    ChargingSession,
    Command,
    DriverQuestion,
    Receipt,
    Review,
    Site,
    SiteOwned,
    Station,
    StationOwned,
    TenantOwned,
)

_KEY = "scope"
#: Sessions, and what was made or told of them, are at the site where they were; their station,
#: which may have been moved since, is named with them.
_SESSIONS = (ChargingSession, Bill, Review, Receipt, DriverQuestion, Authorisation, Command)


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant, and the sites within it (None: all of them)."""

    tenant_id: int
    site_ids: frozenset[int] | None = None


def narrow(db: Session, scope: Scope | None) -> None:
    """Set (or, with None, lift) the scope of an open database session."""
    db.info.pop(_KEY, None)
    db.info.pop(reach.SITES, None)
    if scope is not None:
        db.info[_KEY] = scope
        db.info[reach.SITES] = scope.site_ids


def of(db: Session) -> Scope | None:
    """The scope of an open database session."""
    return db.info.get(_KEY)


class OutOfReach(NotFound):
    """There is no such row, or it is at a site that the reader cannot see."""


def missing(db: Session, model: type, sentence: str) -> NotFound:
    """What to raise where a row was not found."""
    seen, placed = of(db), issubclass(model, (Site, SiteOwned, StationOwned, *_SESSIONS))
    return (OutOfReach if placed and seen and seen.site_ids else NotFound)(sentence)


@event.listens_for(Session, "do_orm_execute")
def _apply(state: ORMExecuteState) -> None:
    scope: Scope | None = state.session.info.get(_KEY)
    if scope is None or not (state.is_select or state.is_update or state.is_delete):
        return
    seen = Scope(scope.tenant_id, reach.of(state.session))
    narrow_it = _narrowed if MADE_ONCE in state.execution_options else _narrow
    state.statement = narrow_it(state.statement, seen, _is_of_sessions(state))


def _is_of_sessions(state: ORMExecuteState) -> bool:
    """Whether it reads sessions or what was made of them, or the station of one."""
    if not state.is_select:
        return False
    path: Any = state.loader_strategy_path
    mapper = path.parent.mapper if state.is_relationship_load and path else state.bind_mapper
    return mapper is not None and mapper.class_ in _SESSIONS


def _narrow(statement: Any, scope: Scope, of_sessions: bool) -> Any:
    return statement.options(*_criteria(scope, of_sessions))


_narrowed = lru_cache(maxsize=500)(_narrow)


@event.listens_for(Session, "before_flush")
def _guard(db: Session, context: Any, instances: Any) -> None:
    """Let staff of some sites change drivers, tags and groups of their own sites only."""
    if reach.of(db) is None:
        return
    for row in [*db.dirty, *db.deleted]:
        if isinstance(row, reach.OWNED) and (row in db.deleted or db.is_modified(row)):
            reach.guard(db, row)


@lru_cache(maxsize=500)
def _criteria(scope: Scope, of_sessions: bool) -> tuple[Any, ...]:
    """The rules of a scope; made once, for making them costs as much as many a statement."""
    tenant, sites = scope.tenant_id, scope.site_ids
    rules: dict[Any, Any] = {TenantOwned: lambda cls: cls.tenant_id == tenant}
    # Plain columns: the listener narrows entities, and must not narrow its own subquery; an alias,
    # because the select that is narrowed may name the same table.
    station, whole = (model.__table__.alias() for model in (Station, ChargingSession))
    number, session = station.c.id, whole.c.id
    here = select(number).where(station.c.tenant_id == tenant).correlate_except(station)
    # Rows that say whose they are need not ask their station.  The others look at theirs, one by
    # one: a list of all stations would have a database begin with it.
    if sites is None:
        rules[StationOwned] = lambda cls: here.where(number == cls.station_id).exists()
        return _made(rules)
    here = here.where(station.c.site_id.in_(sites))
    within = select(session).where(whole.c.site_id.in_(sites)).correlate_except(whole)
    # What was told of a session is seen where that was; what a station holds, by who has it, too.
    rules[StationOwned] = rules[AtStation] = lambda cls: (
        true()
        if hasattr(cls, "site_id")
        else within.where(session == cls.session_id).exists()
        | (
            (
                true()
                if cls.__name__ in ("StationProfile", "Setpoint", "EvNeeds")
                else cls.session_id.is_(None)
            )
            & here.where(number == cls.station_id).exists()
        )
        if hasattr(cls, "session_id")
        else here.where(number == cls.station_id).exists()
    )
    rules[SiteOwned] = lambda cls: cls.site_id.in_(sites)
    if of_sessions:
        rules[SiteOwned] = lambda cls: (
            true() if cls.__name__ == "Station" else cls.site_id.in_(sites)
        )
    rules |= {Site: Site.id.in_(sites), **{each: reach.seen(each, sites) for each in reach.OWNED}}
    return _made(rules)


def _made(rules: dict[Any, Any]) -> tuple[Any, ...]:
    return tuple(
        with_loader_criteria(model, rule, include_aliases=True) for model, rule in rules.items()
    )
