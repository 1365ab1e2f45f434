"""The Energy tab of a station: profiles, limits, schedules, cars' needs, and 2.1's more."""

from typing import Any

from flask import abort, flash, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.domain.ground.vocabulary import Order
from app.domain.limits.der_controls import KINDS as DER_KINDS
from app.domain.limits.profile_reports import SOURCES, differs
from app.extensions import db
from app.forms.ground import refusals
from app.forms.limits import AssignForm
from app.models import Station, StationProfile
from app.process.clock import utc_now
from app.queries import limits as library
from app.queries.charging import station_energy as queries
from app.queries.network import station_page
from app.text.sentences import translated
from app.views.commands import _station_commands as order_pages
from app.views.network._station_pages import station_or_404
from app.web.security import Pages, back

blueprint = Pages("energy", __name__, url_prefix="/stations/<int:station_id>/energy")
blueprint.add_app_template_filter(lambda word: translated(SOURCES.get(word, word)), "limit_source")
blueprint.add_app_template_filter(
    lambda kind: translated(DER_KINDS.get(kind, (kind,))[0]), "der_kind"
)
blueprint.add_app_template_test(
    lambda row: bool(row.sent and row.reported and differs(row.sent, row.reported)), "drifted"
)

#: What can be asked with one button: the order, its arguments, what is said then.
ASKED: dict[str, tuple[Order, dict[str, Any], str]] = {
    "read": (Order.READ_PROFILES, {}, "tell its profiles"),
    "composite": (Order.READ_COMPOSITE_SCHEDULE, {}, "tell its limits of the next day"),
    "tariffs": (Order.READ_TARIFFS, {}, "tell its tariffs"),
    "controls": (Order.READ_DER_CONTROL, {}, "tell its inverter controls"),
}


@blueprint.get("")
def station(station_id: int) -> ResponseReturnValue:
    """The tab."""
    return _page(station_or_404(station_id), AssignForm(formdata=None))


@blueprint.post("/set")
def assign(station_id: int) -> ResponseReturnValue:
    """Give the station a profile of the library."""
    place, form = station_or_404(station_id), AssignForm()
    given = {
        "profile_id": form.profile_id.data,
        "connector": form.connector.data,
        "session_id": form.session_id.data,
    }
    with refusals.on(form):
        chosen = {name: value for name, value in given.items() if value}
        order_pages.ask(place, Order.SET_PROFILE, chosen)
        flash(_("Sent. The list shows the station’s answer."), "success")
        return back("energy.station", station_id=station_id)
    return _page(place, form), form.answer


@blueprint.post("/clear/<int:station_profile_id>")
def clear(station_id: int, station_profile_id: int) -> ResponseReturnValue:
    """Have the station forget one profile."""
    place = station_or_404(station_id)
    row = db.session.get(StationProfile, station_profile_id)
    if row is None or row.station_id != place.id:
        abort(404, "There is no such profile.")
    order_pages.ask(place, Order.CLEAR_PROFILE, {"station_profile_id": row.id})
    flash(
        _("%(identity)s was asked to clear profile %(id)s.", identity=place.identity, id=row.id),
        "success",
    )
    return back("energy.station", station_id=station_id)


@blueprint.post("/<any(read, composite, tariffs, controls):question>")
def ask(station_id: int, question: str) -> ResponseReturnValue:
    """Ask the station what it holds."""
    place = station_or_404(station_id)
    order, arguments, words = ASKED[question]
    order_pages.ask(place, order, arguments)
    flash(
        _("%(identity)s was asked to %(words)s.", identity=place.identity, words=translated(words)),
        "success",
    )
    return back("energy.station", station_id=station_id)


def _page(place: Station, form: AssignForm) -> str:
    session, now, zone = db.session(), utc_now(), g.get("zone", "UTC")
    there = station_page.now_of(session, place, now)
    energy = queries.of_station(session, place)
    form.offer([plug.evse for plug in there.plugs], energy.running)
    profiles = library.usable(session)
    form.profile_id.choices = [("", "Choose"), *((str(row.id), row.name) for row in profiles)]
    return render_template(
        "limits/profiles/station.html",
        station=place,
        there=there,
        form=form,
        energy=energy,
        zone=zone,
        drawn=[(row, queries.drawn(row, zone)) for row in energy.composites],
        worked_out=library.worked_out(energy.profiles, now, zone),
    )
