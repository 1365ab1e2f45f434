"""The five tabs of one station, and the orders given there; `stations.py` owns the blueprint."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    make_response,
    render_template,
)
from htmx_flask import request

from app import listing
from app.domain import commands, orders, stations
from app.domain.errors import DomainError, Invalid
from app.domain.quirks import QUIRKS
from app.domain.vocabulary import Order, Registration
from app.extensions import db
from app.forms import refusals
from app.forms.commands import FORMS, OrderForm
from app.forms.stations import PasswordForm
from app.models import Station
from app.queries import costs, handshake_fixes, station_page, station_timeline, station_why
from app.queries.paging import fetch
from app.queries.station_page import Now
from app.security import actor, back, needs
from app.uow import unit_of_work

#: Orders shown with a form, and the question asked before those that interrupt somebody.
CONFIRM = {
    Order.STOP_CHARGING: "Stop this session? The driver's car stops charging and gets its bill.",
    Order.RESET: "Restart {identity}? Its running sessions end.",
    Order.UNLOCK: "Unlock it? A session there may end, and the cable comes free.",
    Order.SET_AVAILABILITY: "Change the availability of {identity}? Out of service, "
    "nobody can charge there.",
    Order.CLEAR_CACHE: "Let {identity} forget all tags it remembers?",
    Order.CHANGE_SETTING: "Change this setting of {identity}? A wrong value can take it offline.",
}


def station_or_404(station_id: int) -> Station:
    """The station in the URL, when this person may see it."""
    return db.session.get(Station, station_id) or abort(404, "There is no such station.")


def register(blueprint: Blueprint) -> None:
    """Add the tabs to the blueprint of stations."""
    for rule, view, role in (
        ("", show, "viewer"),
        ("/now", now, "viewer"),
        ("/presence", presence, "viewer"),
        ("/configuration", configuration, "viewer"),
        ("/history", history, "viewer"),
        ("/setup", setup, "viewer"),
        ("/commands", command_forms, "viewer"),
    ):
        blueprint.add_url_rule(
            f"/<int:station_id>{rule}",
            {"command_forms": "commands"}.get(view.__name__, view.__name__),
            needs(role)(view),
        )
    for rule, view in (
        ("/commands", command),
        ("/password", password),
        ("/registration", registration),
    ):
        blueprint.add_url_rule(
            f"/<int:station_id>{rule}", view.__name__, needs("operator")(view), methods=["POST"]
        )


def show(station_id: int) -> Any:
    """The Live tab."""
    return render_template("stations/show.html", **_live(station_or_404(station_id)))


def now(station_id: int) -> Any:
    """The piece of the Live tab that keeps itself fresh."""
    return render_template("stations/_live.html", **_live(station_or_404(station_id)))


def presence(station_id: int) -> Any:
    """The chips beside the title: online or not, registered or not."""
    station = station_or_404(station_id)
    there = station_page.now_of(db.session(), station, datetime.now(UTC))
    return render_template("stations/_presence.html", station=station, there=there)


def _live(station: Station) -> dict[str, Any]:
    session, at = db.session(), datetime.now(UTC)
    there = station_page.now_of(session, station, at)
    there.commands = station_page.recent_commands(session, station)
    there.messages = station_page.recent_messages(session, station)
    return {
        "station": station,
        "there": there,
        "whys": station_why.answers(session, there, at),
        "today": station_timeline.today(session, station, g.zone, at),
        "cost": lambda row: costs.so_far(session, row, at),
    }


def command_forms(station_id: int) -> Any:
    """The Commands tab: a form for each order that the station understands."""
    return render_template("stations/commands.html", **_commands(station_or_404(station_id)))


def _commands(station: Station, failed: OrderForm | None = None) -> dict[str, Any]:
    session, at = db.session(), datetime.now(UTC)
    there = station_page.now_of(session, station, at)
    there.commands = station_page.recent_commands(session, station, 20)
    shown = failed.order.value if failed else listing.text("order")
    return {
        "station": station,
        "there": there,
        "forms_of": [
            failed if failed and failed.order is order else _order_form(order, there)
            for order in FORMS
            if there.offers(order)
        ],
        "opened": shown,
        "labels": orders.LABELS,
        "confirm": {
            order: text.format(identity=station.identity) for order, text in CONFIRM.items()
        },
        "tags": station_page.tags_to_offer(session, at),
        "settings": station_page.settings(session, station)[0],
    }


def _order_form(order: Order, there: Now) -> OrderForm:
    wished = request.args if request.method == "GET" and request.args.get("order") == order else {}
    form = FORMS[order](formdata=None, data=dict(wished))
    _offer(form, there)
    return form


def _offer(form: OrderForm, there: Now) -> None:
    sessions = [
        (row.id, f"Session {row.id} at connector {row.evse}") for row in there.sessions.values()
    ]
    form.offer([plug.evse for plug in there.plugs], sessions)


def command(station_id: int) -> Any:
    """Give an order: 202 with its row for htmx, 303 to the Commands tab for a plain browser."""
    station = station_or_404(station_id)
    order = _order()
    given = {name: request.form[name] for name in orders.ARGUMENTS[order] if name in request.form}
    ttl_s = current_app.config["SETTINGS"].command_ttl_s
    try:
        with unit_of_work() as work:
            row = commands.queue(
                work, actor(), station, order, given, now=datetime.now(UTC), ttl_s=ttl_s
            )
    except DomainError as error:
        if request.htmx:
            raise
        return _refused(station, order, error)
    if request.htmx:
        return render_template("commands/_command.html", command=row), 202
    return back("stations.commands", station_id=station_id, _anchor=f"command-{row.id}")


def _order() -> Order:
    try:
        return Order(request.form.get("order", ""))
    except ValueError:
        abort(400, "There is no such order.")


def _refused(station: Station, order: Order, error: DomainError) -> Any:
    form = FORMS[order]()
    _offer(form, station_page.now_of(db.session(), station, datetime.now(UTC)))
    refusals.show(form, error)
    return render_template("stations/commands.html", **_commands(station, form)), error.status


def configuration(station_id: int) -> Any:
    """The Configuration tab: the station's settings as it told them last."""
    station, session = station_or_404(station_id), db.session()
    there = station_page.now_of(session, station, datetime.now(UTC))
    found, read_at = station_page.settings(session, station)
    q = listing.text("q").casefold()
    form = _order_form(Order.CHANGE_SETTING, there)
    form.key.data, form.value.data = listing.text("key"), listing.text("value")
    return render_template(
        "stations/configuration.html",
        station=station,
        there=there,
        settings=[row for row in found if q in f"{row.key} {row.value}".casefold()],
        total=len(found),
        secrets=orders.SECRET_SETTINGS,
        read_at=read_at,
        form=form,
        quirk_facts=[(QUIRKS[name].label, _plain(value))
                     for name, value in station.quirks.items() if name in QUIRKS],
        confirm=CONFIRM[Order.CHANGE_SETTING].format(identity=station.identity),
        waiting=[row for row in station_page.recent_commands(session, station)
                 if row.order in (Order.READ_SETTINGS, Order.CHANGE_SETTING)][:3],
    )  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


def history(station_id: int) -> Any:
    """The History tab: statuses, connections, reports or taps, a page at a time."""
    station = station_or_404(station_id)
    kind = listing.text("kind")
    kind = kind if kind in station_page.HISTORY else "statuses"
    query, sorts = station_page.history(station, kind)
    page = fetch(db.session(), query, listing.wish(), sorts, default="-at", noun=kind)
    return render_template(
        "stations/history.html",
        station=station,
        there=station_page.now_of(db.session(), station, datetime.now(UTC)),
        kind=kind,
        page=page,
        status_words=station_timeline.status_words,
    )


def setup(station_id: int) -> Any:
    """The Setup tab: what to type into the charger, and each attempt to connect as it arrives."""
    return setup_page(station_or_404(station_id))


def setup_page(
    station: Station, *, clear: str | None = None, fresh: bool = False, form: Any = None
) -> Any:
    """Render the Setup tab; `clear` is a new password, which is in this one answer only."""
    session = db.session()
    settings = current_app.config["SETTINGS"]
    response = make_response(
        render_template(
            "stations/setup.html",
            station=station,
            there=station_page.now_of(session, station, datetime.now(UTC)),
            url=f"{settings.charger_url}/{quote(station.identity, safe='')}",
            base_url=settings.charger_url,
            clear=clear,
            fresh=fresh,
            form=form or PasswordForm(formdata=None),
            attempts=station_page.attempts(session, station),
            strangers=station_page.strangers(session),
            fix=handshake_fixes.fix,
        )
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def password(station_id: int) -> Any:
    """Give the station a new password; the answer shows it, this once."""
    station, form = station_or_404(station_id), PasswordForm()
    try:
        with unit_of_work() as work:
            if form.password.data:
                stations.set_password(
                    work, actor(), station, form.password.data, now=datetime.now(UTC)
                )
                clear = None
            else:
                clear = stations.new_password(work, actor(), station, now=datetime.now(UTC))
    except Invalid as error:
        refusals.show(form, error)
        return setup_page(station, form=form), 422
    if clear is None:
        flash("The password is changed; the next connection needs it.", "success")
        return back("stations.setup", station_id=station_id)
    return setup_page(station, clear=clear)


def registration(station_id: int) -> Any:
    """Say how the station's next boot is answered."""
    station = station_or_404(station_id)
    try:
        word = Registration(request.form.get("registration", ""))
    except ValueError:
        abort(400, "There is no such registration.")
    with unit_of_work() as work:
        stations.set_registration(work, actor(), station, word, now=datetime.now(UTC))
    flash(f"The next boot of {station.identity} is answered with: {word.value}.", "success")
    return back("stations.setup", station_id=station_id)
