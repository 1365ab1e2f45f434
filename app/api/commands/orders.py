"""Orders to stations: typed or raw, answered at once or with their result."""

from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from flask import Response

from app.api.commands import _typed, _waiting
from app.api.ground import _bulk, _lists, _rows
from app.api.ground._noun import Ask, Noun, made_at
from app.api.ground._rows import blotted
from app.domain.commands import broadcasts, command_rules, commands, orders
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import OPEN_STATES, Arguments, CommandState, Json, Order
from app.extensions import the_settings
from app.models import Command
from app.schemas import commands as schemas
from app.schemas.answers import Answer, read
from app.schemas.base import Instant, Number, needed
from app.schemas.bulk import OrdersBulk
from app.schemas.typed import Argument
from app.uow import unit_of_work
from app.web import problems

noun = Noun("orders", "What stations are asked to do, and what came of it.")


def _error(row: Any, name: str) -> Any:
    """A member of the CALLERROR that a station answered with."""
    failed = row.state in (CommandState.FAILED, CommandState.UNSUPPORTED)
    return (row.answer or {}).get(name) if failed else None


ORDER = _rows.answer(
    "Order",
    "An order. `state`: queued and sent are under way; accepted, rejected (the charger said no), "
    "failed (it answered a CALLERROR, or it could not be sent), timed_out, expired (never sent) "
    "and unsupported are final. `request` and `answer` are what went over the wire.",
    Command,
    without=("node", "user_id"),
    arguments=read(Json, lambda row: blotted(row.arguments)),
    settled=read(bool, lambda row: row.state not in OPEN_STATES),
    sentence=read(str | None, attrgetter("sentence"), "How it ended, in words."),
    action=read(str | None, attrgetter("action"), "The message that was sent."),
    request=read(Any, lambda row: blotted(row.request), "Its payload."),
    answer=read(Any, lambda row: blotted(row.answer), "What the station answered."),
    error_code=read(str | None, lambda row: _error(row, "errorCode"), "Of a CALLERROR."),
    error_description=read(str | None, lambda row: _error(row, "errorDescription")),
    attempts=read(
        Any,
        lambda row: blotted(row.attempts),
        "Forms that were tried before: [action, request, answer].",
    ),
    subject=read(str | None, attrgetter("subject"), "The row that it is about, as reservation:7."),
    expires_at=read(Instant, attrgetter("expires_at"), "It is sent before this moment, or never."),
)


class OrderArgument(Answer):
    """An argument of a typed order; what does not apply is null."""

    name: str
    required: bool
    kind: str = needed("text, whole, number, choice, switch, instant, list, object, objects, json")
    choices: list[str]
    low: Number | None
    high: Number | None
    help: str


class OrderKind(Answer):
    """A typed order with its arguments."""

    order: Order
    label: str
    arguments: list[OrderArgument]


class OrderKinds(Answer):
    """Every typed order."""

    orders: list[OrderKind]


@noun.post(
    "/stations/{station_id}/orders",
    "Give an order",
    body=schemas.NewOrder,
    forms=_typed.of_one(),
    query=schemas.Wait,
    answers={202: ORDER, 200: ORDER},
    problems=(404, 409),
)
def create(ask: Ask, station_id: int) -> object:
    """Ask something of a station: 202 at once, or with `wait` 200 with the result, whatever it is.

    A station that is not connected is a 404 with the code not_connected. When the
    wait is over before the order is, the answer is 202, too.
    """
    order, arguments = wanted(ask.body)
    wait_s = ask.query.get("wait")
    wish = (order, arguments, ask.body.get("expires_in_s"), bool(ask.body.get("force")))
    if wait_s is None:
        row = _queue(ask, station_id, *wish)
    else:
        with _waiting.place() as place:
            row = place.settled(wait_s, _queue(ask, station_id, *wish, place=place))
    status = 202 if wait_s is None or row.state in OPEN_STATES else 200
    return made_at("/orders", row, status)


_lists.of_station(
    *(noun, "orders", "List a station’s orders"),
    "What was asked of a station, the newest first.",
    *(Command, ORDER),
    name="list",
    asked=schemas.Orders,
)


@noun.get("/orders/kinds", "List the typed orders", answers={200: OrderKinds})
def kinds(ask: Ask) -> object:
    """Every typed order with its arguments."""
    return {"orders": known()}


@noun.get("/orders/{order_id}", "Read an order", query=schemas.Wait, answers={200: ORDER})
def show(ask: Ask, order_id: int) -> object:
    """One order as it stands; with `wait`, once it has ended or the time is over."""
    row = ask.get(Command, order_id, "order")
    if "wait" not in ask.query:
        return row
    with _waiting.place() as place:
        place.expect(row.id)
        return place.settled(ask.query["wait"])


@noun.post(
    "/stations/{station_id}/connectors/{connector}/unlock",
    "Unlock a connector",
    query=schemas.Unlocking,
    answers={200: ORDER},
    problems=(404, 409, 504),
)
def unlock(ask: Ask, station_id: int, connector: int) -> object:
    """Unlock and wait: 200 unlocked, 404 not connected, 409 refused by the charger, 504 silent."""
    settings = the_settings()
    wish = (Order.UNLOCK, {"connector": connector}, None, bool(ask.query.get("force")))
    with _waiting.place() as place:
        row = _queue(ask, station_id, *wish, place=place)
        patience_s = commands.patience_s(row.quirks, settings.call_timeout_s)
        row = place.settled(min(patience_s + 1, schemas.LONGEST_WAIT_S), row)
    if row.state is CommandState.ACCEPTED:
        return row
    if row.state in {CommandState.REJECTED, CommandState.FAILED, CommandState.UNSUPPORTED}:
        return unfulfilled(row, 409, "refused")
    return unfulfilled(row, 504, "timed_out")


def known() -> list[Json]:
    """Every typed order as the shape `OrderKind` has it."""
    return [
        {
            "order": order,
            "label": spec.label,
            "arguments": [_argument(name, argument) for name, argument in spec.arguments.items()],
        }
        for order, spec in orders.SPECS.items()
    ]


def _argument(name: str, argument: Argument) -> Json:
    looks = argument.looks
    return {
        "name": name,
        "required": argument.required,
        "kind": looks.kind,
        "choices": list(looks.choices),
        "low": looks.low,
        "high": looks.high,
        "help": argument.help or argument.label,
    }


def unfulfilled(row: Any, status: int, code: str) -> Response:
    sentence = row.sentence or "The charger has not answered yet."
    return problems.answer(status, code, sentence, order=ORDER.write(row))


def wanted(body: Json) -> tuple[Order, Json]:
    """The order that a body means, with its arguments; raises `Invalid`."""
    if "action" in body:
        if "order" in body or "arguments" in body:
            raise Invalid("Send a typed order or a raw one, not both.", field="order")
        raw: Json = {name: body[name] for name in ("action", "payload", "check") if name in body}
        return Order.RAW, {"payload": {}, **raw}
    if "order" not in body:
        raise Invalid("Say which order (or which action, for a raw one).", field="order")
    for name in ("payload", "check"):
        if name in body:
            raise Invalid(f"{name} belongs to a raw order.", field=name)
    return body["order"], body.get("arguments", {})


def _queue(
    ask: Ask,
    station_id: int,
    order: Order,
    arguments: Arguments,
    expires_in_s: int | None,
    force: bool,
    place: _waiting.Place | None = None,
) -> Any:
    """Queue an order; return its row, with the quirks of its station.

    Whoever waits hears nothing before the order was claimed, which is durable and makes this so.
    """
    ttl_s = expires_in_s or the_settings().command_ttl_s
    known = None if force else ()
    with unit_of_work(durable=place is None) as db:
        station = _lists.STATION(ask, station_id)
        wish = (station, order, arguments)
        row = commands.queue(db, ask.actor, *wish, now=ask.now, ttl_s=ttl_s, known=known)
        if place is not None:
            place.expect(row.id)
        return SimpleNamespace(**command_rules.as_it_stands(row), quirks=station.quirks)


_bulk.hang(
    *(noun, broadcasts.MANY, None, OrdersBulk),
    "Ask the same of the same stations again; what would end a session is refused.",
    lambda: {"ttl_s": the_settings().command_ttl_s},
)
