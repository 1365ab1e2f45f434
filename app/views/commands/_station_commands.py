"""The Commands tab of a station: quick buttons, a form per order by noun, and raw JSON."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from htmx_flask import request

from app.domain.commands import command_rules, commands, orders
from app.domain.commands.orders.catalogue import NOUNS
from app.domain.ground import clock, texts
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import Arguments, Order
from app.extensions import db, the_settings
from app.forms.commands.commands import OrderForm, form_class
from app.forms.ground import refusals
from app.models import Command, Station
from app.process.clock import utc_now
from app.queries.commands import commands as command_queries
from app.queries.device import device_model as setting_queries
from app.queries.network import station_page
from app.queries.network.station_page import Now
from app.schemas.typed import INSTANT
from app.uow import unit_of_work
from app.web import listing
from app.web.security import actor, back


@dataclass(frozen=True, slots=True)
class Group:
    """The forms of one noun's orders."""

    title: str
    forms: list[OrderForm]

    @property
    def words(self) -> list[str]:
        """The orders that are in it."""
        return [form.order.value for form in self.forms]


def ask(
    station: Station, order: Order, given: Arguments, known: Collection[int] | None = None
) -> Command:
    """Give a station an order, asked by this person; raises what it cannot be given for.

    `known` are the sessions that it may end.
    """
    ttl_s, wish = the_settings().command_ttl_s, (station, order, given)
    with unit_of_work() as work:
        return commands.queue(work, actor(), *wish, now=utc_now(), ttl_s=ttl_s, known=known)


def tab(station: Station, failed: OrderForm | None = None) -> str:
    """Render the tab; `failed` is a form that was refused and says why."""
    session, at = db.session(), utc_now()
    there = station_page.now_of(session, station, at)
    there.commands = station_page.recent_commands(session, station, 20)
    return render_template(
        "network/stations/commands.html",
        groups=_groups(there, failed),
        settings=setting_queries.offered(session, station),
        actions=command_queries.actions(session, station),
        **_words(there, failed.order.value if failed else listing.text("order")),
    )


def _words(there: Now, opened: str) -> dict[str, Any]:
    """What the template of one form needs beside the form."""
    return {
        "station": there.station,
        "there": there,
        "opened": opened,
        "confirm": {
            order: text
            for order, text in questions(there.station).items()
            # Whose session an unlock ends is asked once it is known which plug is meant.
            if order is not Order.UNLOCK or not there.sessions
        },
    }


def questions(station: Station) -> dict[Order, str]:
    """What is asked before an order to this station."""
    return {
        order: spec.question_to(station.identity)
        for order, spec in orders.SPECS.items()
        if spec.question
    }


def order_form(order: Order, there: Now) -> OrderForm:
    """An order's form, filled from the URL where that names the order."""
    wished = request.args if request.method == "GET" and request.args.get("order") == order else {}
    form = form_class(order)(formdata=None, data=dict(wished))
    _offer(form, there)
    return form


def _groups(there: Now, failed: OrderForm | None) -> list[Group]:
    found = []
    for title, specs in NOUNS.items():
        forms = [
            failed if failed and failed.order is spec.order else order_form(spec.order, there)
            for spec in specs
            if there.offers(spec.order)
        ]
        if forms:
            found.append(Group(title, forms))
    return found


def _offer(form: OrderForm, there: Now) -> None:
    sessions = [
        (row.id, f"Session {row.id} at connector {row.evse}") for row in there.sessions.values()
    ]
    form.offer([plug.evse for plug in there.plugs], sessions)
    form.on_clock(there.station.site.timezone)


def give(station: Station) -> ResponseReturnValue:
    """Give an order: 202 with its row for htmx, 303 to the Commands tab for a plain browser."""
    order = posted_order()
    try:
        given = posted_arguments(order, station.site.timezone)
        row = ask(station, order, given, shown_sessions())
    except command_rules.EndsSessions:
        return to_question(station, order, given)
    except DomainError as error:
        if request.htmx and (error.field is None or request.form.get("place") != "form"):
            raise
        return _refused(station, order, error)
    if request.htmx:
        return render_template("commands/commands/_command.html", command=row), 202
    return back("stations.commands", station_id=station.id, _anchor=f"command-{row.id}")


def to_question(
    station: Station, order: Order, given: Arguments, return_to: str | None = None
) -> ResponseReturnValue:
    """Send the browser on to the page that says which sessions an order would end.

    From there it comes back to the charger's own page where it is to `return_to` "charger".
    """
    response = back(
        "stations.sure", station_id=station.id, order=order.value, return_to=return_to, **given
    )
    if request.htmx:
        response.status_code = 204
        response.headers["HX-Redirect"] = response.headers.pop("Location")
    return response


def sure(station: Station) -> str:
    """Ask before an order ends sessions; the answer names those that this page has shown."""
    try:
        order = Order(request.args.get("order", ""))
    except ValueError:
        abort(400, "There is no such order.")
    table = orders.SPECS[order].arguments
    given = {name: text for name, text in request.args.items() if name in table}
    checked = orders.arguments(order, given)
    ends: command_rules.EndsSessions | None = None
    try:
        command_rules.refuse(db.session(), station, order, checked)
    except command_rules.EndsSessions as error:
        ends = error
    return render_template(
        "network/stations/sure.html",
        station=station,
        code=station.field_code if request.args.get("return_to") == "charger" else None,
        order=order.value,
        given=given,
        words=orders.describe(order, checked),
        sentence=ends.sentence if ends else "",
        sessions=ends.sessions if ends else (),
    )


def shown_sessions() -> set[int]:
    """The sessions that the asker was told of and means to end."""
    parts = request.form.get("known", "")[:1000].split(",")
    return {number for part in parts if (number := texts.row_id(part)) is not None}


def _refused(station: Station, order: Order, error: DomainError) -> ResponseReturnValue:
    """The form again, with what is wrong beside its field; alone where htmx puts it in place."""
    there = station_page.now_of(db.session(), station, utc_now())
    form = form_class(order)()
    _offer(form, there)
    refusals.show(form, error)
    if not request.htmx:
        return tab(station, form), error.status
    text = render_template(
        "network/stations/_order_form.html", form=form, **_words(there, order.value)
    )
    place = {"HX-Retarget": f"#order-{order.value}", "HX-Reswap": "outerMorph"}
    return text, error.status, place


def posted_order() -> Order:
    """The order that a form names."""
    try:
        return Order(request.form.get("order", ""))
    except ValueError:
        abort(400, "There is no such order.")


def posted_arguments(order: Order, zone: str) -> dict[str, str]:
    """What a form says of an order's arguments; a blank is "not given" unless it may be empty.

    Times are those of `zone`'s clock.  Raises `Invalid` for one that it does not show once.
    """
    table = orders.SPECS[order].arguments
    sent = request.form
    given = {
        # Several of a list are ticked; of anything else the first counts, as ever.
        name: ",".join(sent.getlist(name)) if one.looks.kind == "list" else sent[name]
        for name, one in table.items()
        if name in sent
    }
    return {
        name: _on_clock(name, text, zone) if table[name].looks is INSTANT else text
        for name, text in given.items()
        if text.strip() or table[name].blank
    }


def _on_clock(name: str, text: str, zone: str) -> str:
    try:
        typed = datetime.fromisoformat(text.strip())
    except ValueError:
        return text  # the order says what a time looks like
    return clock.instant(typed, zone, field=name).isoformat()
