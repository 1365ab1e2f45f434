"""Drivers from a CSV file: looked through first, written when somebody has seen the outcome."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy.orm import Session

from app import csv_files
from app.domain import driver_import
from app.domain.driver_import import DriverPlan
from app.domain.errors import DomainError
from app.extensions import db
from app.forms import refusals
from app.forms.tags import ImportForm
from app.queries import drivers as queries
from app.security import actor, back, needs
from app.uow import unit_of_work
from app.views import _imports

blueprint = Blueprint("driver_import", __name__, url_prefix="/drivers/import")

#: Rows of the preview that are drawn; all of them are checked.
PREVIEWED = 200


@blueprint.route("", methods=["GET", "POST"])
@needs("operator")
def index() -> Any:
    """Take a file and show what it would do; with `go` in the form, do it for the valid rows."""
    form = ImportForm()
    if not form.validate_on_submit():
        return render_template("drivers/import.html", form=form)
    try:
        text = _imports.text_of(form)
        if request.form.get("go"):
            return _carry_out(text)
        planned = _plan(db.session(), text)
    except DomainError as error:
        refusals.show(form, error)
        return render_template("drivers/import.html", form=form), 422
    return render_template(
        "drivers/import_preview.html",
        planned=planned,
        rows=planned.rows[:PREVIEWED],
        text=text,
        tariffs={tariff.id: tariff.name for tariff in queries.tariffs(db.session())},
    )


def _plan(session: Session, text: str) -> DriverPlan:
    return driver_import.plan(session, csv_files.read(text), tenant_id=current_user.tenant_id)


def _carry_out(text: str) -> Any:
    with unit_of_work() as work:
        planned = _plan(work, text)
        driver_import.carry_out(
            work,
            actor(),
            planned,
            tenant_id=current_user.tenant_id,
            now=datetime.now(UTC),
        )
    _imports.tell(planned)
    return back("drivers.index")
