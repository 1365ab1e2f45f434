"""Sites of the desk: where stations stand, with zone, currency and price."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template

from app.extensions import db
from app.forms.network import SiteForm
from app.models import Site
from app.queries.ground.paging import Page, Wish
from app.queries.network import sites as queries
from app.queries.network import stations as station_queries
from app.resource import SITES
from app.views.ground._plain import Plain
from app.web import listing
from app.web.security import needs

blueprint = Blueprint("sites", __name__, url_prefix="/sites")

#: Stations shown on the page of their site; more are one click away.
SHOWN = 200


@blueprint.get("")
@needs("viewer")
def index() -> Any:
    """The sites, narrowed by the URL."""
    session, now = db.session(), datetime.now(UTC)
    q, archived = listing.text("q"), listing.text("archived") == "yes"

    def listed(wish: Wish) -> tuple[Page, dict[int, queries.Counts]]:
        return queries.listed(session, q=q, archived=archived, wish=wish, now=now)

    if listing.wants_file():
        return listing.file_of_pages("sites", listed, _columns)
    page, counts = listed(listing.wish())
    return render_template("network/sites/index.html", page=page, counts=counts)


def _columns(counts: dict[int, queries.Counts]) -> Any:
    none = queries.Counts()
    return [
        *SITES.only("id name timezone currency address latitude longitude supply_limit_kw tariff"),
        ("stations", lambda site: counts.get(site.id, none).stations),
        ("online", lambda site: counts.get(site.id, none).online),
    ]


@blueprint.get("/<int:site_id>")
@needs("viewer")
def show(site_id: int) -> Any:
    """One site: its facts and its stations."""
    site, now = plain.row(db.session(), {"site_id": site_id}), datetime.now(UTC)
    wanted = station_queries.Filter(site_id=site.id)
    return render_template(
        "network/sites/show.html",
        site=site,
        counts=queries.counts(db.session(), [site.id], now).get(site.id, queries.Counts()),
        found=station_queries.listed(db.session(), wanted, Wish(size=SHOWN), now),
    )


def _form(site: Site | None) -> SiteForm:
    form = SiteForm(obj=site)
    form.tariff_id.choices = [
        ("", "None"),
        *((tariff.id, f"{tariff.name} ({tariff.currency})") for tariff in queries.tariffs(
            db.session())),
    ]  # fmt: skip
    return form


plain = Plain(blueprint, SITES, "network/sites/form.html", _form)
plain.create(everywhere=True)
plain.edit()
plain.archive(then=".index")
plain.restore()
