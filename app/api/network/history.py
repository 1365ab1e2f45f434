"""What happened at a station: statuses, boots, connections, knocks, deviations, messages."""

import json
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, select

from app.api.ground import _rows
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
from app.queries.network import handshakes as queries
from app.schemas import network as schemas
from app.schemas.answers import read

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


@noun.get(
    "/stations/{station_id}/messages",
    "viewer",
    "List messages",
    answers={200: Pages(MESSAGE)},
    query=schemas.Messages,
)
def messages(ask: Ask, station_id: int) -> Any:
    """The message log of a station; kept for as many days as the installation says."""
    station, asked = ask.get(Station, station_id, "station"), ask.query
    query = _spanned(ask, select(Message).where(Message.station_id == station.id), Message.at)
    if "direction" in asked:
        query = query.where(Message.outbound.is_(asked["direction"] == "out"))
    for name in ("action", "outcome", "message_id", "session_id"):
        if name in asked:
            query = query.where(getattr(Message, name) == asked[name])
    return ask.page(query, Message.id)


@noun.get(
    "/stations/{station_id}/boots",
    "viewer",
    "List boots",
    answers={200: Pages(BOOT)},
    query=schemas.Spanned,
)
def boots(ask: Ask, station_id: int) -> Any:
    """Every BootNotification with its answer, as long as messages are kept."""
    station = ask.get(Station, station_id, "station")
    query = select(Message).where(
        Message.station_id == station.id,
        Message.action == "BootNotification",
        Message.outbound.is_(False),
    )
    return ask.page(_spanned(ask, query, Message.at), Message.id)


@noun.get(
    "/stations/{station_id}/connections",
    "viewer",
    "List connections",
    answers={200: Pages(CONNECTION)},
    query=schemas.Connections,
)
def connections(ask: Ask, station_id: int) -> Any:
    """Every WebSocket of a station, with how it closed."""
    station = ask.get(Station, station_id, "station")
    query = select(Connection).where(Connection.station_id == station.id)
    if "open" in ask.query:
        closed = Connection.closed_at.is_not(None)
        query = query.where(~closed if ask.query["open"] else closed)
    return ask.page(query, Connection.id)


@noun.get(
    "/stations/{station_id}/handshakes",
    "viewer",
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


@noun.get(
    "/stations/{station_id}/statuses",
    "viewer",
    "List status changes",
    answers={200: Pages(STATUS)},
    query=schemas.Statuses,
)
def statuses(ask: Ask, station_id: int) -> Any:
    """Every change of a connector’s status; the states of now are in the station itself."""
    station = ask.get(Station, station_id, "station")
    query = select(StatusEvent).where(StatusEvent.station_id == station.id)
    if "evse" in ask.query:
        query = query.where(StatusEvent.evse == ask.query["evse"])
    return ask.page(_spanned(ask, query, StatusEvent.received_at), StatusEvent.id)


@noun.get(
    "/stations/{station_id}/deviations",
    "viewer",
    "List deviations",
    answers={200: Pages(DEVIATION)},
)
def deviations(ask: Ask, station_id: int) -> Any:
    """The named repairs that a station needed, how often, and the last example."""
    station = ask.get(Station, station_id, "station")
    return ask.page(select(Deviation).where(Deviation.station_id == station.id), Deviation.id)


@noun.get(
    "/stations/{station_id}/reports",
    "viewer",
    "List reports",
    answers={200: Pages(REPORT)},
    query=schemas.Reports,
)
def reports(ask: Ask, station_id: int) -> Any:
    """What a station told of itself besides charging: security events, firmware, logs."""
    station = ask.get(Station, station_id, "station")
    query = select(StationReport).where(StationReport.station_id == station.id)
    if "kind" in ask.query:
        query = query.where(StationReport.kind == ask.query["kind"])
    return ask.page(_spanned(ask, query, StationReport.received_at), StationReport.id)


@noun.get(
    "/stations/{station_id}/transaction-events",
    "viewer",
    "List transaction events",
    answers={200: Pages(EVENT)},
    query=schemas.TransactionEvents,
)
def transaction_events(ask: Ask, station_id: int) -> Any:
    """The TransactionEvents of a 2.x station in the order in which they arrived, newest first."""
    station = ask.get(Station, station_id, "station")
    query = select(TransactionEvent).where(TransactionEvent.station_id == station.id)
    for name in ("transaction_ref", "session_id"):
        if name in ask.query:
            query = query.where(getattr(TransactionEvent, name) == ask.query[name])
    return ask.page(query, TransactionEvent.id)


def _spanned(ask: Ask, query: Select[Any], column: Any) -> Select[Any]:
    if "since" in ask.query:
        query = query.where(column >= ask.query["since"])
    if "until" in ask.query:
        query = query.where(column < ask.query["until"])
    return query
