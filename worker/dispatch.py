"""One call of a charger: checked, handled in a unit of work, committed, then answered."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import gevent
import orjson
from sqlalchemy.exc import SQLAlchemyError

from app.domain import messages, reports
from app.domain.vocabulary import MessageOutcome, Registration
from app.models import Station
from app.providers import Providers
from worker.batch import Batch, Job, Readings, StorageAway
from worker.dialects.context import Bulk, Context, Outside
from worker.dialects.v16 import routing as v16
from worker.dialects.v21 import routing as v21
from worker.dialects.v201 import routing as v201
from worker.ocpp import repairs, schemas
from worker.ocpp.events import Malformed, Repeated, Stray
from worker.ocpp.faults import CallFault, Fault
from worker.ocpp.fields import Fields
from worker.ocpp.frames import Call, Send
from worker.ocpp.json_text import without_nul
from worker.ocpp.versions import Version
from worker.proof import contradiction
from worker.standing import Over, Standing

log = logging.getLogger(__name__)

#: version -> its table of handlers
ROUTES: dict[Version, Any] = {Version.V16: v16, Version.V201: v201, Version.V21: v21}
#: No call of ours goes out before a boot's answer has.
AFTER_BOOT_S = 0.3


@dataclass(slots=True)
class Held:
    """A link, the row of its connection, and what this conversation has brought so far.

    `served` says that the station's boot was accepted, now or on an earlier
    connection; `triggered` are messages that we asked for before that.  `over` says why
    nothing of this connection counts any more, mostly nothing.
    """

    link: Any
    connection_id: int | None = None
    served: bool = True
    triggered: set[str] = field(default_factory=set)
    over: str = ""


class Dispatch:
    """Takes calls from links and gives back the text of their answers."""

    def __init__(self, batch: Batch, settings: Any, standing: Standing) -> None:
        self._batch = batch
        self._settings = settings
        self._standing = standing
        self._providers = Providers(settings)

    def answer(self, held: Held, call: Call) -> str | None:
        """Handle a call; None: stay silent, so that the charger keeps it and tries again."""
        received_at = datetime.now(UTC)
        link = held.link
        delay_ms = link.station.quirks.get("reply_delay_ms")
        if delay_ms:
            gevent.sleep(delay_ms / 1000)
        routes = ROUTES[link.version]
        try:
            if problem := contradiction(link, call):
                raise Over(problem)
            payload, mended = self._checked(held, call, routes)
            return self._handled(held, call, payload, mended, received_at, routes)
        except Over as over:
            self._end(held, call, over, received_at)
            return None
        except CallFault as fault:
            text: str = link.refuse(call, fault.fault, fault.description)
            self._log_refusal(held, call, fault, received_at)
            return text
        except StorageAway:
            return self._without_storage(held, call, routes)

    def take(self, held: Held, send: Send) -> None:
        """Take in what wants no answer (2.1's SEND); what cannot be taken in is logged."""
        received_at = datetime.now(UTC)
        routes = ROUTES[held.link.version]
        try:
            if send.action not in getattr(routes, "SENT", ()):
                raise CallFault(Fault.NOT_IMPLEMENTED, f"{send.action} is not sent unasked")
            payload, mended = self._checked(held, send, routes)
            self._handled(held, send, payload, mended, received_at, routes)
        except Over as over:
            self._end(held, send, over, received_at)
        except CallFault as fault:
            self._log_refusal(held, send, fault, received_at)
        except StorageAway as error:
            log.warning("%s of %s is lost: %s", send.action, held.link.station.identity, error)

    def _checked(
        self, held: Held, call: Call | Send, routes: Any
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The payload to work with and the repairs that it needed; raises the precise CallFault."""
        if held.over:
            raise Over(held.over)
        link = held.link
        notes = [(note, call.action) for note in call.notes]
        if call.action not in routes.HANDLERS:
            raise CallFault(Fault.NOT_IMPLEMENTED, f"{call.action} is not handled here")
        allowed = held.served or call.action in routes.BEFORE_BOOT | held.triggered
        if not allowed:
            raise CallFault(Fault.SECURITY, "the boot of this charger was not accepted yet")
        if "\\u0000" in call.text:
            # PostgreSQL has no NUL in texts; no charger means anything by it.
            call = replace(call, payload=without_nul(call.payload))
            notes.append(("nul_character", call.action))
        if link.station.strict:
            problem = schemas.violation(link.version, call.action, "call", call.payload)
            if problem is not None:
                raise problem
            return call.payload, notes
        mended = repairs.mend(link.version, call.action, call.payload)
        notes += [(name, call.action) for name in mended.repairs]
        if mended.violation is not None:
            # Kilowatt-hours are never refused for their form: the handler reads what it can.
            if call.action not in routes.MONEY or not isinstance(mended.payload, dict):
                raise mended.violation
            notes.append(("schema_violation", f"{call.action}: {mended.violation.description}"))
        return mended.payload, notes

    def _handled(
        self,
        held: Held,
        call: Call | Send,
        payload: dict[str, Any],
        notes: list[tuple[str, str]],
        received_at: datetime,
        routes: Any,
    ) -> str:
        context = self._context(held, received_at, notes)
        route = routes.HANDLERS[call.action]
        if isinstance(route, Bulk) and isinstance(call, Call):
            return self._in_bulk(held, call, payload, context, route)
        if isinstance(route, Outside):
            context.found = route.ask(Fields(payload), context, self._providers)
            route = route.then
        answer: list[str] = []

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            answer.clear()
            context.db, context.station = db, self._standing.station(db, link)
            context.deviations[:], context.shift = notes, None
            response = route(Fields(payload), context)
            answer.append(link.answer(call, response) if isinstance(call, Call) else "")
            reports.deviations(db, context.station, context.deviations, now=received_at)
            rows.append(self._row(held, call, received_at, response, context.session_id))
            # Meter values are read without the row: they are corrected by what is known here.
            link.station.clock_offset_s = context.station.clock_offset_s
            if call.action == "BootNotification":
                booted.append(context.station.booted_registration)

        link = held.link
        booted: list[Registration] = []
        self._do(held, call, Job(run))
        if booted:
            held.served = booted[-1] is Registration.ACCEPTED
            # The boot's answer leaves first; some stations need more peace than that (FIELD B3).
            link.hold(float(link.station.quirks.get("outbound_after_boot_s") or AFTER_BOOT_S))
        return answer[0]

    def _in_bulk(
        self, held: Held, call: Call, payload: dict[str, Any], context: Context, route: Bulk
    ) -> str:
        item, link = route.read(Fields(payload), context), held.link
        text: str = link.answer(call, route.answer)
        row = self._row(held, call, context.now, route.answer, None)
        epoch, station = link.station.access_epoch, self._standing.station
        self._do(held, call, Readings(item, row, epoch, lambda db: station(db, link)))
        if context.deviations:
            found, station_id = context.deviations, held.link.station.id
            self._batch.later(
                Job(
                    lambda db, rows: reports.deviations(
                        db, db.get(Station, station_id), found, now=context.now
                    )
                )
            )
        return text

    def _do(self, held: Held, call: Call | Send, work: Job | Readings) -> None:
        """Have it stored; an error of ours is not the charger's fault and is not told in detail."""
        try:
            self._batch.do(work)
        except (CallFault, Over, StorageAway):
            raise
        except SQLAlchemyError as error:
            log.error("%s of %s failed: %s", call.action, held.link.station.identity, error)
            raise StorageAway(str(error)) from error
        except Exception:
            log.exception("%s of %s failed", call.action, held.link.station.identity)
            raise StorageAway("a handler failed") from None

    def _end(self, held: Held, call: Call | Send, over: Over, received_at: datetime) -> None:
        """Leave what came over a connection that is over unanswered: the charger keeps it."""
        held.over = str(over)
        self._log_refusal(held, call, CallFault(Fault.SECURITY, held.over), received_at)
        held.link.close(1008, held.over)

    def _context(self, held: Held, now: datetime, notes: list[tuple[str, str]]) -> Context:
        station = held.link.station
        return Context(
            db=None,
            station=None,
            station_id=station.id,
            timezone=station.timezone,
            quirks=station.quirks,
            now=now,
            heartbeat_s=self._settings.heartbeat_s,
            boot_retry_s=self._settings.boot_retry_s,
            deviations=list(notes),
            clock_offset_s=station.clock_offset_s,
        )

    def _without_storage(self, held: Held, call: Call, routes: Any) -> str | None:
        """Nothing could be stored.  A tap is refused; what has kilowatt-hours behind it stays
        unanswered, so that the charger keeps it; all else is an internal error."""
        link = held.link
        if (refusal := routes.WITHOUT_STORAGE.get(call.action)) is not None:
            return str(link.answer(call, refusal))
        if call.action in routes.MONEY:
            link.close(1013, "try again later")
            return None
        return str(link.refuse(call, Fault.INTERNAL, "try again later"))

    # The log

    def _row(
        self,
        held: Held,
        call: Call | Send,
        received_at: datetime,
        response: Mapping[str, Any] | None,
        session_id: int | None,
        **more: Any,
    ) -> dict[str, Any]:
        sensitive = call.action in messages.SENSITIVE
        return {
            "station_id": held.link.station.id,
            "connection_id": held.connection_id,
            "session_id": session_id,
            "outbound": False,
            "message_id": str(call.message_id)[:255],
            "action": call.action[:60],
            "request": messages.text_of(call.action, call.payload)
            if sensitive
            else messages.cut(orjson.dumps(call.payload).decode()),
            "response": None if response is None else orjson.dumps(response).decode(),
            "outcome": MessageOutcome.ANSWERED,
            "error_code": None,
            "error_description": None,
            "at": received_at,
            "latency_ms": (datetime.now(UTC) - received_at).total_seconds() * 1000,
            **more,
        }

    def _log_refusal(
        self, held: Held, call: Call | Send, fault: CallFault, received_at: datetime
    ) -> None:
        row = self._row(
            held,
            call,
            received_at,
            None,
            None,
            outcome=MessageOutcome.REFUSED,
            error_code=fault.fault.spelled(held.link.version),
            error_description=fault.description[:300],
        )
        other = None
        if fault.fault is not Fault.SECURITY:
            other = schemas.lookalike(held.link.version, call.action, call.payload)
        station_id = held.link.station.id

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            rows.append(row)
            if other is not None:  # FIELD C8: one version's words on the other's subprotocol
                odd = [("other_version", f"{call.action} as in OCPP {other.value}")]
                reports.deviations(db, db.get(Station, station_id), odd, now=received_at)

        self._batch.later(Job(run))

    def log_stray(self, held: Held, event: Stray | Repeated | Malformed) -> None:
        """Keep a frame that changes nothing, with why."""
        text, action, message_id, why = _told(event)
        row = {
            "station_id": held.link.station.id,
            "connection_id": held.connection_id,
            "session_id": None,
            "outbound": False,
            "message_id": message_id[:255],
            "action": action[:60],
            "request": messages.cut(text),
            "response": None,
            "outcome": MessageOutcome.STRAY,
            "error_code": None,
            "error_description": why[:300],
            "at": datetime.now(UTC),
            "latency_ms": None,
        }
        self._batch.later(Job(lambda db, rows: rows.append(row)))


def _told(event: Stray | Repeated | Malformed) -> tuple[str, str, str, str]:
    """The text, the action, the message id and the reason of a stray frame."""
    if isinstance(event, Repeated):
        call = event.call
        text = messages.text_of(call.action, call.payload)
        return text, call.action, str(call.message_id), "it was answered before: the same again"
    if isinstance(event, Stray):
        action = event.call.action if event.call is not None else ""
        try:
            text = messages.text_of("DataTransfer", orjson.loads(event.frame.text or "null"))
        except orjson.JSONDecodeError:  # it was read only after a repair
            text = event.frame.text
        return text, action, str(event.frame.message_id), event.why
    return event.frame.text, "", str(event.frame.message_id or ""), event.frame.problem
