"""Commands on their way to a charger: claimed, put in its dialect, sent, and settled once."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.domain import commands, messages
from app.domain.vocabulary import CommandState, MessageOutcome, Order, Outcome
from app.models import Command
from worker.batch import Batch, Job
from worker.dialects.encoding import Encoding
from worker.dialects.v16 import orders as v16
from worker.dialects.v21 import orders as v21
from worker.dialects.v201 import orders as v201
from worker.dispatch import Held
from worker.ocpp import schemas
from worker.ocpp.events import Answered, Cancelled, Expired, Refused, Settled, TimedOut
from worker.ocpp.faults import CallFault, Fault
from worker.ocpp.versions import Version

log = logging.getLogger(__name__)

#: version -> its table of orders
TABLES: dict[Version, dict[Order, Encoding]] = {
    Version.V16: v16.ORDERS,
    Version.V201: v201.ORDERS,
    Version.V21: v21.ORDERS,
}

#: What a station may send before its boot was accepted because we asked for it (B02.FR.09).
_ASKED_FOR: dict[str, tuple[str, ...]] = {
    "GetBaseReport": ("NotifyReport",),
    "GetReport": ("NotifyReport",),
    "GetMonitoringReport": ("NotifyMonitoringReport",),
    "GetLog": ("LogStatusNotification",),
    "GetDiagnostics": ("DiagnosticsStatusNotification",),
    "UpdateFirmware": ("FirmwareStatusNotification",),
    "SignedUpdateFirmware": ("SignedFirmwareStatusNotification",),
    "CustomerInformation": ("NotifyCustomerInformation",),
}

#: A charger that restarts often hangs up before it answers (FIELD K4).
_HANGS_UP = frozenset({"Reset"})


@dataclass(frozen=True, slots=True)
class Pending:
    """A command under way: what was asked, and how it was put."""

    command_id: int
    order: Order
    arguments: dict[str, Any]
    encoding: Encoding


class Calls:
    """Sends claimed commands over links and settles them."""

    def __init__(self, batch: Batch, settings: Any, node: str) -> None:
        self._batch = batch
        self._settings = settings
        self._node = node

    def orders(self, version: Version) -> list[Order]:
        """The orders that a version can put."""
        return list(TABLES[version])

    def send(self, held: Held, command_id: int) -> None:
        """Claim a command and send it; whoever comes second gets nothing."""
        claimed = self._batch.do(Job(lambda db, rows: self._claim(db, command_id)))
        if claimed is None:
            return
        order, arguments, left_s = claimed
        encoding = TABLES[held.link.version].get(order)
        if encoding is None:
            sentence = f"OCPP {held.link.version.value} has no such order."
            self._settle(command_id, Outcome(CommandState.UNSUPPORTED, None, sentence))
            return
        patience = float(
            held.link.station.quirks.get("call_timeout_s") or self._settings.call_timeout_s
        )
        try:
            action, payload = encoding.action_for(arguments), encoding.encode(arguments)
            call = held.link.send_call(
                action,
                payload,
                timeout_s=patience,
                # What waits for its turn is dropped at the deadline; what was sent may be answered.
                expires_in_s=left_s,
                context=Pending(command_id, order, arguments, encoding),
            )
        except CallFault as fault:
            self._settle(command_id, Outcome(CommandState.FAILED, None, fault.description))
            return
        except (ValueError, KeyError, TypeError):
            sentence = f"An argument does not fit OCPP {held.link.version.value}."
            self._settle(command_id, Outcome(CommandState.FAILED, None, sentence))
            return
        except OSError:
            sentence = "The connection ended before it could be sent."
            self._settle(command_id, Outcome(CommandState.FAILED, None, sentence))
            return
        self._batch.later(
            Job(lambda db, rows: self._note_sent(db, command_id, action, payload, call))
        )

    def _claim(self, db: Any, command_id: int) -> tuple[Order, dict[str, Any], float] | None:
        now = datetime.now(UTC)
        command = commands.claim(db, command_id, self._node, now=now)
        if command is None:
            return None
        left_s = (command.expires_at - now).total_seconds()
        return command.order, dict(command.arguments), left_s

    def _note_sent(
        self, db: Any, command_id: int, action: str, payload: dict[str, Any], call: Any
    ) -> None:
        commands.sent(
            db,
            db.get(Command, command_id),
            action=action,
            request=messages.redact(payload),
            message_id=str(call.message_id),
            now=datetime.now(UTC),
        )

    def settled(self, held: Held, event: Settled) -> None:
        """Write down how a call of ours ended, and log it."""
        call = event.call
        latency_ms = event.latency_s * 1000 if isinstance(event, Answered | Refused) else None
        outcome = self._outcome(held, event)
        if isinstance(event, Answered) and event.payload.get("status") == "Accepted":
            held.triggered.update(_ASKED_FOR.get(call.action, ()))
            held.triggered.add(str(call.payload.get("requestedMessage", "")))
        if call.context is not None:
            self._settle(call.context.command_id, outcome, latency_ms)
        if call.sent_at is not None:
            row = self._row(held, event, latency_ms)
            self._batch.later(Job(lambda db, rows: rows.append(row)))

    def _settle(self, command_id: int, outcome: Outcome, latency_ms: float | None = None) -> None:
        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            command = db.get(Command, command_id)
            if command is not None:
                commands.settle(db, command, outcome, now=datetime.now(UTC), latency_ms=latency_ms)

        self._batch.later(Job(run))

    def _outcome(self, held: Held, event: Settled) -> Outcome:
        """What an end means, in words."""
        match event:
            case Answered(call, payload):
                return self._answered(held, call.action, payload, call.context)
            case Refused(_, fault, code, description):
                known = fault not in (Fault.NOT_IMPLEMENTED, Fault.NOT_SUPPORTED)
                state = CommandState.FAILED if known else CommandState.UNSUPPORTED
                said = f"The charger answered with the error {code}"
                answer = {"errorCode": code, "errorDescription": description}
                text = f"{said}: {description}" if description else f"{said}."
                return Outcome(state, answer, text)
            case TimedOut(call):
                wait = round(call.timeout_s)
                sentence = f"The charger did not answer within {wait} s; it may still act on it."
                return Outcome(CommandState.TIMED_OUT, None, sentence)
            case Expired():
                sentence = "It waited too long for its turn and was dropped; it was never sent."
                return Outcome(CommandState.EXPIRED, None, sentence)
            case Cancelled(call):
                return _cancelled(call.action, call.sent_at is not None)

    def _answered(
        self, held: Held, action: str, payload: dict[str, Any], pending: Pending | None
    ) -> Outcome:
        if pending is None:
            return Outcome(CommandState.ACCEPTED, payload, "The charger answered.")
        problem = schemas.violation(held.link.version, action, "result", payload)
        encoding = pending.encoding
        if problem is not None and encoding.decode is None and "status" not in payload:
            sentence = f"The charger's answer cannot be understood: {problem.description}."
            return Outcome(CommandState.FAILED, payload, sentence)
        try:
            return encoding.outcome(payload, pending.arguments)
        except (ValueError, KeyError, TypeError, AttributeError):
            told = problem.description if problem else "it lacks what was asked for"
            sentence = f"The charger's answer cannot be understood: {told}."
            return Outcome(CommandState.FAILED, payload, sentence)

    def _row(self, held: Held, event: Settled, latency_ms: float | None) -> dict[str, Any]:
        call = event.call
        answer = getattr(event, "payload", None)
        outcome = {
            Answered: MessageOutcome.ANSWERED,
            Refused: MessageOutcome.REFUSED,
            TimedOut: MessageOutcome.TIMED_OUT,
        }.get(type(event), MessageOutcome.LOST)
        ago = latency_ms or 0.0
        return {
            "station_id": held.link.station.id,
            "connection_id": held.connection_id,
            "session_id": None,
            "outbound": True,
            "message_id": str(call.message_id)[:255],
            "action": call.action[:60],
            "request": messages.text_of(call.action, call.payload),
            "response": None
            if answer is None
            else messages.cut(orjson.dumps(messages.redact(answer)).decode()),
            "outcome": outcome,
            "error_code": event.code[:60] if isinstance(event, Refused) else None,
            "error_description": event.description[:300] if isinstance(event, Refused) else None,
            "at": datetime.now(UTC) - timedelta(milliseconds=ago),
            "latency_ms": latency_ms,
        }


def _cancelled(action: str, was_sent: bool) -> Outcome:
    if action in _HANGS_UP and was_sent:
        sentence = "The charger hung up to restart, without an answer first."
        return Outcome(CommandState.ACCEPTED, None, sentence)
    if was_sent:
        sentence = "The connection ended before the answer came; the charger may have acted on it."
    else:
        sentence = "The connection ended before it could be sent; it will not be sent later."
    return Outcome(CommandState.FAILED, None, sentence)
