"""What happened at a station: noted faults, statuses, boots, connections, deviations, messages."""

import json
from operator import attrgetter
from typing import Any

from flask import Response

from app.api.ground import _lists, _rows
from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun, finds
from app.api.ground._paging import Page, Pages
from app.api.ground._rows import blotted
from app.domain.network import field
from app.models import (
    Connection,
    Deviation,
    HandshakeAttempt,
    Message,
    NotedFault,
    StationReport,
    StatusEvent,
    TransactionEvent,
)
from app.queries.network import station_page
from app.schemas import network as schemas
from app.schemas.answers import read
from app.schemas.staff import AllMessages
from app.web import photos

# Faults that staff noted in front of stations, until they are done.

fault_noun = Noun(
    "faults", "What staff saw in front of stations, until somebody says that it is done."
)

FAULT = _rows.answer(
    "NotedFault",
    "Something wrong that somebody noted at a station. `done_at` is null while it is open; "
    "`has_photo`: GET /faults/{id}/photo answers.",
    NotedFault,
    without=("photo",),
    has_photo=read(bool, lambda row: row.photo is not None, "Whether there is a photo."),
)


_fault = finds(NotedFault, "fault")

_lists.of_station(
    *(fault_noun, "faults", "List noted faults"),
    "What was noted at a station, open and done, the newest first.",
    *(NotedFault, FAULT),
    asked=schemas.Faults,
    ways={"open": lambda wanted: NotedFault.done_at.is_(None) == wanted},
)


fault_noun.decide(
    "/stations/{station_id}/faults",
    "Note a fault",
    "Keep what is wrong with a station; photos are added at the charger, on the desk.",
    *(FAULT, _lists.STATION, field.note_fault),
    name="note",
    body=schemas.NewFault,
    result=True,
    status=201,
    problems=(404,),
)
fault_noun.show("/faults/{fault_id}", "Read a noted fault", "One noted fault.", FAULT, _fault)


@fault_noun.get(
    "/faults/{fault_id}/photo",
    "Read the photo of a fault",
    answers={200: File("image/jpeg", "The photo, without metadata.")},
)
def photo(ask: Ask, fault_id: int) -> Response:
    """The photo that was taken at the charger; 404 where there is none."""
    return photos.answer(_fault(ask, fault_id).photo, f"fault-{fault_id}.jpg")


fault_noun.decide(
    "/faults/{fault_id}/done",
    "Settle a fault",
    "Say that it is done, and maybe how.",
    *(FAULT, _fault, field.settle_fault),
    body=schemas.FaultDone,
    result=True,
    problems=(404, 409),
)


noun = Noun("history", "What a station said and did, the newest first.")


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
_WAYS = {"direction": lambda way: Message.outbound.is_(way == "out")}

_lists.of_station(
    *(noun, "messages", "List messages"),
    "The message log of a station; kept for as many days as the installation says.",
    *(Message, MESSAGE),
    asked=schemas.Messages,
    at="at",
    ways=_WAYS,
)
_lists.hang(
    *(noun, "/messages", "List all messages"),
    "The message log of the stations in reach, narrowed to a station, a session or an id.",
    *(Message, MESSAGE),
    name="all_messages",
    asked=AllMessages,
    at="at",
    ways=_WAYS,
)
noun.show(
    *("/messages/{message_id}", "Read a message", "One call with its answer."),
    *(MESSAGE, finds(Message, "message")),
    name="message",
)
_lists.of_station(
    *(noun, "boots", "List boots"),
    "Every BootNotification with its answer, as long as messages are kept.",
    *(Message, BOOT),
    asked=schemas.Spanned,
    at="at",
    among=(Message.action == "BootNotification", Message.outbound.is_(False)),
)
_lists.of_station(
    *(noun, "connections", "List connections"),
    "Every WebSocket of a station, with how it closed.",
    *(Connection, CONNECTION),
    asked=schemas.Connections,
    ways={"open": lambda is_open: Connection.closed_at.is_(None) == is_open},
)


@noun.get(
    "/stations/{station_id}/handshakes",
    "List handshake attempts",
    answers={200: Pages(KNOCK)},
    query=schemas.Handshakes,
)
def handshakes(ask: Ask, station_id: int) -> Page:
    """Who knocked as this station, let in or refused, and why."""
    query = station_page.handshakes(ask.db, _lists.STATION(ask, station_id))
    if "accepted" in ask.query:
        query = query.where(HandshakeAttempt.accepted.is_(ask.query["accepted"]))
    return ask.page(query, HandshakeAttempt.id)


_lists.of_station(
    *(noun, "statuses", "List status changes"),
    "Every change of a connector’s status; the states of now are in the station itself.",
    *(StatusEvent, STATUS),
    asked=schemas.Statuses,
    at="received_at",
)
_lists.of_station(
    *(noun, "deviations", "List deviations"),
    "The named repairs that a station needed, how often, and the last example.",
    *(Deviation, DEVIATION),
)
_lists.of_station(
    *(noun, "reports", "List reports"),
    "What a station told of itself besides charging: security events, firmware, logs.",
    *(StationReport, REPORT),
    asked=schemas.Reports,
    at="received_at",
)
_lists.of_station(
    *(noun, "transaction-events", "List transaction events"),
    "The TransactionEvents of a 2.x station in the order in which they arrived, newest first.",
    *(TransactionEvent, EVENT),
    asked=schemas.TransactionEvents,
)
