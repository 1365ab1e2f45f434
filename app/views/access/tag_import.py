"""Tags from a file: looked through first, written when somebody has seen what would happen."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access.imports import headings
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options, Plan
from app.domain.access.imports.sheet import Table
from app.views.ground import _imports
from app.web.security import actor, back, needs

blueprint = Blueprint("tag_import", __name__, url_prefix="/tags/import")


@blueprint.route("", methods=["GET", "POST"])
@needs("operator")
def index() -> Any:
    """Take a file and show what it would do; with `go` in the form, do it for the valid rows."""
    return _imports.page(TAGS)


def _plan(session: Session, table: Table, options: Options) -> Plan[Any]:
    tenant_id, now = current_user.tenant_id, datetime.now(UTC)
    return tag_import.plan(session, table, tenant_id=tenant_id, now=now, options=options)


def _write(work: Session, table: Table, options: Options, _: Any) -> Plan[Any]:
    planned = _plan(work, table, options)
    now = datetime.now(UTC)
    tag_import.carry_out(work, actor(), planned, tenant_id=current_user.tenant_id, now=now)
    return planned


TAGS = _imports.Noun(
    name="tag",
    endpoint="tag_import.index",
    home="tags",
    columns=[
        ("tag", "04A2B3C4"),
        ("label", "red card"),
        ("driver", "ada@example.org"),
        ("group", "Fleet"),
        ("status", "active, blocked"),
        ("expires", "2027-12-31"),
        ("limit", "1"),
        ("sites", "Depot | Harbour"),
        ("stations", "CP-03 | CP-04"),
    ],
    known=headings.TAGS,
    look=_plan,
    write=_write,
    done=lambda planned: back("tags.index"),
)
