"""The five tabs of one station, and the orders given there; the others are in `stations.py`."""

from typing import Any
from urllib.parse import urlsplit

from flask import abort, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from htmx_flask import request

from app.domain.ground.errors import Invalid
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order, Registration
from app.domain.money import tariff_choice
from app.domain.network import stations
from app.extensions import db, the_settings
from app.forms.ground import refusals
from app.forms.network import PasswordForm, shown
from app.models import Station
from app.process.clock import utc_now
from app.queries.device import device_model as setting_queries
from app.queries.ground.paging import fetch
from app.queries.money import costs
from app.queries.network import station_page, station_timeline, station_why
from app.schemas.quirks import QUIRKS
from app.text import setup_guide
from app.text.setup_guide import charger_address
from app.uow import unit_of_work
from app.views.commands import _station_commands as order_pages
from app.views.ground import _doing
from app.web import listing, shown_once
from app.web.security import Pages, actor, back

blueprint = Pages("stations", __name__, url_prefix="/stations")

#: Orders whose last commands stand beside the settings.
SETTING_ORDERS = (
    Order.READ_SETTINGS,
    Order.CHANGE_SETTING,
    Order.READ_BASE_REPORT,
    Order.SET_NETWORK_PROFILE,
)


#: The station that an address names, or 404.
station_or_404 = _doing.by_number(Station, "There is no such station.")


@blueprint.get("/<int:station_id>")
def show(station_id: int) -> ResponseReturnValue:
    """The Live tab."""
    return render_template("network/stations/show.html", **_live(station_or_404(station_id)))


@blueprint.get("/<int:station_id>/now")
def now(station_id: int) -> ResponseReturnValue:
    """The piece of the Live tab that keeps itself fresh."""
    return render_template("network/stations/_live.html", **_live(station_or_404(station_id)))


@blueprint.get("/<int:station_id>/presence")
def presence(station_id: int) -> ResponseReturnValue:
    """The chips beside the title: online or not, registered or not."""
    station = station_or_404(station_id)
    there = station_page.now_of(db.session(), station, utc_now())
    return render_template("network/stations/_presence.html", station=station, there=there)


def _live(station: Station) -> dict[str, Any]:
    session, at = db.session(), utc_now()
    there = station_page.now_of(session, station, at)
    there.commands = station_page.recent_commands(session, station)
    there.messages = station_page.recent_messages(session, station)
    return {
        "station": station,
        "there": there,
        "whys": station_why.answers(session, there, at),
        "last_day": station_timeline.last_day(session, station, at),
        "faults": station_timeline.noted_faults(session, station, at),
        "cost": lambda row: costs.so_far(session, row, at),
    }


@blueprint.get("/<int:station_id>/commands", endpoint="commands")
def command_forms(station_id: int) -> ResponseReturnValue:
    """The Commands tab: a form for each order that the station understands."""
    return order_pages.tab(station_or_404(station_id))


@blueprint.get("/<int:station_id>/sure", right="write")
def sure(station_id: int) -> ResponseReturnValue:
    """Ask before an order that ends sessions."""
    return order_pages.sure(station_or_404(station_id))


@blueprint.post("/<int:station_id>/commands")
def command(station_id: int) -> ResponseReturnValue:
    """Give an order."""
    return order_pages.give(station_or_404(station_id))


@blueprint.get("/<int:station_id>/configuration")
def configuration(station_id: int) -> ResponseReturnValue:
    """The Configuration tab: what the station told, what is wanted, and a form to change one."""
    station, session = station_or_404(station_id), db.session()
    there = station_page.now_of(session, station, utc_now())
    form = order_pages.order_form(Order.CHANGE_SETTING, there)
    form.key.data, form.value.data = listing.text("key"), listing.text("value")
    show = listing.text("show")
    return render_template(
        "network/stations/configuration.html",
        station=station,
        there=there,
        found=setting_queries.listed(session, station, listing.text("q"), show, listing.wish()),
        total=setting_queries.total(session, station),
        drifting=len(setting_queries.drifting(session, station)),
        offered=setting_queries.offered(session, station),
        read_at=setting_queries.read_at(session, station),
        form=form,
        quirk_facts=[(QUIRKS[name].label, shown(value))
                     for name, value in station.quirks.items() if name in QUIRKS],
        confirm=order_pages.questions(station)[Order.CHANGE_SETTING],
        waiting=setting_queries.asked(session, station, SETTING_ORDERS),
    )  # fmt: skip


#: What the rows of each kind of history are called.
_ENTRIES = {
    "statuses": N_("statuses"),
    "connections": N_("connections"),
    "reports": N_("entries"),
    "taps": N_("taps"),
}


@blueprint.get("/<int:station_id>/history")
def history(station_id: int) -> ResponseReturnValue:
    """The History tab: statuses, connections, reports or taps, a page at a time."""
    station = station_or_404(station_id)
    kind = listing.text("kind")
    kind = kind if kind in station_page.HISTORY else "statuses"
    query, sorts = station_page.history(station, kind)
    page = fetch(db.session(), query, listing.wish(), sorts, default="-at", noun=_ENTRIES[kind])
    return render_template(
        "network/stations/history.html",
        station=station,
        there=station_page.now_of(db.session(), station, utc_now()),
        kind=kind,
        page=page,
        status_words=station_timeline.status_words,
    )


@blueprint.get("/<int:station_id>/setup")
def setup(station_id: int) -> ResponseReturnValue:
    """The Setup tab: what to type into the charger, and each attempt to connect as it arrives."""
    return _setup_page(station_or_404(station_id), PasswordForm(formdata=None))


def _setup_page(station: Station, form: PasswordForm) -> str:
    session = db.session()
    version = setup_guide.version_of(station, listing.text("version"))
    desk_host = urlsplit(request.host_url).hostname or ""
    return render_template(
        "network/stations/setup.html",
        station=station,
        there=station_page.now_of(session, station, utc_now()),
        address=charger_address(the_settings(), desk_host),
        guide=setup_guide.GUIDES[version],
        versions=[
            (
                guide.label,
                url_for("stations.setup", station_id=station.id, version=word),
                word == version,
            )
            for word, guide in setup_guide.GUIDES.items()
        ],
        unpriced=tariff_choice.unpriced(session, station, utc_now()),
        clear=shown_once.kept(_password_of(station)),
        form=form,
        attempts=station_page.attempts(session, station),
        ended=station_page.last_ended(session, station),
        strangers=station_page.strangers(session),
        fix=station_timeline.fix,
    )


def to_setup(station: Station, clear: str | None) -> ResponseReturnValue:
    """Send the browser on to the Setup tab, which shows a password that was just made."""
    response = back("stations.setup", station_id=station.id)
    return shown_once.keep(response, _password_of(station), clear) if clear else response


def _password_of(station: Station) -> str:
    """What a shown password belongs to: the hash, so that the next password ends it."""
    return f"station {station.id} {station.password_hash}"


@blueprint.post("/<int:station_id>/password")
def password(station_id: int) -> ResponseReturnValue:
    """Give the station a new password; the Setup tab shows it for a while."""
    station, form = station_or_404(station_id), PasswordForm()
    try:
        with unit_of_work() as work:
            if form.password.data:
                stations.set_password(work, actor(), station, form.password.data, now=utc_now())
                clear = None
            else:
                clear = stations.new_password(work, actor(), station, now=utc_now())
    except Invalid as error:
        refusals.show(form, error)
        return _setup_page(station, form), 422
    if clear is None:
        flash(_("Password changed. The charger needs the new one to connect again."), "success")
    return to_setup(station, clear)


@blueprint.post("/<int:station_id>/registration")
def registration(station_id: int) -> ResponseReturnValue:
    """Say how the station's next boot is answered."""
    station = station_or_404(station_id)
    try:
        word = Registration(request.form.get("registration", ""))
    except ValueError:
        abort(400, "There is no such registration.")
    with unit_of_work() as work:
        stations.set_registration(work, actor(), station, word, now=utc_now())
    told = f"The next boot of {station.identity} is answered with: {word.value}."
    if word is Registration.BLOCKED:
        told = f"{station.identity} is blocked: its connection ends, and it can no longer connect."
    flash(told, "success")
    return back("stations.setup", station_id=station_id)
