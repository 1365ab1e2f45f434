"""Who sees what: one listener that narrows every select to a tenant and its sites.

A signed-in request puts a `Scope` on its database session; from then on every
ORM select of an owned model is narrowed, also through relationships and
`db.get`; of drivers, tags and their groups `app.domain.access.reach` has the rule.
The worker, the tasks and the command line carry no scope.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from app.domain.access import reach
from app.domain.ground.bulk import MADE_ONCE
from app.models import (
    AtStation,
    Bill,
    ChargingSession,
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
#: What was made of a session, and of its bill: seen where the session is, which its station may
#: have taken along to a site out of reach.
_OF_SESSION, _OF_BILL = (Bill, Review), (Receipt, DriverQuestion)


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


@event.listens_for(Session, "do_orm_execute")
def _apply(state: ORMExecuteState) -> None:
    scope: Scope | None = state.session.info.get(_KEY)
    if scope is None or not (state.is_select or state.is_update or state.is_delete):
        return
    seen = Scope(scope.tenant_id, reach.of(state.session))
    narrow_it = _narrowed if MADE_ONCE in state.execution_options else _narrow
    state.statement = narrow_it(state.statement, seen)


def _narrow(statement: Any, scope: Scope) -> Any:
    return statement.options(*_criteria(scope))


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
def _criteria(scope: Scope) -> tuple[Any, ...]:
    """The rules of a scope; made once, for making them costs as much as many a statement."""
    tenant, sites = scope.tenant_id, scope.site_ids
    rules = [
        with_loader_criteria(TenantOwned, lambda cls: cls.tenant_id == tenant, include_aliases=True)
    ]
    # Plain columns: the listener narrows entities, and must not narrow its own subquery; an alias,
    # because the select that is narrowed may name the same table.
    station = Station.__table__.alias("within")
    number = station.c.id
    here = select(number).where(station.c.tenant_id == tenant)
    if sites is not None:
        here = here.where(station.c.site_id.in_(sites))
        rules += [
            with_loader_criteria(
                AtStation,
                lambda cls: here.where(number == cls.station_id).correlate_except(station).exists(),
                include_aliases=True,
            ),
            with_loader_criteria(
                SiteOwned, lambda cls: cls.site_id.in_(sites), include_aliases=True
            ),
            with_loader_criteria(Site, lambda cls: cls.id.in_(sites), include_aliases=True),
            *(
                with_loader_criteria(model, reach.seen(model, sites), include_aliases=True)
                for model in reach.OWNED
            ),
            *_of_sessions(here, number),
        ]
    # Rows that say whose they are need not ask their station.  The others look at theirs, one by
    # one: a list of all stations would have a database begin with it.
    rules.append(
        with_loader_criteria(
            StationOwned,
            lambda cls: here.where(number == cls.station_id).correlate_except(station).exists(),
            include_aliases=True,
        )
    )
    return tuple(rules)


def _of_sessions(here: Any, number: Any) -> list[Any]:
    """The rules of what was made of sessions, which are at the stations that are `here`."""
    whole, bill = ChargingSession.__table__.alias("whole"), Bill.__table__.alias("billed")
    theirs = here.join_from(number.table, whole, number == whole.c.station_id)
    paid = theirs.join(bill, bill.c.session_id == whole.c.id)
    return [
        *(
            with_loader_criteria(
                model,
                theirs.where(whole.c.id == model.session_id)
                .correlate_except(number.table, whole)
                .exists(),
                include_aliases=True,
            )
            for model in _OF_SESSION
        ),
        *(
            with_loader_criteria(
                model,
                paid.where(bill.c.id == model.bill_id)
                .correlate_except(number.table, whole, bill)
                .exists(),
                include_aliases=True,
            )
            for model in _OF_BILL
        ),
    ]
