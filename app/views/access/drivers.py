"""Drivers: the list, and one driver with tags, sessions and what was billed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, g, render_template
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access import drivers, reach
from app.domain.access.drivers import LANGUAGES, DriverFacts
from app.domain.ground.errors import DomainError
from app.extensions import db
from app.forms.access.drivers import DriverForm
from app.forms.access.tags import chosen
from app.forms.ground import refusals
from app.models import ChargingSession, Driver
from app.queries.access import drivers as queries
from app.queries.access import tags as tag_queries
from app.queries.access.drivers import Filter
from app.uow import unit_of_work
from app.web import listing
from app.web.security import actor, back, needs

blueprint = Blueprint("drivers", __name__, url_prefix="/drivers")


@blueprint.get("")
@needs("viewer")
def index() -> Any:
    """The list, narrowed, sorted and paged by the URL, or as CSV."""
    session = db.session()
    wanted = Filter(listing.text("q"), listing.text("state"), listing.text("language"))
    page = queries.page(session, wanted, listing.wish())
    ids = [driver.id for driver in page]
    held, use = queries.tags_by_driver(session, ids), queries.use_by_driver(session, ids)
    if listing.wants_csv():
        return listing.csv_response("drivers", _columns(held, use), page)
    return render_template(
        "access/drivers/index.html", page=page, tags=held, use=use, languages=LANGUAGES
    )


def _columns(held: dict[int, Any], use: dict[int, Any]) -> list[tuple[str, Callable[[Any], Any]]]:
    return [
        ("name", lambda driver: driver.name),
        ("email", lambda driver: driver.email),
        ("language", lambda driver: driver.language),
        ("tariff", lambda driver: driver.tariff.name if driver.tariff else None),
        ("note", lambda driver: driver.note),
        ("tags", lambda driver: " | ".join(tag.value for tag in held.get(driver.id, []))),
        ("sessions", lambda driver: use[driver.id].sessions if driver.id in use else 0),
        ("added", lambda driver: driver.created_at),
    ]


@blueprint.get("/<int:driver_id>")
@needs("viewer")
def show(driver_id: int) -> Any:
    """One driver: facts, tags, sessions, sums of the year and of all time."""
    session, now = db.session(), datetime.now(UTC)
    driver = _found(session, driver_id)
    here = now.astimezone(ZoneInfo(g.get("zone", "UTC")))
    year = here.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return render_template(
        "access/drivers/show.html",
        driver=driver,
        languages=LANGUAGES,
        tags=queries.tags_of(session, driver),
        state_of=lambda tag: tag_queries.state_of(tag, now),
        sessions=tag_queries.sessions_of(session, ChargingSession.driver_id == driver.id),
        use=queries.use_by_driver(session, [driver.id]).get(driver.id),
        sums=queries.sums(session, driver),
        year_sums=queries.sums(session, driver, year.astimezone(UTC)),
        year=year.year,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs("operator")
def create() -> Any:
    """Add a driver."""
    form = _form(DriverForm())
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                driver = drivers.add(
                    work,
                    actor(),
                    _facts(form),
                    tenant_id=current_user.tenant_id,
                    now=datetime.now(UTC),
                )
            flash(f"Added {driver.name}. Now give them a tag.", "success")
            return back("drivers.show", driver_id=driver.id)
        except DomainError as error:
            refusals.show(form, error)
    return _page(form, None)


@blueprint.route("/<int:driver_id>/edit", methods=["GET", "POST"])
@needs("operator")
def edit(driver_id: int) -> Any:
    """Change a driver."""
    driver = _found(db.session(), driver_id)
    reach.guard(db.session(), driver)
    data = {
        "name": driver.name,
        "email": driver.email,
        "language": driver.language,
        "note": driver.note,
        "tariff": str(driver.tariff_id or ""),
        "sites": [site.id for site in driver.sites],
    }
    form = _form(DriverForm(data=data), driver)
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                drivers.edit(work, actor(), driver, _facts(form), now=datetime.now(UTC))
            flash(f"Saved {driver.name}.", "success")
            return back("drivers.show", driver_id=driver_id)
        except DomainError as error:
            refusals.show(form, error)
    return _page(form, _found(db.session(), driver_id))


@blueprint.post("/<int:driver_id>/archive")
@needs("operator")
def archive(driver_id: int) -> Any:
    """Archive a driver and their tags."""
    with unit_of_work() as work:
        driver = _found(work, driver_id)
        count = drivers.archive(work, actor(), driver, now=datetime.now(UTC))
    along = {0: "", 1: ", and their tag with them"}.get(count, f", and their {count} tags")
    flash(f"Archived {driver.name}{along}.", "success")
    return back("drivers.show", driver_id=driver_id)


@blueprint.post("/<int:driver_id>/restore")
@needs("operator")
def restore(driver_id: int) -> Any:
    """Restore a driver."""
    with unit_of_work() as work:
        driver = _found(work, driver_id)
        drivers.restore(work, actor(), driver, now=datetime.now(UTC))
    flash(f"Restored {driver.name}. Restore the tags that should work again.", "success")
    return back("drivers.show", driver_id=driver_id)


def _found(session: Session, driver_id: int) -> Driver:
    driver = session.get(Driver, driver_id)
    if driver is None:
        abort(404)
    return driver


def _form(form: DriverForm, driver: Driver | None = None) -> DriverForm:
    tariffs = {str(tariff.id): tariff.name for tariff in queries.tariffs(db.session())}
    if driver is not None and driver.tariff is not None:
        tariffs.setdefault(str(driver.tariff.id), f"{driver.tariff.name} (archived)")
    form.tariff.choices = [("", "As the group, station or site"), *tariffs.items()]
    form.sites.choices = tag_queries.site_choices(db.session(), driver)
    return form


def _facts(form: DriverForm) -> DriverFacts:
    return DriverFacts(
        name=form.name.data,
        email=form.email.data,
        language=form.language.data,
        note=form.note.data,
        tariff_id=chosen(form.tariff.data),
        site_ids=frozenset(form.sites.data or ()),
    )


def _page(form: DriverForm, driver: Driver | None) -> Any:
    page = render_template("access/drivers/form.html", form=form, driver=driver)
    return page, 422 if form.is_submitted() else 200
