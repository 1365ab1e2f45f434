"""Commands on their way to a charger: claimed, put in its dialect, sent, and settled once."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy.exc import OperationalError

from app.domain import commands, deviations, fallbacks, files, messages, password_rotation
from app.domain.fallbacks import Chain, End
from app.domain.vocabulary import CommandState, MessageOutcome, Order, Outcome
from app.models import Command, Station
from worker.answers import HANGS_UP, NEVER_SENT, discreet, end_of, invited, outcome_of
from worker.batch import Batch, Job
from worker.dialects.encoding import Arguments, Encoding, Payload, Unfit
from worker.dialects.v16 import orders as v16
from worker.dialects.v21 import orders as v21
from worker.dialects.v201 import orders as v201
from worker.dispatch import Held
from worker.link import LinkClosed
from worker.ocpp import schemas
from worker.ocpp.events import Answered, Cancelled, Refused, Settled, TimedOut
from worker.ocpp.faults import CallFault
from worker.ocpp.versions import Version
from worker.standing import ANSWER_S, Over, Standing

log = logging.getLogger(__name__)

#: version -> its table of orders
TABLES: dict[Version, dict[Order, Encoding]] = {
    Version.V16: v16.ORDERS,
    Version.V201: v201.ORDERS,
    Version.V21: v21.ORDERS,
}

#: Whoever hangs up within this time of a restart has obeyed, answer or not (FIELD K4).
RESTART_S = 30.0
#: So many calls in a row without an answer, and a station counts as deaf (FIELD B8).
DEAF_AFTER = 3


@dataclass(slots=True)
class Pending:
    """A command under way: what was asked, in which form, and until when another may follow."""

    command_id: int
    order: Order
    encoding: Encoding
    chain: Chain
    expires_at: datetime
    action: str = ""
    request: Payload | None = None

    @property
    def arguments(self) -> Arguments:
        """The arguments of the form that is tried now."""
        return self.chain.current

    @property
    def left_s(self) -> float:
        """How long something may still be sent, in seconds."""
        return (self.expires_at - datetime.now(UTC)).total_seconds()


class NotPut(Exception):
    """A form that did not reach the wire, how it ended, and in which words."""

    def __init__(self, state: CommandState, sentence: str, end: End | None = None) -> None:
        super().__init__(sentence)
        self.outcome = Outcome(state, None, sentence)
        self.end = end


class Calls:
    """Sends claimed commands over links and settles them."""

    def __init__(self, batch: Batch, settings: Any, node: str, standing: Standing) -> None:
        self._batch = batch
        self._settings = settings
        self._node = node
        self._standing = standing

    def orders(self, version: Version) -> list[Order]:
        """The orders that a version can put, and the one that needs no message."""
        return [*TABLES[version], Order.DISCONNECT]

    def send(self, held: Held, command_id: int) -> None:
        """Claim a command and send it; whoever comes second gets nothing."""
        claimed = self._batch.do(Job(lambda db, rows: self._claim(db, command_id, held)))
        if isinstance(claimed, Pending):
            self._try(held, claimed)
        elif claimed is Order.DISCONNECT:
            held.link.close_when_idle(1001, "staff ended this connection", ANSWER_S)
            done = Outcome(CommandState.ACCEPTED, None, "The connection was ended.")
            self._settle(held, command_id, done)
        elif claimed is not None:
            sentence = f"OCPP {held.link.version.value} has no such order."
            self._settle(held, command_id, Outcome(CommandState.UNSUPPORTED, None, sentence))

    def _claim(self, db: Any, command_id: int, held: Held) -> Pending | Order | None:
        now = datetime.now(UTC)
        command = commands.claim(db, command_id, self._node, now=now)
        if command is None:
            return None
        try:
            self._standing.station(db, held.link)
        except Over as over:
            outcome = Outcome(CommandState.FAILED, None, f"Not sent: {over}.")
            commands.settle(db, command, outcome, now=now)
            return None
        encoding = TABLES[held.link.version].get(command.order)
        if encoding is None:
            return command.order
        there = fallbacks.situation(db, command.station)
        base = command.station.quirks.get("files_url") or self._settings.files_base
        chain = Chain(command.order, files.addressed(command.arguments, base), there)
        return Pending(command.id, command.order, encoding, chain, command.expires_at)

    def _try(self, held: Held, pending: Pending) -> None:
        """Put the current form on the wire; where it cannot be said, the next one at once."""
        while True:
            pending.request = None
            try:
                self._put(held, pending)
                return
            except NotPut as told:
                if not self._ended(held, pending, told.end, told.outcome):
                    return

    def _put(self, held: Held, pending: Pending) -> None:
        version, arguments = held.link.version, pending.arguments
        try:
            pending.action = pending.encoding.action_for(arguments)
            payload = pending.encoding.encode(arguments)
            self._check_raw(version, pending, payload)
            call = held.link.send_call(
                pending.action,
                payload,
                timeout_s=self._patience_s(held, pending.action),
                # What waits for its turn is dropped at the deadline.
                expires_in_s=pending.left_s,
                context=pending,
                as_given=pending.order is Order.RAW,
            )
        except CallFault as fault:
            said = f"Not sent, OCPP {version.value} does not allow it: {fault.description}."
            raise NotPut(CommandState.FAILED, said) from None
        except Unfit as unfit:
            raise NotPut(CommandState.UNSUPPORTED, str(unfit), End.UNFIT) from None
        except (ValueError, KeyError, TypeError):
            log.exception("%s cannot be put in OCPP %s", pending.order, version.value)
            said = f"An argument does not fit OCPP {version.value}."
            raise NotPut(CommandState.FAILED, said) from None
        except (LinkClosed, OSError):
            raise NotPut(CommandState.EXPIRED, NEVER_SENT) from None
        pending.request = payload
        command_id, action = pending.command_id, pending.action
        self._batch.later(
            Job(lambda db, rows: self._note_sent(db, command_id, action, payload, call))
        )

    def _check_raw(self, version: Version, pending: Pending, payload: Payload) -> None:
        """Hold a raw message against its schema first, unless whoever wrote it said not to."""
        if pending.order is Order.RAW and pending.arguments.get("check", True):
            problem = schemas.violation(version, pending.action, "call", payload)
            if problem is not None and problem.keyword == "action":
                said = f"Not sent: OCPP {version.value} has no message {pending.action}."
                raise NotPut(CommandState.FAILED, said)
            if problem is not None:
                raise problem

    def _patience_s(self, held: Held, action: str) -> float:
        own = held.link.station.quirks.get("call_timeout_s")
        patience_s = float(own or self._settings.call_timeout_s)
        return max(patience_s, RESTART_S) if action in HANGS_UP else patience_s

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
        """Write down how a call of ours ended, log it, and try the next form if there is one."""
        event = discreet(event)
        call = event.call
        pending: Pending | None = call.context
        latency_ms = event.latency_s * 1000 if isinstance(event, Answered | Refused) else None
        encoding, arguments = (pending.encoding, pending.arguments) if pending else (None, {})
        # Whoever is replaced by its own newer connection has come back; else it is our doing.
        by_us = held.link.closing_code not in (None, 1000)
        outcome = outcome_of(held.link.version, event, encoding, arguments, by_us=by_us)
        if isinstance(event, Answered) and event.payload.get("status") == "Accepted":
            held.triggered.update(invited(call.action, call.payload))
        if call.sent_at is not None:
            row = self._row(held, event, latency_ms)
            self._batch.later(Job(lambda db, rows: rows.append(row)))
        if isinstance(event, TimedOut):
            self._unanswered(held, call.action)
        if pending is None:
            return
        if pending.order is Order.CHANGE_PASSWORD and isinstance(event, Cancelled) and call.sent_at:
            self._line_lost(held, pending.command_id)
        elif self._ended(held, pending, end_of(event, outcome), outcome, latency_ms):
            self._try(held, pending)

    def _line_lost(self, held: Held, command_id: int) -> None:
        """Stations hang up to come back with their new password: the order does not end here."""

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            command, now = db.get(Command, command_id), datetime.now(UTC)
            password_rotation.line_lost(db, command, held.connection_id, now=now)

        self._batch.later(Job(run))

    def _ended(
        self,
        held: Held,
        pending: Pending,
        end: End | None,
        outcome: Outcome,
        latency_ms: float | None = None,
    ) -> bool:
        """Tell whether another form is to be tried; if not, the command is settled."""
        attempt = {
            "words": pending.chain.words,
            "action": pending.action if pending.request is not None else None,
            "request": pending.request,
            "answer": outcome.answer,
            "state": outcome.state.value,
            "sentence": outcome.sentence,
            "latency_ms": latency_ms,
        }
        if pending.left_s <= 0 or not pending.chain.next(end, outcome):
            self._settle(held, pending.command_id, pending.chain.outcome(outcome), latency_ms)
            return False
        command_id = pending.command_id

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            command = db.get(Command, command_id)
            if command is not None:
                commands.attempted(db, command, attempt)

        self._batch.later(Job(run))
        return True

    def _settle(
        self, held: Held, command_id: int, outcome: Outcome, latency_ms: float | None = None
    ) -> None:
        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            command, now = db.get(Command, command_id), datetime.now(UTC)
            if command is None:
                return
            told = self._standing.counted(db, held.link, outcome)
            try:
                with db.begin_nested():
                    commands.settle(db, command, told, now=now, latency_ms=latency_ms)
            except OperationalError:
                raise  # the database goes away: the whole batch is tried again
            except Exception:
                log.exception("the end of command %d cannot be taken in", command_id)
                sentence = "The charger's answer holds something that cannot be stored."
                worse = Outcome(CommandState.FAILED, None, sentence)
                commands.settle(db, command, worse, now=now, latency_ms=latency_ms)

        self._batch.later(Job(run))

    def _unanswered(self, held: Held, action: str) -> None:
        """Note a station that hears and does not answer any more, and let it connect anew."""
        link = held.link
        if link.unanswered != DEAF_AFTER:
            return
        number = link.station.id

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            found = [("unresponsive", action)]
            deviations.note(db, db.get(Station, number), found, now=datetime.now(UTC))

        self._batch.later(Job(run))
        if not link.station.quirks.get("keep_when_deaf"):
            link.close(1001, "it does not answer any more")

    def _row(self, held: Held, event: Settled, latency_ms: float | None) -> dict[str, Any]:
        call = event.call
        answer = getattr(event, "payload", None)
        outcome = {
            Answered: MessageOutcome.ANSWERED,
            Refused: MessageOutcome.REFUSED,
            TimedOut: MessageOutcome.TIMED_OUT,
        }.get(type(event), MessageOutcome.LOST)
        ago = latency_ms or 0.0
        code, description = _complaint(event)
        return {
            "station_id": held.link.station.id,
            "connection_id": held.connection_id,
            "session_id": None,
            "outbound": True,
            "message_id": str(call.message_id)[:255],
            "action": call.action[:60],
            "request": messages.text_of(call.action, call.payload),
            "response": None if answer is None else messages.text_of(call.action, answer),
            "outcome": outcome,
            "error_code": code,
            "error_description": description,
            "at": datetime.now(UTC) - timedelta(milliseconds=ago),
            "latency_ms": latency_ms,
        }


def _complaint(event: Settled) -> tuple[str | None, str | None]:
    """The code and the words with which one side refused what the other said; mostly nothing."""
    if isinstance(event, Refused):
        return event.code[:60], messages.redact_text(event.description)[:300]
    if isinstance(event, Answered) and event.complaint is not None:
        _, _, code, description, _ = orjson.loads(event.complaint)
        return code, f"The answer was sent back: {description}"[:300]
    return None, None
