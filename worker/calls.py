"""Claimed commands on their way to a charger: put in its dialect, sent, and settled once."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import gevent
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.commands import commands
from app.domain.commands.command_rules import Ended, Sent
from app.domain.commands.commands import Claimed
from app.domain.commands.orders import SPECS
from app.domain.commands.orders.spec import Chain, End, Situation
from app.domain.device import files, password_rotation
from app.domain.ground.vocabulary import Arguments, CommandState, Order, Outcome
from app.domain.office.messages import Row
from app.models import Command
from app.process import traces
from app.process.clock import utc_now
from app.process.logs import ABOUT
from worker import log_rows
from worker.answers import NEVER_SENT, discreet, end_of, outcome_of, understood
from worker.batch import Batch
from worker.dialects import DIALECTS
from worker.dialects.context import Payload
from worker.dialects.records import Encoding, Unfit
from worker.endings import UNFIT, Ending, Endings
from worker.link import Link, LinkClosed
from worker.ocpp import schemas
from worker.ocpp.events import Answered, Cancelled, Refused, Settled, TimedOut
from worker.ocpp.versions import CallFault, Version
from worker.standing import ANSWER_S, Held
from worker.storage import StorageAway
from worker.tallies import Deviations
from worker.works import Job

log = logging.getLogger(__name__)

#: Whoever hangs up within this time of a restart has obeyed, answer or not (FIELD K4).
RESTART_S = 30.0
#: What was sent is written with its end, or by itself once that lets wait for so long.
SOON_S = 0.1
#: So many calls in a row without an answer, and a station counts as deaf (FIELD B8).
DEAF_AFTER = 3


@dataclass(slots=True)
class Pending:
    """A command under way: what was asked, in which form, and until when another may follow.

    `wire` is what went over the wire, `attempts` the forms before it: written with the end, or by
    `timer` if that lets wait.
    """

    command_id: int
    order: Order
    encoding: Encoding
    chain: Chain
    expires_at: datetime
    action: str = ""
    request: Payload | None = None
    wire: Sent | None = None
    attempts: list[Payload] = field(default_factory=list)
    timer: Any = None

    @property
    def arguments(self) -> Arguments:
        """The arguments of the form that is tried now."""
        return self.chain.current

    @property
    def left_s(self) -> float:
        """How long something may still be sent, in seconds."""
        return (self.expires_at - utc_now()).total_seconds()


class NotPut(Exception):
    """A form that did not reach the wire, how it ended, and in which words."""

    def __init__(self, state: CommandState, sentence: str, end: End | None = None) -> None:
        super().__init__(sentence)
        self.outcome = Outcome(state, None, sentence)
        self.end = end


class Calls:
    """Sends claimed commands over links and settles them."""

    def __init__(
        self, batch: Batch, settings: Settings, endings: Endings, deviations: Deviations
    ) -> None:
        self._batch = batch
        self._deviations = deviations
        self._settings = settings
        self._endings = endings
        #: command -> its span, until its end is stored.
        self._traces: dict[int, Any] = {}

    def orders(self, version: Version) -> list[Order]:
        """The orders that a version can put, and those that need no message."""
        others = (spec.order for spec in SPECS.values() if spec.without_message)
        return [*DIALECTS[version].orders, *others]

    def send(self, held: Held, claimed: Claimed, there: Situation, trace: Any = None) -> None:
        """Send a command that was claimed.  Raises nothing: whatever goes wrong is its end.

        `trace` is its span, which ends when that is stored.
        """
        if trace is not None:
            self._traces[claimed.id] = trace
        ABOUT.set(partial(_about, held.link, claimed.id, claimed.order))
        try:
            self._send(held, claimed, there)
        except Exception:
            log.exception("command %d cannot be sent", claimed.id)
            failed = Outcome(CommandState.FAILED, None, "It could not be sent: see the log.")
            self._settle(Ending(held.link, Ended(claimed.id, failed), claimed.order))

    def _send(self, held: Held, claimed: Claimed, there: Situation) -> None:
        version, order = held.link.version, claimed.order
        if (encoding := DIALECTS[version].orders.get(order)) is not None:
            base = held.link.station.quirks.get("files_url") or self._settings.files_base
            chain = Chain(SPECS[order].fallbacks, files.addressed(claimed.arguments, base), there)
            self._try(held, Pending(claimed.id, order, encoding, chain, claimed.expires_at))
        elif order is Order.DISCONNECT:
            held.link.close_when_idle(1001, "staff ended this connection", ANSWER_S)
            done = Outcome(CommandState.ACCEPTED, None, "The connection was ended.")
            self._settle(Ending(held.link, Ended(claimed.id, done), order))
        else:
            sentence = f"OCPP {version.value} has no such order."
            unsupported = Outcome(CommandState.UNSUPPORTED, None, sentence)
            self._settle(Ending(held.link, Ended(claimed.id, unsupported), order))

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
        pending.wire = Sent(pending.action, payload, str(call.message_id), utc_now())
        pending.timer = gevent.spawn_later(SOON_S, self._note_sent, pending)

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
        quirks = held.link.station.quirks
        patience_s = commands.patience_s(quirks, self._settings.call_timeout_s)
        hangs_up = action in DIALECTS[held.link.version].hanging_up
        return max(patience_s, RESTART_S) if hangs_up else patience_s

    def _note_sent(self, pending: Pending) -> None:
        """The charger lets wait for its answer: staff see what it was sent."""
        command_id, wire, attempts = pending.command_id, pending.wire, pending.attempts

        def run(db: Session, rows: list[Row]) -> None:
            if (command := db.get(Command, command_id)) is not None:
                commands.sent(db, command, wire, attempts)

        self._batch.later(Job(run))

    def settled(self, held: Held, event: Settled) -> None:
        """Write down how a call of ours ended, log it, and try the next form if there is one."""
        event = discreet(event)
        call = event.call
        pending: Pending | None = call.context
        if pending is not None:
            ABOUT.set(partial(_about, held.link, pending.command_id, pending.order))
        latency_ms = event.latency_s * 1000 if isinstance(event, Answered | Refused) else None
        if pending is not None and latency_ms is not None:
            trace = self._traces.get(pending.command_id)
            traces.past(f"call.{call.action}", trace, latency_ms / 1000)
        encoding, arguments = (pending.encoding, pending.arguments) if pending else (None, {})
        # Whoever is replaced by its own newer connection has come back; else it is our doing.
        by_us = held.link.closing_code not in (None, 1000)
        station = held.link.station
        heard = understood(event, held.link.version, strict=station.strict)
        outcome = outcome_of(held.link.version, heard, encoding, arguments, by_us=by_us)
        if isinstance(heard, Answered):
            found = [(note, f"{call.action}.conf") for note in heard.notes]
            self._deviations.count(station.id, found, utc_now())
        if isinstance(heard, Answered) and heard.payload.get("status") == "Accepted":
            dialect = DIALECTS[held.link.version]
            held.triggered.update(dialect.invited(call.action, call.payload))
        row = log_rows.of_settled(held, event, latency_ms) if call.sent_at is not None else None
        if isinstance(event, TimedOut):
            self._unanswered(held, call.action)
        if pending is None:
            self._batch.log(row)
        elif pending.order is Order.CHANGE_PASSWORD and isinstance(event, Cancelled) and row:
            self._batch.log(row)
            self._line_lost(pending.command_id)
        elif self._ended(held, pending, end_of(event, outcome), outcome, row):
            self._try(held, pending)

    def _line_lost(self, command_id: int) -> None:
        """Stations hang up to come back with their new password: the order does not end here."""

        traces.end(self._traces.pop(command_id, None), "line_lost")

        def run(db: Session, rows: list[Row]) -> None:
            password_rotation.line_lost(db, db.get_one(Command, command_id))

        self._batch.later(Job(run))

    def _ended(
        self,
        held: Held,
        pending: Pending,
        end: End | None,
        outcome: Outcome,
        row: Row | None = None,
    ) -> bool:
        """Tell whether another form is to be tried; if not, the command is settled.

        `row` is that of the call which ended, if one was sent.
        """
        latency_ms = row.latency_ms if row is not None else None
        attempt = {
            "words": pending.chain.words,
            "action": pending.action if pending.request is not None else None,
            "request": pending.request,
            "answer": outcome.answer,
            "state": outcome.state.value,
            "sentence": outcome.sentence,
            "latency_ms": latency_ms,
        }
        if pending.timer is not None:
            pending.timer.kill(block=False)
        if pending.left_s > 0 and pending.chain.next(end, outcome):
            pending.attempts = [*pending.attempts, attempt]
            self._batch.log(row)
            return True
        whole = pending.chain.outcome(outcome)
        # An answer counts also where a sweep has given the order up, as while this process hung.
        late = latency_ms is not None
        ended = Ended(pending.command_id, whole, latency_ms, pending.wire, pending.attempts, late)
        self._settle(Ending(held.link, ended, pending.order, row, pending.arguments))
        return False

    def _settle(self, ending: Ending) -> None:
        """Have an end written; what cannot be stored fails the command instead."""
        ended = ending.ended

        def stored(result: object) -> None:
            if not isinstance(result, Exception):
                traces.end(self._traces.pop(ended.command_id, None), ended.outcome.state.value)
                return
            log.error("the end of command %d is not taken in: %s", ended.command_id, result)
            if isinstance(result, StorageAway) or ended.outcome is UNFIT:
                traces.end(self._traces.pop(ended.command_id, None), "not_stored", failed=True)
                return
            self._settle(ending.unfit())
            self._batch.log(ending.row)

        self._endings.put(ending, stored, traces.context_of(self._traces.get(ended.command_id)))

    def _unanswered(self, held: Held, action: str) -> None:
        """Note a station that hears and does not answer any more, and let it connect anew."""
        link = held.link
        if link.unanswered != DEAF_AFTER:
            return
        self._deviations.count(link.station.id, [("unresponsive", action)], utc_now())
        if not link.station.quirks.get("keep_when_deaf"):
            link.close(1001, "it does not answer any more")


def _about(link: Link, command_id: int, order: Order) -> dict[str, object]:
    """What is in the log of an order on its way."""
    station = link.station
    return {
        "station": station.identity,
        "station_id": station.id,
        "order": order.value,
        "command_id": command_id,
    }
