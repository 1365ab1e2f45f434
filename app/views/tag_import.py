"""Tags from a CSV file: looked through first, written when somebody has seen what would happen."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, g, render_template, request
from flask_login import current_user
from sqlalchemy.orm import Session

from app import csv_files
from app.domain import tag_import
from app.domain.errors import DomainError
from app.domain.tag_import import ImportPlan
from app.extensions import db
from app.forms import refusals
from app.forms.tags import ImportForm
from app.models import Driver, Site, Station, TagGroup
from app.security import actor, back, needs
from app.uow import unit_of_work
from app.views import _imports

blueprint = Blueprint("tag_import", __name__, url_prefix="/tags/import")

#: Rows of the preview that are drawn; all of them are checked.
PREVIEWED = 200


@blueprint.route("", methods=["GET", "POST"])
@needs("operator")
def index() -> Any:
    """Take a file and show what it would do; with `go` in the form, do it for the valid rows."""
    form = ImportForm()
    if not form.validate_on_submit():
        return render_template("tags/import.html", form=form, columns=tag_import.COLUMNS)
    try:
        text = _imports.text_of(form)
        if request.form.get("go"):
            return _carry_out(text)
        planned = _plan(db.session(), text)
    except DomainError as error:
        refusals.show(form, error)
        page = render_template("tags/import.html", form=form, columns=tag_import.COLUMNS)
        return page, 422
    return render_template(
        "tags/import_preview.html",
        planned=planned,
        rows=planned.rows[:PREVIEWED],
        text=text,
        names=_names(db.session(), planned),
    )


def _plan(session: Session, text: str) -> ImportPlan:
    return tag_import.plan(
        session,
        csv_files.read(text),
        tenant_id=current_user.tenant_id,
        zone=g.get("zone", "UTC"),
    )


def _carry_out(text: str) -> Any:
    with unit_of_work() as work:
        planned = _plan(work, text)
        tag_import.carry_out(
            work,
            actor(),
            planned,
            tenant_id=current_user.tenant_id,
            now=datetime.now(UTC),
        )
    _imports.tell(planned)
    return back("tags.index")


def _names(session: Session, planned: ImportPlan) -> dict[str, dict[int, str]]:
    """What the ids in the plan are called, for the preview."""
    found: dict[str, dict[int, str]] = {}
    rows = planned.rows[:PREVIEWED]
    for name, model, ids in (
        ("driver", Driver, {row.facts.driver_id for row in rows}),
        ("group", TagGroup, {row.facts.group_id for row in rows}),
        ("site", Site, {one for row in rows for one in row.facts.site_ids}),
        ("station", Station, {one for row in rows for one in row.facts.station_ids}),
    ):
        things = (session.get(model, one) for one in ids if one is not None)
        found[name] = {
            thing.id: getattr(thing, "label", None) or getattr(thing, "name", "")
            for thing in things
            if thing is not None
        }
    return found
