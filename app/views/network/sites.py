"""Sites of the desk: where stations stand, with zone, currency and price."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, render_template
from flask_login import current_user

from app.domain.ground.errors import DomainError
from app.domain.network import sites
from app.extensions import db
from app.forms.ground import refusals
from app.forms.network.sites import SiteForm
from app.models import Site
from app.queries.ground.paging import Wish
from app.queries.network import sites as queries
from app.queries.network import stations as station_queries
from app.uow import unit_of_work
from app.web import listing
from app.web.security import actor, back, needs

blueprint = Blueprint("sites", __name__, url_prefix="/sites")

#: Stations shown on the page of their site; more are one click away.
SHOWN = 200


@blueprint.get("")
@needs("viewer")
def index() -> Any:
    """The sites, narrowed by the URL."""
    page, counts = queries.listed(
        db.session(),
        q=listing.text("q"),
        archived=listing.text("archived") == "yes",
        wish=listing.wish(),
        now=datetime.now(UTC),
    )
    if listing.wants_csv():
        return listing.csv_response("sites", _columns(counts), page.rows)
    return render_template("network/sites/index.html", page=page, counts=counts)


def _columns(counts: dict[int, queries.Counts]) -> Any:
    none = queries.Counts()
    return [
        ("id", lambda site: site.id),
        ("name", lambda site: site.name),
        ("timezone", lambda site: site.timezone),
        ("currency", lambda site: site.currency),
        ("address", lambda site: site.address),
        ("latitude", lambda site: site.latitude),
        ("longitude", lambda site: site.longitude),
        ("supply_limit_kw", lambda site: site.supply_limit_kw),
        ("tariff", lambda site: site.tariff.name if site.tariff else None),
        ("stations", lambda site: counts.get(site.id, none).stations),
        ("online", lambda site: counts.get(site.id, none).online),
    ]


@blueprint.get("/<int:site_id>")
@needs("viewer")
def show(site_id: int) -> Any:
    """One site: its facts and its stations."""
    site, now = _site(site_id), datetime.now(UTC)
    wanted = station_queries.Filter(site_id=site.id)
    return render_template(
        "network/sites/show.html",
        site=site,
        counts=queries.counts(db.session(), [site.id], now).get(site.id, queries.Counts()),
        found=station_queries.listed(db.session(), wanted, Wish(size=SHOWN), now),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs("operator", everywhere=True)
def create() -> Any:
    """Add a site."""
    form = _form(None)
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                site = sites.add(
                    work, actor(), current_user.tenant_id, now=datetime.now(UTC),
                    **form.details(),
                )  # fmt: skip
                number = site.id
        except DomainError as error:
            refusals.show(form, error)
        else:
            flash(f"Added the site {form.name.data}.", "success")
            return back("sites.show", site_id=number)
    return render_template("network/sites/form.html", form=form, site=None), _status(form)


@blueprint.route("/<int:site_id>/edit", methods=["GET", "POST"])
@needs("operator")
def edit(site_id: int) -> Any:
    """Change a site."""
    site = _site(site_id)
    form = _form(site)
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                sites.edit(work, actor(), site, now=datetime.now(UTC), **form.details())
        except DomainError as error:
            refusals.show(form, error)
        else:
            flash("Saved.", "success")
            return back("sites.show", site_id=site_id)
    return render_template("network/sites/form.html", form=form, site=site), _status(form)


@blueprint.post("/<int:site_id>/archive")
@needs("operator")
def archive(site_id: int) -> Any:
    """Put a site into the archive."""
    site = _site(site_id)
    with unit_of_work() as work:
        sites.archive(work, actor(), site, now=datetime.now(UTC))
    flash(f"Archived {site.name}.", "success")
    return back("sites.index")


@blueprint.post("/<int:site_id>/restore")
@needs("operator")
def restore(site_id: int) -> Any:
    """Take a site out of the archive."""
    site = _site(site_id)
    with unit_of_work() as work:
        sites.restore(work, actor(), site, now=datetime.now(UTC))
    flash(f"Restored {site.name}.", "success")
    return back("sites.show", site_id=site_id)


def _site(site_id: int) -> Site:
    return db.session.get(Site, site_id) or abort(404, "There is no such site.")


def _form(site: Site | None) -> SiteForm:
    form = SiteForm(obj=site)
    form.tariff_id.choices = [
        ("", "None"),
        *((tariff.id, f"{tariff.name} ({tariff.currency})") for tariff in queries.tariffs(
            db.session())),
    ]  # fmt: skip
    return form


def _status(form: SiteForm) -> int:
    return 422 if form.errors or form.form_errors else 200
