"""Tabs of a station: its device model, what it watches, its display, and what a boot brings it."""

from typing import Any

from flask import abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.domain.device import device_events, onboarding, settings
from app.domain.device.variable_names import VariableName, component_of, name_of
from app.domain.ground import clock
from app.domain.ground.errors import Invalid
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.forms.device import KIND_WORDS, SEVERITIES, OnboardingForm, ShowForm, WatchForm
from app.forms.ground import refusals
from app.models import DeviceEvent, Station, StationVariable
from app.process.clock import utc_now
from app.queries.device import device_model as queries
from app.queries.ground.paging import fetch
from app.queries.network import station_page
from app.uow import unit_of_work
from app.views.commands import _station_commands as order_pages
from app.views.ground import _doing
from app.views.network._station_pages import station_or_404
from app.web import listing
from app.web.security import Pages, actor, back

device_model = Pages("device_model", __name__)
monitors = Pages("monitors", __name__)
display = Pages("display", __name__)
boots = Pages("onboarding", __name__)

#: Orders whose last commands stand beside what they are about.
OF_MODEL = (Order.READ_BASE_REPORT, Order.READ_REPORT, Order.READ_SETTINGS)
OF_MONITORS = (
    Order.SET_MONITORS,
    Order.CLEAR_MONITORS,
    Order.READ_MONITORS,
    Order.SET_MONITORING_BASE,
    Order.SET_MONITORING_LEVEL,
    Order.READ_EVENT_STREAMS,
    Order.ADJUST_EVENT_STREAM,
)
OF_DISPLAY = (Order.SHOW_MESSAGE, Order.READ_MESSAGES, Order.CLEAR_MESSAGE)


def _tab(tab: str, place: Station, asked: tuple[Order, ...] = (), **shown: Any) -> str:
    session = db.session()
    there = station_page.now_of(session, place, utc_now())
    if asked:
        shown["waiting"] = queries.asked(session, place, asked)
    return render_template(f"device/{tab}/station.html", station=place, there=there, **shown)


@device_model.get("/stations/<int:station_id>/device-model", endpoint="station")
def model(station_id: int) -> ResponseReturnValue:
    """The components, and the variables of the chosen one or of a search."""
    place, session = station_or_404(station_id), db.session()
    q, chosen = listing.text("q"), _chosen()
    components = queries.components(session, place)
    if chosen is None and not q and components:
        chosen = components[0].name
    variables, more = queries.variables(session, place, q, chosen)
    return _tab(
        *("device_model", place, OF_MODEL),
        components=components,
        chosen=chosen,
        variables=variables,
        more=more,
    )


def _chosen() -> VariableName | None:
    text = listing.text("component")
    try:
        return component_of(text) if text else None
    except Invalid as error:
        abort(400, error.sentence)


_doing.does(
    *(device_model, "/stations/<int:station_id>/configuration/<int:variable_id>/keep"),
    *(settings.keep_reported, _doing.of_station(StationVariable, "There is no such setting.")),
    *(N_("The charger’s value is now the wanted one."), "stations.configuration"),
)


@monitors.get("/stations/<int:station_id>/monitors", endpoint="station")
def watched(station_id: int) -> ResponseReturnValue:
    """What the station watches, and what it noticed."""
    form = WatchForm(formdata=None)
    form.key.data = listing.text("key")
    return _monitors(station_or_404(station_id), form)


def _monitors(place: Station, form: WatchForm) -> str:
    session = db.session()
    events = queries.events(place, listing.text("show"))
    sorts = {"at": DeviceEvent.at, "severity": DeviceEvent.severity}
    return _tab(
        *("monitors", place, OF_MONITORS),
        monitors=queries.monitors(session, place),
        events=fetch(session, events, listing.wish(), sorts, default="-at", noun="events"),
        name_of=name_of,
        severities=SEVERITIES,
        kinds=KIND_WORDS,
        form=form,
    )


@monitors.post("/stations/<int:station_id>/monitors")
def watch(station_id: int) -> ResponseReturnValue:
    """Set one monitor."""
    place, form = station_or_404(station_id), WatchForm()
    names = ("key", "kind", "value", "severity", "in_transaction_only")
    if form.validate_on_submit():
        with refusals.on(form):
            monitor = {name: form[name].data for name in names}
            order_pages.ask(place, Order.SET_MONITORS, {"monitors": [monitor]})
            return back("monitors.station", station_id=station_id)
    return _monitors(place, form), form.answer


_doing.does(
    *(monitors, "/stations/<int:station_id>/events/<int:event_id>/dismiss"),
    *(device_events.dismiss, _doing.of_station(DeviceEvent, "There is no such event.")),
    *(N_("Removed from the list of what needs attention."), ".station"),
)


@display.get("/stations/<int:station_id>/display", endpoint="station")
def displayed(station_id: int) -> ResponseReturnValue:
    """The texts on the station, and a form to show one."""
    return _display(station_or_404(station_id), ShowForm(formdata=None))


def _display(place: Station, form: ShowForm) -> str:
    return _tab("display", place, OF_DISPLAY, texts=queries.texts(db.session(), place), form=form)


@display.post("/stations/<int:station_id>/display")
def show(station_id: int) -> ResponseReturnValue:
    """Show a text; the times are those of the site's clock."""
    place, form = station_or_404(station_id), ShowForm()
    if form.validate_on_submit():
        given = {name: form[name].data for name in ("text", "when", "priority", "language")}
        with refusals.on(form):
            for name in ("starts_at", "ends_at"):
                if (typed := form[name].data) is not None:
                    moment = clock.instant(typed, place.site.timezone, field=name)
                    given[name] = moment.isoformat()
            order_pages.ask(place, Order.SHOW_MESSAGE, given)
            return back("display.station", station_id=station_id)
    return _display(place, form), form.answer


@boots.get("/stations/<int:station_id>/onboarding", endpoint="station")
def onboarded(station_id: int) -> ResponseReturnValue:
    """What it gets by itself after a boot; `proposed=1` fills in the settings that are proposed."""
    place = station_or_404(station_id)
    wanted = place.onboarding or {}
    lines = dict(wanted.get("settings") or {})
    if request.args.get("proposed"):
        lines = {**onboarding.proposed(place), **lines}
    form = OnboardingForm(
        formdata=None,
        data={
            **{name: wanted.get(name, False) for name in onboarding.SWITCHES},
            **{word: word in (wanted.get("triggers") or ()) for word in onboarding.ASKED_FOR},
            "settings": "\n".join(f"{key} = {value}" for key, value in lines.items()),
        },
    )
    return _onboarding(place, form)


def _onboarding(place: Station, form: OnboardingForm) -> str:
    steps = onboarding.progress(db.session(), place)
    proposed = onboarding.proposed(place)
    return _tab("onboarding", place, form=form, steps=steps, proposed=proposed)


@boots.post("/stations/<int:station_id>/onboarding")
def save(station_id: int) -> ResponseReturnValue:
    """Keep what is to be done; it counts from the next boot."""
    place, form = station_or_404(station_id), OnboardingForm()
    if form.validate_on_submit():
        with refusals.on(form):
            given = {
                **{name: form[name].data for name in onboarding.SWITCHES},
                "triggers": [word for word in onboarding.ASKED_FOR if form[word].data],
                "settings": _lines(form.settings.data or ""),
            }
            with unit_of_work() as work:
                onboarding.change(work, actor(), place, given, now=utc_now())
            said = _("It takes effect when %(identity)s next boots.", identity=place.identity)
            flash(said, "success")
            return back("onboarding.station", station_id=station_id)
    return _onboarding(place, form), form.answer


def _lines(text: str) -> dict[str, str]:
    """Settings from lines of name = value."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise Invalid(f"{line} should look like name = value.", field="settings")
        found[key.strip()] = value.strip()
    return found
