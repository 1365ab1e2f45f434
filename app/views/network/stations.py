"""Stations of the desk: the list, and registering, changing and putting away a station."""

from datetime import datetime
from typing import Any

from flask import Response, abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.errors import DomainError, NotFound
from app.domain.ground.rows import Column, read
from app.domain.ground.texts import N_
from app.domain.network import plugs, stations
from app.extensions import db, the_settings
from app.forms.ground import refusals
from app.forms.network import QUIRK, StationForm
from app.models import ChargingSession, Site, Station
from app.process.clock import utc_now
from app.queries.ground import names
from app.queries.ground.paging import Page, Wish
from app.queries.network import stations as queries
from app.queries.network.bundle import Extent
from app.resource import STATIONS
from app.schemas.quirks import QUIRKS
from app.text.setup_guide import leads_here_only
from app.uow import unit_of_work
from app.views.ground import _bulk
from app.views.ground._plain import Plain
from app.views.network import field as field_page
from app.views.network._station_pages import blueprint, station_or_404, to_setup
from app.web import bundle, listing
from app.web.security import Pages, actor, back

#: Labels on one page to be printed.
LABELS = 200


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The stations, narrowed by the URL."""
    now, wanted = utc_now(), _wanted()
    if listing.wants_file():
        return listing.file_of_pages("stations", lambda wish: _listed(wanted, wish, now), _columns)
    found = queries.listed(db.session(), wanted, listing.wish(), now)
    return render_template(
        "network/stations/index.html",
        found=found,
        any_station=queries.any_station(db.session()),
        sites=names.sites(db.session()),
        vendors=[(vendor, vendor) for vendor in queries.vendors(db.session())],
    )


def _wanted() -> queries.Filter:
    show = listing.text("show")
    return queries.Filter(
        q=listing.text("q"),
        site_id=listing.number("site"),
        state=listing.text("state"),
        online=listing.text("online"),
        vendor=listing.text("vendor"),
        registration=listing.text("registration"),
        mode=listing.text("mode"),
        deviating=show == "deviating",
        archived=show == "archived",
        ids=listing.numbers("stations"),
    )


def _elsewhere() -> ResponseReturnValue | None:
    """Lead to the labels of the stations, or to the form of an order to them."""
    pages = {"order": "broadcasts.new", "labels": "stations.labels"}
    page = pages.get(request.form.get("action", ""))
    if page is None:
        return None
    if _bulk.whole():
        return back(page, **request.args.to_dict())
    return back(page, online="", stations=",".join(map(str, sorted(_bulk.ticked()))))


_bulk.hang(
    blueprint,
    stations.MANY,
    lambda work: _wanted().select(utc_now()),
    {
        "archive": lambda n: ngettext(
            "%(num)s station is archived.", "%(num)s stations are archived.", n
        )
    },
    instead=_elsewhere,
)


@blueprint.get("/labels")
def labels() -> str:
    """Labels with a QR code for the stations of a filter, or for one, to be printed."""
    query = _wanted().select(utc_now()).options(joinedload(Station.site))
    if number := listing.number("station"):
        query = query.where(Station.id == number)
    found = db.session.scalars(query.order_by(Station.identity_key).limit(LABELS + 1)).all()
    base = the_settings().desk_url
    sheet = [field_page.label(row, base) for row in found[:LABELS] if row.field_code]
    return render_template(
        "network/stations/labels.html",
        labels=sheet,
        more=len(found) > LABELS,
        here_only=leads_here_only(base),
    )


def _listed(wanted: queries.Filter, wish: Wish, now: datetime) -> tuple[Page, queries.Listed]:
    found = queries.listed(db.session(), wanted, wish, now)
    return found.page, found


def _columns(found: queries.Listed) -> list[Column]:
    return [
        *read("id identity name site=site.name vendor model serial firmware protocol"),
        *read("security_profile mode=mode.value registration=registration.value"),
        ("online", lambda row: row.id in found.online),
        *read("connected_at last_seen_at"),
        ("connectors", lambda row: len(plugs.of(row))),
        ("power_w", found.power_of),
        ("deviations", lambda row: found.deviations.get(row.id, 0)),
    ]


@blueprint.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Register a station; its Setup tab then shows the password for a while."""
    form = _form(None)
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                station, clear = stations.register(
                    work,
                    actor(),
                    current_user.tenant_id,
                    _site(form),
                    now=utc_now(),
                    password=form.password.data or None,
                    **form.typed(),
                )
        except DomainError as error:
            _show(form, error)
        else:
            flash(
                _(
                    "Registered %(identity)s at %(name)s. Enter the values below in the charger.",
                    identity=station.identity,
                    name=station.site.name,
                ),
                "success",
            )
            return to_setup(station, clear)
    return plain.page(form, None)


def _form(station: Station | None) -> StationForm:
    form = StationForm(obj=station)
    form.site_id.choices = names.sites(db.session(), [station.site] if station else ())
    form.tariff_id.choices = [
        ("", "As the site"),
        *((row.id, f"{row.name} ({row.currency})") for row in names.tariffs(db.session())),
    ]
    if request.method == "GET":
        _prefill(form, station)
    return form


def _prefill(form: StationForm, station: Station | None) -> None:
    if station is None:
        form.connector_count.data = 1
        form.site_id.data = listing.number("site_id")
        form.identity.data = listing.text("identity")
        return
    own = plugs.of(station)
    form.connector_count.data = len(own)
    form.plug_type.data = next((plug.plug_type for plug in own if plug.plug_type), "")
    form.max_power_kw.data = station.max_power_w / 1000 if station.max_power_w else None
    form.fill_quirks(station.quirks)


def _site(form: StationForm) -> Site:
    number = form.site_id.data
    site = db.session.get(Site, number) if number is not None else None
    if site is None:
        raise NotFound("Choose a site.", field="site_id")
    return site


def _show(form: StationForm, error: DomainError) -> None:
    if error.field in QUIRKS:
        error.field = QUIRK + error.field
    elif error.field == "connectors":
        error.field = "connector_count"
    elif error.field == "max_power_w":
        error.field = "max_power_kw"
    refusals.show(form, error)


def _typed(work: Session, form: StationForm, station: Station | None) -> dict[str, Any]:
    return {"site_id": _site(form).id, **form.typed()}


plain = Plain(blueprint, STATIONS, "network/stations/form.html", _form, _typed, _show)
plain.edit()
plain.archive(N_("Archived %(name)s. It may no longer connect."), ".index")
plain.restore()


# Support bundles: a station, or a session with the minutes around it, as one ZIP to hand on.

bundles = Pages("support_bundle", __name__)


@bundles.get("/stations/<int:station_id>/support-bundle", endpoint="station", right="write")
def of_station(station_id: int) -> Response:
    """The last days of a station."""
    row, days = station_or_404(station_id), listing.number("days")
    return _sent(bundle.extent(row, now=utc_now(), days=days))


@bundles.get("/sessions/<int:session_id>/support-bundle", endpoint="session", right="write")
def of_session(session_id: int) -> Response:
    """A session, from two minutes before it began to two after it ended."""
    row = db.session.get(ChargingSession, session_id) or abort(404, "There is no such session.")
    return _sent(bundle.extent(row.station, row, now=utc_now()))


def _sent(of: Extent) -> Response:
    cards, now = "tags" in request.args, utc_now()
    if cards and not current_user.may("privacy", "read"):
        abort(403, "Only admins hand on the numbers of tags.")
    name = bundle.name_of(of, now)
    parts = bundle.pack(db.session(), actor(), of, now=now, cards=cards)
    return listing.sent(parts, "application/zip", name)
