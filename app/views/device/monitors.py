"""The Monitors and events tab of a station: what it watches, and what it noticed."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.domain.device import device_events
from app.domain.device.monitors import name_of
from app.domain.ground.errors import DomainError
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.forms.device import KIND_WORDS, SEVERITIES, WatchForm
from app.forms.ground import refusals
from app.models import DeviceEvent, Station
from app.process.clock import utc_now
from app.queries.device import device_model
from app.queries.device import device_model as queries
from app.queries.ground.paging import fetch
from app.queries.network import station_page
from app.views.commands import _station_commands as order_pages
from app.views.ground import _doing
from app.views.network._station_pages import station_or_404
from app.web import listing
from app.web.security import back, needs

blueprint = Blueprint("monitors", __name__)

ASKED = (
    Order.SET_MONITORS,
    Order.CLEAR_MONITORS,
    Order.READ_MONITORS,
    Order.SET_MONITORING_BASE,
    Order.SET_MONITORING_LEVEL,
    Order.READ_EVENT_STREAMS,
    Order.ADJUST_EVENT_STREAM,
)


@blueprint.get("/stations/<int:station_id>/monitors")
@needs("read")
def station(station_id: int) -> ResponseReturnValue:
    """The tab."""
    form = WatchForm(formdata=None)
    form.key.data = listing.text("key")
    return _page(station_or_404(station_id), form)


def _page(place: Station, form: WatchForm) -> str:
    session = db.session()
    show = listing.text("show")
    sorts = {"at": DeviceEvent.at, "severity": DeviceEvent.severity}
    return render_template(
        "device/monitors/station.html",
        station=place,
        there=station_page.now_of(session, place, utc_now()),
        monitors=queries.monitors(session, place),
        events=fetch(
            session,
            queries.events(place, show),
            listing.wish(),
            sorts,
            default="-at",
            noun="events",
        ),
        waiting=device_model.asked(session, place, ASKED),
        name_of=name_of,
        severities=SEVERITIES,
        kinds=KIND_WORDS,
        form=form,
    )


@blueprint.post("/stations/<int:station_id>/monitors")
@needs("write")
def watch(station_id: int) -> ResponseReturnValue:
    """Set one monitor."""
    place, form = station_or_404(station_id), WatchForm()
    if not form.validate_on_submit():
        return _page(place, form), 422
    names = ("key", "kind", "value", "severity", "in_transaction_only")
    monitor = {name: form[name].data for name in names}
    try:
        order_pages.ask(place, Order.SET_MONITORS, {"monitors": [monitor]})
    except DomainError as error:
        refusals.show(form, error)
        return _page(place, form), error.status
    return back("monitors.station", station_id=station_id)


_doing.does(
    *(blueprint, "/stations/<int:station_id>/events/<int:event_id>/dismiss"),
    *(device_events.dismiss, _doing.of_station(DeviceEvent, "There is no such event.")),
    *(N_("Removed from the list of what needs attention."), ".station"),
)
