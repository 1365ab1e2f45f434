"""Drivers: the list, one driver with tags, sessions and bills, and their months."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from flask import Response, abort, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.domain.access import drivers
from app.domain.access.drivers import LANGUAGES
from app.domain.ground.errors import DomainError
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.money import statements
from app.domain.money.statements import Statement
from app.extensions import db
from app.forms.access import DriverForm
from app.models import ChargingSession, Driver
from app.process.clock import utc_now
from app.queries.access import drivers as queries
from app.queries.access import tags as tag_queries
from app.queries.access.drivers import Filter
from app.queries.ground import names
from app.queries.ground.paging import MOST_COUNTED, Page, Wish
from app.resource import DRIVERS
from app.text import statement_words
from app.uow import unit_of_work
from app.views.ground import _bulk
from app.views.ground._plain import Plain
from app.web import listing, papers
from app.web.security import Pages, actor, back

blueprint = Pages("drivers", __name__, url_prefix="/drivers")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL, or as CSV."""
    wanted = _wanted()
    if listing.wants_file():
        return _file(wanted)
    page, (held, use) = _listed(wanted, listing.wish(), MOST_COUNTED)
    return render_template(
        "access/drivers/index.html", page=page, tags=held, use=use, languages=LANGUAGES
    )


def _wanted() -> Filter:
    return listing.asked(Filter)


def _listed(
    wanted: Filter, wish: Wish, most: int | None
) -> tuple[Page, tuple[dict[int, Any], dict[int, Any]]]:
    """A page of drivers, and beside it their tags and sessions, counted up to `most`."""
    session = db.session()
    page = queries.page(session, wanted, wish)
    ids = [driver.id for driver in page]
    return page, (queries.tags_by_driver(session, ids), queries.use_by_driver(session, ids, most))


def _file(wanted: Filter) -> ResponseReturnValue:
    return listing.file_of_pages(
        "drivers", lambda wish: _listed(wanted, wish, None), lambda beside: _columns(*beside)
    )


_bulk.hang(
    blueprint,
    drivers.MANY,
    lambda work: _wanted().select(),
    {
        "archive": lambda n: ngettext(
            "%(num)s driver is archived with their tags.",
            "%(num)s drivers are archived with their tags.",
            n,
        ),
        "restore": lambda n: ngettext(
            "%(num)s driver is restored.", "%(num)s drivers are restored.", n
        ),
    },
    file=lambda ids: _file(_wanted() if ids is None else replace(_wanted(), ids=ids)),
)


def _columns(held: dict[int, Any], use: dict[int, Any]) -> list[tuple[str, Callable[[Any], Any]]]:
    return [
        *DRIVERS.only("name email language tariff note"),
        ("tags", lambda driver: " | ".join(tag.value for tag in held.get(driver.id, []))),
        ("sessions", lambda driver: use[driver.id].sessions if driver.id in use else 0),
        *read("added=created_at"),
    ]


@blueprint.get("/<int:driver_id>")
def show(driver_id: int) -> ResponseReturnValue:
    """One driver: facts, tags, sessions, sums of the year and of all time."""
    session, now = db.session(), utc_now()
    driver = plain.row(driver_id)
    here = now.astimezone(listing.zone())
    year = here.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return render_template(
        "access/drivers/show.html",
        driver=driver,
        languages=LANGUAGES,
        tags=queries.tags_of(session, driver),
        state_of=lambda tag: tag_queries.state_of(tag, now),
        sessions=tag_queries.sessions_of(session, ChargingSession.driver_id == driver.id),
        use=queries.use_by_driver(session, [driver.id], MOST_COUNTED).get(driver.id),
        sums=queries.sums(session, driver),
        year_sums=queries.sums(session, driver, year.astimezone(UTC)),
        year=year.year,
        months=statements.months(session, driver, 6),
    )


def _form(driver: Driver | None) -> DriverForm:
    form = DriverForm(data=DriverForm.held(driver) if driver else None)
    tariffs = {str(tariff.id): tariff.name for tariff in names.tariffs(db.session())}
    if driver is not None and driver.tariff is not None:
        tariffs.setdefault(str(driver.tariff.id), f"{driver.tariff.name} (archived)")
    form.tariff.choices = [("", "As the group, station or site"), *tariffs.items()]
    form.sites.choices = names.sites(db.session(), driver.sites if driver else ())
    return form


plain = Plain(blueprint, DRIVERS, "access/drivers/form.html", _form)
plain.create(N_("Added %(name)s. Now add a tag."))
plain.edit()
plain.restore(N_("Restored %(name)s. Restore the tags that should work again."))


@blueprint.post("/<int:driver_id>/archive")
def archive(driver_id: int) -> ResponseReturnValue:
    """Archive a driver and their tags."""
    with unit_of_work() as work:
        driver = plain.row(driver_id)
        count = drivers.archive(work, actor(), driver, now=utc_now())
    along = {0: "", 1: ", and their tag with them"}.get(count, f", and their {count} tags")
    flash(_("Archived %(name)s%(along)s.", name=driver.name, along=along), "success")
    return back("drivers.show", driver_id=driver_id)


# A driver’s month: its bills and their sums, as a page, a table, on paper and by mail.

monthly = Pages(
    "driver_statements", __name__, url_prefix="/drivers/<int:driver_id>/statements/<month>"
)

BILLED = [
    *read("number kind=kind.value corrects=corrects.number issued=issued_at session=session_id"),
    ("started", lambda bill: datetime.fromisoformat(bill.facts["started_at"])),
    ("site", lambda bill: bill.facts["site"]),
    ("energy_kwh", lambda bill: bill.energy_wh / 1000),
    *read("currency net_minor tax_minor gross_minor"),
]


#: Bills of a month that its page shows; the files have all of them.
SHOWN = 200


@monthly.get("", endpoint="show")
def statement(driver_id: int, month: str) -> ResponseReturnValue:
    """The month on a page, or as CSV and XLSX."""
    found = _statement(driver_id, month)
    if listing.wants_file():
        return listing.file_response(f"statement-{driver_id}-{month}", BILLED, found.bills)
    months = statements.months(db.session(), found.driver, 12)
    told = {"statement": found, "months": months, "shown": SHOWN}
    return render_template("access/drivers/statement.html", **told)


@monthly.get("/statement.pdf")
def pdf(driver_id: int, month: str) -> Response:
    """The month on A4, in the driver's language."""
    found = _statement(driver_id, month)
    if not found.bills:
        abort(404, "There are no bills in this month.")
    return papers.statement(found)


@monthly.post("/mail")
def mail(driver_id: int, month: str) -> ResponseReturnValue:
    """Mail the statement to the driver."""
    first, driver = _month(month), plain.row(driver_id)
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
    return statements.of(db.session(), plain.row(driver_id), _month(month))


def _month(text: str) -> date:
    try:
        return statements.read_month(text)
    except DomainError as error:
        abort(404, error.sentence)
