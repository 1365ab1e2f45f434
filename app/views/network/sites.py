"""Sites of the desk: where stations stand, with zone, currency and price."""

from typing import NamedTuple
from urllib.parse import urlsplit

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.ground.rows import Column
from app.extensions import db, the_settings
from app.forms.network import SiteForm
from app.models import Site, Tenant
from app.process.clock import utc_now
from app.queries.ground import names
from app.queries.ground.paging import Page, Wish
from app.queries.network import map as map_queries
from app.queries.network import sites as queries
from app.queries.network import stations as station_queries
from app.resource import SITES
from app.text import places
from app.views.ground._plain import Plain
from app.web import listing
from app.web.security import Pages

blueprint = Pages("sites", __name__, url_prefix="/sites")

#: Stations shown on the page of their site; more are one click away.
SHOWN = 200
#: What the page of a site says in its own places.
_PLACED = {"name", "address", "timezone", "currency", "latitude", "longitude", "supply_limit_kw"}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The sites, narrowed by the URL."""
    session, now = db.session(), utc_now()
    q, archived = listing.text("q"), listing.text("archived") == "yes"

    def listed(wish: Wish) -> tuple[Page, dict[int, queries.Counts]]:
        return queries.listed(session, q=q, archived=archived, wish=wish, now=now)

    if listing.wants_file():
        return listing.file_of_pages("sites", listed, _columns)
    page, counts = listed(listing.wish())
    return render_template("network/sites/index.html", page=page, counts=counts)


def _columns(counts: dict[int, queries.Counts]) -> list[Column]:
    none = queries.Counts()
    return [
        *SITES.only("id name timezone currency address latitude longitude supply_limit_kw tariff"),
        ("stations", lambda site: counts.get(site.id, none).stations),
        ("online", lambda site: counts.get(site.id, none).online),
    ]


@blueprint.get("/<int:site_id>")
def show(site_id: int) -> ResponseReturnValue:
    """One site: its facts and its stations."""
    site, now = plain.row(site_id), utc_now()
    wanted = station_queries.Filter(site_id=site.id)
    return render_template(
        "network/sites/show.html",
        site=site,
        stated=SiteForm.stated(site, _PLACED),
        counts=queries.counts(db.session(), [site.id], now).get(site.id, queries.Counts()),
        found=station_queries.listed(db.session(), wanted, Wish(size=SHOWN), now),
    )


def _form(site: Site | None) -> SiteForm:
    form = SiteForm(obj=site)
    form.tariff_id.choices = [
        ("", "None"),
        *((tariff.id, f"{tariff.name} ({tariff.currency})") for tariff in names.tariffs(
            db.session())),
    ]  # fmt: skip
    if site is None and request.method == "GET":
        _prefill(form)
    return form


def _prefill(form: SiteForm) -> None:
    """Offer the time zone and currency of the last site, or of the country that we can tell."""
    tenant = db.session.get_one(Tenant, current_user.tenant_id)
    languages = request.accept_languages.values()
    if (last := queries.newest(db.session())) is not None:
        form.timezone.data, form.currency.data = last.timezone, last.currency
        g.guess = Guess("site", _("Time zone and currency are those of %(name)s.", name=last.name))
    elif country := places.country_of_tax_number(tenant.seller_tax_number):
        _of_country(form, country, _("Time zone and currency follow from the tax number."))
    elif country := next(filter(None, map(places.country_of_language, languages)), ""):
        _of_country(form, country, _("Time zone and currency follow from your browser's language."))
    else:
        g.guess = Guess("nothing", "")


def _of_country(form: SiteForm, country: str, words: str) -> None:
    zone = places.zone_of(country)
    form.timezone.data, form.currency.data = zone, places.currencies().get(zone, "")
    g.guess = Guess("country", words if zone else "")


class Guess(NamedTuple):
    """By what time zone and currency were offered, also in words; the browser may know better."""

    by: str
    words: str


plain = Plain(
    *(blueprint, SITES, "network/sites/form.html", _form),
    context=lambda: {"guess": g.get("guess"), "currencies": places.currencies()},
)
plain.create(everywhere=True)
plain.edit()
plain.archive(then=".index")
plain.restore()


# The map of sites: drawn by the server, and on tiles where the installation has some.

sites_map = Pages("map", __name__, url_prefix="/map")


@sites_map.get("", endpoint="index")
def on_a_map() -> ResponseReturnValue:
    """Sites by their coordinates, with their stations' state; those without are listed, too."""
    places = map_queries.places(db.session(), now=g.now)
    settings = the_settings()
    if settings.map_tiles:
        g.images_from = _origin(settings.map_tiles)
    return render_template(
        "network/sites/map.html",
        places=[place for place in places if place.latitude is not None],
        without=[place for place in places if place.latitude is None],
        plot=map_queries.plot(places),
        size=(map_queries.WIDTH, map_queries.HEIGHT),
        tiles=settings.map_tiles,
        credit=settings.map_credit,
    )


def _origin(template: str) -> str:
    """From where a page with tiles may take images: their scheme and host, {s} being any name."""
    parts = urlsplit(template)
    return f"{parts.scheme}://{parts.netloc}".replace("{s}", "*")
