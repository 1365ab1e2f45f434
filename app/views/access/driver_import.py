"""Drivers from a file: looked through first, written when somebody has seen the outcome."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings
from app.domain.access.imports.plans import Options, Plan
from app.domain.access.imports.sheet import Table
from app.views.ground import _imports
from app.web.security import actor, back, needs

blueprint = Blueprint("driver_import", __name__, url_prefix="/drivers/import")


@blueprint.route("", methods=["GET", "POST"])
@needs("operator")
def index() -> Any:
    """Take a file and show what it would do; with `go` in the form, do it for the valid rows."""
    return _imports.page(DRIVERS)


def _plan(session: Session, table: Table, _: Options) -> Plan[Any]:
    return driver_import.plan(session, table, tenant_id=current_user.tenant_id)


def _write(work: Session, table: Table, options: Options, _: Any) -> Plan[Any]:
    planned = _plan(work, table, options)
    now = datetime.now(UTC)
    driver_import.carry_out(work, actor(), planned, tenant_id=current_user.tenant_id, now=now)
    return planned


DRIVERS = _imports.Noun(
    name="driver",
    endpoint="driver_import.index",
    home="drivers",
    columns=[
        ("name", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("language", "en, de"),
        ("tariff", "Kerb day/night"),
        ("note", "Leaves in May"),
    ],
    known=headings.DRIVERS,
    look=_plan,
    write=_write,
    done=lambda planned: back("drivers.index"),
)
