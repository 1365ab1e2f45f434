"""Drivers and tags from a file: looked through first, written when somebody has seen what comes."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options, Plan
from app.domain.access.imports.sheet import Table
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import JobKind
from app.extensions import db
from app.process.clock import utc_now
from app.uow import in_units
from app.views.ground import _imports
from app.web.security import actor, back

blueprint = Blueprint("imports", __name__)


def _plan_drivers(session: Session, table: Table, _: Options) -> Plan[Any]:
    return driver_import.plan(session, table, tenant_id=current_user.tenant_id)


def _plan_tags(session: Session, table: Table, options: Options) -> Plan[Any]:
    tenant_id, now = current_user.tenant_id, utc_now()
    return tag_import.plan(session, table, tenant_id=tenant_id, now=now, options=options)


def _writes(plan: Callable[[Session, Table, Options], Plan[Any]], noun: Any) -> Any:
    """What plans a file anew and has its rows carried out by the module of a noun."""

    def write(table: Table, options: Options) -> Plan[Any]:
        planned = plan(db.session(), table, options)
        given = {"tenant_id": current_user.tenant_id, "now": utc_now()}
        who = actor()
        in_units(
            [*planned.rows], lambda work, rows: noun.carry_out(work, who, planned, rows, **given)
        )
        return planned

    return write


DRIVERS = _imports.Noun(
    name="driver",
    endpoint="imports.drivers",
    home="drivers",
    columns=[
        ("name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("language", "en, de"),
        ("tariff", "Kerb day/night"),
        ("note", "Leaves in May"),
    ],
    known=headings.DRIVERS,
    look=_plan_drivers,
    write=_writes(_plan_drivers, driver_import),
    done=lambda planned: back("drivers.index"),
    job=JobKind.IMPORT_DRIVERS,
)
TAGS = _imports.Noun(
    name="tag",
    endpoint="imports.tags",
    home="tags",
    columns=[
        ("tag", "04A2B3C4"),
        ("label", "red card"),
        ("driver", "ada@example.org"),
        ("group", "Fleet"),
        ("status", "active, blocked"),
        (N_("expires"), "2027-12-31"),
        (N_("limit"), "1"),
        ("sites", "Depot | Harbour"),
        ("stations", "CP-03 | CP-04"),
    ],
    known=headings.TAGS,
    look=_plan_tags,
    write=_writes(_plan_tags, tag_import),
    done=lambda planned: back("tags.index"),
    job=JobKind.IMPORT_TAGS,
)
_imports.hang(blueprint, "/drivers/import", DRIVERS)
_imports.hang(blueprint, "/tags/import", TAGS)
