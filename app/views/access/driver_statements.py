"""A driver's month: its bills and their sums, as a page, a table, on paper and by mail."""

from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, abort, flash, render_template
from flask_babel import gettext as _

from app.domain.ground.columns import read
from app.domain.ground.errors import DomainError
from app.domain.money import statements
from app.domain.money.statements import Statement
from app.extensions import db
from app.models import Driver
from app.process.clock import utc_now
from app.text import statement_words
from app.uow import unit_of_work
from app.web import listing, papers
from app.web.security import actor, back, needs

blueprint = Blueprint(
    "driver_statements", __name__, url_prefix="/drivers/<int:driver_id>/statements/<month>"
)

COLUMNS = [
    *read("number kind=kind.value corrects=corrects.number issued=issued_at session=session_id"),
    ("started", lambda bill: datetime.fromisoformat(bill.facts["started_at"])),
    ("site", lambda bill: bill.facts["site"]),
    ("energy_kwh", lambda bill: bill.energy_wh / 1000),
    *read("currency net_minor tax_minor gross_minor"),
]


@blueprint.get("")
@needs("read")
def show(driver_id: int, month: str) -> Any:
    """The month on a page, or as CSV and XLSX."""
    found = _statement(driver_id, month)
    if listing.wants_file():
        return listing.file_response(f"statement-{driver_id}-{month}", COLUMNS, found.bills)
    months = statements.months(db.session(), found.driver)
    return render_template("access/drivers/statement.html", statement=found, months=months)


@blueprint.get("/statement.pdf")
@needs("read")
def pdf(driver_id: int, month: str) -> Response:
    """The month on A4, in the driver's language."""
    found = _statement(driver_id, month)
    if not found.bills:
        abort(404, "There are no bills in this month.")
    return papers.statement(found)


@blueprint.post("/mail")
@needs("write")
def mail(driver_id: int, month: str) -> Any:
    """Mail the statement to the driver."""
    first, driver = _month(month), _driver(driver_id)
    try:
        with unit_of_work() as work:
            write, now = statement_words.letter, utc_now()
            statements.mail(work, actor(), driver, first, write, now=now)
    except DomainError as error:
        flash(error.sentence, "error")
    else:
        flash(_("The statement is on its way to %(recipient)s.", recipient=driver.email), "success")
    return back("driver_statements.show", driver_id=driver_id, month=month)


def _statement(driver_id: int, month: str) -> Statement:
    return statements.of(db.session(), _driver(driver_id), _month(month))


def _month(text: str) -> date:
    try:
        return statements.read_month(text)
    except DomainError as error:
        abort(404, error.sentence)


def _driver(driver_id: int) -> Driver:
    return db.session.get(Driver, driver_id) or abort(404, "There is no such driver.")
