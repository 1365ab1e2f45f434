"""What happened at a station: statuses, boots, connections, knocks, deviations, messages."""

import json
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.api.ground._secrets import blotted
from app.models import (
    Connection,
    Deviation,
    HandshakeAttempt,
    Message,
    Station,
    StationReport,
    StatusEvent,
    TransactionEvent,
)
from app.queries.network import station_timeline as queries
from app.schemas import network as schemas
from app.schemas.answers import read
from app.schemas.staff import AllMessages

noun = Noun("history", "What a station said and did, the newest first.")
blueprint = noun.blueprint


def _json(text: str | None) -> Any:
    """A logged payload as JSON; one that was cut stays a text."""
    if not text:
        return None
    try:
        return blotted(json.loads(text, parse_constant=lambda word: None))
    except ValueError:
        return blotted(text)


STATUS = _rows.answer("StatusEvent", "One change of a connector’s status.", StatusEvent)
CONNECTION = _rows.answer("Connection", "One accepted WebSocket.", Connection)
KNOCK = _rows.answer(
    "Handshake",
    "An attempt to connect; `reason` is a stable code. Equal refusals within a minute share a row.",
    HandshakeAttempt,
)
DEVIATION = _rows.answer("Deviation", "A repair that its messages needed.", Deviation)
REPORT = _rows.answer(
    "Report",
    "Something a station told of itself.",
    StationReport,
    payload=read(Any, lambda row: blotted(row.payload)),
)
EVENT = _rows.answer(
    "TransactionEvent",
    "A TransactionEvent (2.x) as it came.",
    TransactionEvent,
    without=("digest",),
)
_PAYLOADS = {
    "request": read(Any, lambda row: _json(row.request), "The payload."),
    "answer": read(Any, lambda row: _json(row.response), "The answer’s payload."),
}
MESSAGE = _rows.answer(
    "Message",
    "A call and what came back. `direction` in: the station called us. Secrets are blotted out.",
    Message,
    without=("outbound", "response"),
    direction=read(schemas.Direction, lambda row: "out" if row.outbound else "in"),
    error_code=read(str | None, attrgetter("error_code"), "Of a CALLERROR."),
    **_PAYLOADS,
)
BOOT = _rows.answer(
    "Boot",
    "A BootNotification as it came, and what it was answered.",
    Message,
    without=(
        *("station_id", "session_id", "outbound", "message_id", "action", "response", "outcome"),
        *("error_code", "error_description", "latency_ms"),
    ),
    **_PAYLOADS,
)


_lists.of_station(
    noun,
    "messages",
    "List messages",
    "The message log of a station; kept for as many days as the installation says.",
    Message,
    MESSAGE,
    asked=schemas.Messages,
    at="at",
    ways={"direction": lambda way: Message.outbound.is_(way == "out")},
)


@noun.get(
    "/messages",
    "List all messages",
    answers={200: Pages(MESSAGE)},
    query=AllMessages,
)
def all_messages(ask: Ask) -> Any:
    """The message log of the stations in reach, narrowed to a station, a session or an id."""
    ways = {"direction": lambda way: Message.outbound.is_(way == "out")}
    return _lists.narrowed(ask, select(Message), Message, ways, at="at")


@noun.get("/messages/{message_id}", "Read a message", answers={200: MESSAGE})
def message(ask: Ask, message_id: int) -> Any:
    """One call with its answer."""
    return ask.get(Message, message_id, "message")


_lists.of_station(
    noun,
    "boots",
    "List boots",
    "Every BootNotification with its answer, as long as messages are kept.",
    Message,
    BOOT,
    asked=schemas.Spanned,
    at="at",
    among=(Message.action == "BootNotification", Message.outbound.is_(False)),
)
_lists.of_station(
    noun,
    "connections",
    "List connections",
    "Every WebSocket of a station, with how it closed.",
    Connection,
    CONNECTION,
    asked=schemas.Connections,
    ways={"open": lambda is_open: Connection.closed_at.is_(None) == is_open},
)


@noun.get(
    "/stations/{station_id}/handshakes",
    "List handshake attempts",
    answers={200: Pages(KNOCK)},
    query=schemas.Handshakes,
)
def handshakes(ask: Ask, station_id: int) -> Any:
    """Who knocked as this station, let in or refused, and why."""
    station = ask.get(Station, station_id, "station")
    query = queries.handshakes(ask.db, station)
    if "accepted" in ask.query:
        query = query.where(HandshakeAttempt.accepted.is_(ask.query["accepted"]))
    return ask.page(query, HandshakeAttempt.id)


_lists.of_station(
    noun,
    "statuses",
    "List status changes",
    "Every change of a connector’s status; the states of now are in the station itself.",
    StatusEvent,
    STATUS,
    asked=schemas.Statuses,
    at="received_at",
)
_lists.of_station(
    noun,
    "deviations",
    "List deviations",
    "The named repairs that a station needed, how often, and the last example.",
    Deviation,
    DEVIATION,
)
_lists.of_station(
    noun,
    "reports",
    "List reports",
    "What a station told of itself besides charging: security events, firmware, logs.",
    StationReport,
    REPORT,
    asked=schemas.Reports,
    at="received_at",
)
_lists.of_station(
    noun,
    "transaction-events",
    "List transaction events",
    "The TransactionEvents of a 2.x station in the order in which they arrived, newest first.",
    TransactionEvent,
    EVENT,
    asked=schemas.TransactionEvents,
)
