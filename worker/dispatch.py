"""One call of a charger: checked, handled in a unit of work, committed, then answered.

While the database is away a call goes to the spool instead, and comes again from there (`again`).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, cast

import gevent
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.charging.running import Gauge
from app.domain.ground.vocabulary import Registration
from app.domain.office.messages import Row
from app.process.clock import utc_now
from app.process.logs import ABOUT
from worker import checks, log_rows
from worker.away import Away, LastKnown, Unstored, hears_first, hold_after_boot
from worker.batch import Batch
from worker.checks import checked, context_of
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.dialects.records import Bulk, Fact, Handler, Long, Outside, Route
from worker.facts import Asked, Facts, Read
from worker.metrics import COUNTS
from worker.ocpp import schemas
from worker.ocpp.events import Malformed, Repeated, Stray
from worker.ocpp.fields import Fields
from worker.ocpp.frames import Call, Payload, Send
from worker.ocpp.versions import CallFault, Fault
from worker.proof import contradiction
from worker.providers import Providers
from worker.spool import Spool
from worker.standing import Held, Over, Standing
from worker.storage import StorageAway
from worker.tallies import Deviations
from worker.works import Job, Together

log = logging.getLogger(__name__)


class Dispatch:
    """Takes calls from links and gives back the text of their answers; counts their repairs."""

    def __init__(
        self,
        batch: Batch,
        standing: Standing,
        settings: Settings,
        show: Callable[[list[Gauge]], None],
        spool: Spool,
    ) -> None:
        self._batch = batch
        self._spool = spool
        self.last_known = LastKnown(batch.app, batch)
        self._away = Away(batch, spool, self.last_known)
        self.deviations = Deviations(batch)
        self._settings = settings
        self._standing = standing
        self._facts = Facts(batch.app, standing, show)
        self._providers = Providers(settings)

    def answer(self, held: Held, call: Call) -> str | None:
        """Handle a call; None: stay silent, so that the charger keeps it and tries again."""
        began = time.monotonic()
        text = self._answered(held, call)
        COUNTS.message(held.link.version, call.action, text, time.monotonic() - began)
        return text

    def _answered(self, held: Held, call: Call) -> str | None:
        received_at = utc_now()
        link = held.link
        if delay_ms := link.station.quirks.get("reply_delay_ms"):
            gevent.sleep(delay_ms / 1000)
        route = DIALECTS[link.version].routes.get(call.action)
        hears_first(held, route)
        try:
            if route is not None and (problem := contradiction(link, call, route.serial)):
                raise Over(problem)
            return self._stored_or_kept(held, call, received_at, route)
        except Over as over:
            self._end(held, call, over, received_at)
            return None
        except CallFault as fault:
            text: str = link.refuse(call, fault.fault, fault.description)
            self._log_refusal(held, call, fault, received_at)
            return text

    def take(self, held: Held, send: Send) -> None:
        """Take in what wants no answer (2.1's SEND); what cannot be taken in is logged."""
        received_at = utc_now()
        try:
            route = DIALECTS[held.link.version].routes.get(send.action)
            self._stored_or_kept(held, send, received_at, route)
        except Over as over:
            self._end(held, send, over, received_at)
        except CallFault as fault:
            self._log_refusal(held, send, fault, received_at)

    def again(self, held: Held, call: Call | Send, received_at: datetime) -> None:
        """Store what comes out of the spool, or log that it is refused; raises `StorageAway`."""
        try:
            route = DIALECTS[held.link.version].routes.get(call.action)
            self._worked(held, call, received_at, route)
        except CallFault as fault:
            self._log_refusal(held, call, fault, received_at)

    def _stored_or_kept(
        self, held: Held, call: Call | Send, received_at: datetime, route: Route | None
    ) -> str | None:
        """Have a call stored, or kept in the spool: behind what waits there of its station."""
        try:
            if held.link.station.id in self._spool.waiting:
                self._spool.catch_up(held.link.station.id)
            return self._worked(held, call, received_at, route)
        except Unstored as error:
            log.warning("%s of %s is not stored: %s", call.action, held.link, error)
            return self._away.unkept(held, call, route)
        except StorageAway:
            context = context_of(held, self._settings, received_at, [])
            return self._away.answer(held, call, context, route)

    def _worked(
        self, held: Held, call: Call | Send, received_at: datetime, route: Route | None
    ) -> str:
        """Check a call and have it handled, a long one in pieces."""
        ABOUT.set(partial(log_rows.about, held, call))
        if held.over:
            raise Over(held.over)
        if route is None:
            raise CallFault(Fault.NOT_IMPLEMENTED, f"{call.action} is not handled here")
        if len(call.text) > checks.SHORT_TEXT:
            done = self._in_pieces(held, call, received_at, route)
            if done is not None:
                return done
        payload, notes = checked(held, call, route)
        context = context_of(held, self._settings, received_at, notes)
        return self._handled(held, call, payload, context, route.handler)

    def _in_pieces(
        self, held: Held, call: Call | Send, received_at: datetime, route: Route
    ) -> str | None:
        """Handle a call whose list is long, a piece at a time; None where it is short."""
        long, handler = route.long, route.handler
        if long is not None:
            checks.name_long(held, call, long)
        if long is None or not isinstance(call.payload.get(long.member), list):
            checks.check_uncut(call.payload)
            return None
        found: dict[tuple[str, str], None] = {}
        notes: list[tuple[str, str]] = []
        cuts = checks.cut(call.payload, long, notes)
        if len(cuts) == 1 and not notes:
            return None
        parts = []
        for part in checks.breathing(cuts, every=1):
            payload, odd = checked(held, replace(call, payload=part), route)
            found |= dict.fromkeys([*notes, *odd])
            parts.append(payload)
        context = context_of(held, self._settings, received_at, list(found))
        if long.ahead is not None:
            return self._readings_apart(held, call, parts, context, long, handler)
        if isinstance(handler, Bulk):
            values = (value for part in parts for value in Fields(part).list(long.member))
            context.weigh_clock(checks.breathing(values))
        for part in parts[:-1]:
            self._handled(held, call, part, context, handler, last=False)
        return self._handled(held, call, parts[-1], context, handler)

    def _readings_apart(
        self,
        held: Held,
        call: Call | Send,
        parts: list[Payload],
        context: Context,
        long: Long,
        handler: Any,
    ) -> str:
        """Store the readings of a transaction's message in pieces, before it or else after it."""
        kept = long.kept([value for part in parts for value in part[long.member]])
        rest = {name: value for name, value in parts[0].items() if name != long.member}
        whole = {**rest, long.member: kept} if kept else rest

        def store(part: Payload) -> bool:
            shift = context.shift

            def run(db: Session, rows: list[Row]) -> Any:
                context.db, context.station = db, self._standing.station(db, held.link)
                context.shift = shift
                return long.ahead and long.ahead(Fields(part), context)

            return bool(self._do(held, call, Job(run, rare=True)))

        if store(parts[0]):
            for part in parts[1:]:
                store(part)
            return self._handled(held, call, whole, context, handler)
        text = self._handled(held, call, whole, context, handler)
        for part in parts:
            store(part)
        return text

    def _handled(
        self,
        held: Held,
        call: Call | Send,
        payload: Payload,
        context: Context,
        handler: Handler | Bulk | Fact | Outside,
        *,
        last: bool = True,
    ) -> str:
        """Have a call handled and stored; only its `last` piece makes an answer and a log row."""
        if isinstance(handler, Bulk):  # none of them is sent without waiting for an answer
            return self._in_bulk(held, cast(Call, call), payload, context, handler, last=last)
        if isinstance(handler, Outside):
            context.found = handler.ask(Fields(payload), context, self._providers)
            handler = handler.then
        if isinstance(handler, Fact):
            return self._in_set(held, call, payload, context, handler, last=last)
        answer: list[str] = []
        notes, shift = list(context.deviations), context.shift

        def run(db: Session, rows: list[Row]) -> None:
            answer.clear()
            context.db, context.station = db, self._standing.station(db, link)
            context.deviations[:], context.shift = notes, shift
            response = handler(Fields(payload), context)
            if last:
                answer.append(link.answer(call, response) if isinstance(call, Call) else "")
                rows.append(log_rows.of_call(held, call, context.now, response, context.session_id))
            # Meter values are read without the row: they are corrected by what is known here.
            link.station.clock_offset_s = context.station.clock_offset_s

        link = held.link
        self._do(held, call, Job(run, f"{call.action} of {link.station.identity}", rare=True))
        self._note(context)
        return answer[0] if last else ""

    def _in_set(
        self,
        held: Held,
        call: Call | Send,
        payload: Payload,
        context: Context,
        fact: Fact,
        *,
        last: bool,
    ) -> str:
        asked = Asked(held, call, payload, context, fact, last)
        work = Together(self._facts.store, asked, context.station_id, writes=fact.writes)
        told = self._do(held, call, work)
        self._note(context)
        text, logged = self._facts.finish(held, call, told)
        if logged is not None:
            self._do(held, call, logged)
        if context.booted is not None:
            held.served = context.booted is Registration.ACCEPTED
            hold_after_boot(held)
        return text

    def _in_bulk(
        self,
        held: Held,
        call: Call,
        payload: Payload,
        context: Context,
        bulk: Bulk,
        *,
        last: bool,
    ) -> str:
        item = bulk.read(Fields(payload), context)
        if held.told is not None:
            item = item._replace(received_at=context.now)  # long before its set
        text: str = held.link.answer(call, bulk.answer)
        size = sum([len(report.samples) for report in item.reports])
        read = Read(held, item, call, context.now, bulk.answer if last else None)
        self._do(held, call, Together(self._facts.metered, read, item.station_id, size))
        if last:
            self._note(context)
        return text if last else ""

    def _note(self, context: Context) -> None:
        """Count what a message needed, now that it is stored; its next piece needs it no more."""
        if context.deviations:
            self.deviations.count(context.station_id, context.deviations, context.now)
            context.deviations.clear()

    def _do(self, held: Held, call: Call | Send, work: Job | Together) -> Any:
        """Have it stored; an error of ours is not the charger's fault and is not told in detail."""
        try:
            return self._batch.do(work)
        except (CallFault, Over, StorageAway):
            raise
        except SQLAlchemyError as error:
            log.error("%s of %s failed: %s", call.action, held.link.station.identity, error)
            raise Unstored(str(error)) from error
        except Exception:
            log.exception("%s of %s failed", call.action, held.link.station.identity)
            raise Unstored("a handler failed") from None

    def _end(self, held: Held, call: Call | Send, over: Over, received_at: datetime) -> None:
        """Leave what came over a connection that is over unanswered: the charger keeps it."""
        held.over = str(over)
        self._log_refusal(held, call, CallFault(Fault.SECURITY, held.over), received_at)
        held.link.close(over.code, held.over)

    def _log_refusal(
        self, held: Held, call: Call | Send, fault: CallFault, received_at: datetime
    ) -> None:
        self._batch.log(log_rows.of_call(held, call, received_at, None, fault=fault))
        if fault.fault is Fault.SECURITY:
            return
        other = schemas.lookalike(held.link.version, call.action, call.payload)
        if other is not None:  # FIELD C8: one version's words on the other's subprotocol
            odd = [("other_version", f"{call.action} as in OCPP {other.value}")]
            self.deviations.count(held.link.station.id, odd, received_at)

    def log_stray(self, held: Held, event: Stray | Repeated | Malformed) -> None:
        """Keep a frame that changes nothing, with why."""
        self._batch.log(log_rows.of_stray(held, event))
