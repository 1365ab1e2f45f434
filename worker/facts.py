"""What chargers say, stored in sets: the road of every message that comes often.

A route's `read` turns each call of a batch into one fact; facts of a kind are stored together by a
function of the domain, which loads what all of them need with one query per table, decides, and
writes each table once; then each is answered.  A call that cannot be read is refused by itself.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import gevent
from flask import Flask
from gevent.event import AsyncResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.domain.charging import metering
from app.domain.charging.metering import Metered
from app.domain.charging.running import Gauge
from app.domain.ground import bulk
from app.domain.network import credentials, plugs
from app.domain.office.messages import Row
from app.extensions import AWAY
from app.extensions import db as flask_db
from app.process.clock import utc_now
from worker import log_rows
from worker.dialects.context import Context
from worker.dialects.records import Fact
from worker.ocpp.fields import Fields
from worker.ocpp.frames import Call, Payload, Send
from worker.pace import others_turn
from worker.standing import Held, Over, Standing
from worker.works import Together

log = logging.getLogger(__name__)

#: So many are found out in one go.
MOST = 25


@dataclass(slots=True)
class Asked:
    """A call on its way into the set; `notes` are the repairs that it had needed before.

    `shift` is what its times are corrected by, where that was found already.  Only its `last`
    piece is answered and logged, should it have come in pieces.
    """

    held: Held
    call: Call | Send
    payload: Payload
    context: Context
    route: Fact
    last: bool = True
    notes: list[tuple[str, str]] = field(init=False)
    shift: timedelta | None = field(init=False)

    def __post_init__(self) -> None:
        """Keep what was found before: the set may have to be done again."""
        self.notes, self.shift = list(self.context.deviations), self.context.shift


@dataclass(slots=True)
class Read:
    """Meter values that are read already; `answer` is None where others of their call follow."""

    held: Held
    item: Metered
    call: Call
    received_at: datetime
    answer: Payload | None


@dataclass(slots=True)
class Unfinished:
    """The result of a fact that is stored, and what its answer takes to be made."""

    route: Fact
    result: Any
    context: Context
    done: AsyncResult = field(default_factory=AsyncResult)


class Facts:
    """Stores what a batch has gathered; `show` gets the newest gauges of running sessions."""

    def __init__(self, app: Flask, standing: Standing, show: Callable[[list[Gauge]], None]) -> None:
        self._standing = standing
        self._afterwards = Afterwards(app)
        self._show = show

    def store(self, db: Session, asked: Sequence[Asked], rows: list[Row]) -> list[Any]:
        """Store calls; the result of each is the text of its answer, or why it was refused.

        What is stored and cannot be answered yet is `Unfinished`.
        """
        results: list[Any] = [None] * len(asked)
        stations = plugs.station_rows(db, {one.context.station_id for one in asked})
        kinds: dict[Any, list[tuple[int, Asked, Any]]] = {}
        with bulk.gathered(db):
            for number, one in enumerate(asked):
                try:
                    fact = self._read(db, one, stations[one.context.station_id])
                except SQLAlchemyError:
                    raise
                except Exception as error:
                    results[number] = error
                else:
                    kinds.setdefault(one.route.together, []).append((number, one, fact))
            for together, of_kind in kinds.items():
                told = together(db, [fact for _, _, fact in of_kind])
                for (number, one, _), result in zip(of_kind, told, strict=True):
                    results[number] = self._answer(db, one, result, rows)
        return results

    def _read(self, db: Session, one: Asked, station: plugs.StationRow) -> Any:
        context, link = one.context, one.held.link
        self._standing.check(db, link, station.access_epoch, station.connection_id)
        context.db, context.station = db, station
        context.deviations[:], context.shift = one.notes, one.shift
        fact = one.route.read(Fields(one.payload), context)
        # Meter values are read without the row: they are corrected by what is known here.
        link.station.clock_offset_s = station.clock_offset_s
        link.station.site_id, link.station.mode = station.site_id, station.mode
        return fact

    def _answer(self, db: Session, one: Asked, result: object, rows: list[Row]) -> Any:
        context, call = one.context, one.call
        if isinstance(result, Exception):
            return result
        if one.last and one.held.told is None and one.route.unfinished(result):
            return Unfinished(one.route, result, context)
        response = one.route.answer(result, context)
        if not one.last:
            return ""
        text = one.held.link.answer(call, response) if isinstance(call, Call) else ""
        rows.append(log_rows.of_call(one.held, call, context.now, response, context.session_id))
        return text

    def finish(self, held: Held, call: Call | Send, told: Any) -> tuple[str, Together | None]:
        """The text of an answer, and its row of the log where that could not be kept before."""
        if not isinstance(told, Unfinished):
            return told, None
        context, result = told.context, self._afterwards.finish(told)
        response = told.route.answer(result, context)
        text = held.link.answer(call, response) if isinstance(call, Call) else ""
        row = log_rows.of_call(held, call, context.now, response, context.session_id)
        return text, Together(self.logged, row, context.station_id)

    def logged(self, db: Session, logged: Sequence[Row], rows: list[Row]) -> list[None]:
        """Keep rows of the log whose messages are stored already."""
        del db
        rows.extend(logged)
        return [None] * len(logged)

    def metered(self, db: Session, read: Sequence[Read], rows: list[Row]) -> list[Any]:
        """Store meter values; the result of each is the session that it belongs to, if any."""
        results: list[Any] = [None] * len(read)
        fences = credentials.fences(db, {one.item.station_id for one in read})
        good: list[tuple[int, Read]] = []
        for number, one in enumerate(read):
            try:
                self._standing.check(db, one.held.link, *fences[one.item.station_id])
            except Over as over:
                results[number] = over
            else:
                good.append((number, one))
        now = utc_now()
        owners, gauges = metering.store(db, [one.item for _, one in good], now=now)
        for (number, one), owner in zip(good, owners, strict=True):
            results[number] = owner
            if one.answer is not None:
                row = log_rows.of_call(
                    one.held, one.call, one.received_at, one.answer, owner, now=now
                )
                rows.append(row)
        self._show(gauges)
        return results


class Afterwards:
    """What an answer needs beyond what was stored: found out after the commit, outside of a batch.

    A price is read and reckoned here.  Those that wait are taken together, few at a time, so that
    the loop goes on between them; nothing is written.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting: deque[Unfinished] = deque()
        self._working = False

    def finish(self, unfinished: Unfinished) -> Any:
        """The finished result; as it was stored where the rest cannot be found out."""
        self._waiting.append(unfinished)
        if not self._working:
            self._working = True
            gevent.spawn(self._work)
        return unfinished.done.get()

    def _work(self) -> None:
        # Those that were stored together come together.
        others_turn()
        try:
            while self._waiting:
                several = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                self._find_out(several)
                others_turn()
        finally:
            self._working = False

    def _find_out(self, several: list[Unfinished]) -> None:
        kinds: dict[Any, list[Unfinished]] = {}
        for one in several:
            kinds.setdefault(one.route.after, []).append(one)
        for after, of_kind in kinds.items():
            results = [one.result for one in of_kind]
            try:
                with self._app.app_context():
                    try:
                        found = after(flask_db.session(), results, of_kind[-1].context.now)
                    finally:
                        flask_db.session.remove()
            except AWAY as error:
                log.warning("what %d answers need was not found out: %s", len(of_kind), error)
                found = results
            except Exception:
                log.exception("what %d answers need was not found out", len(of_kind))
                found = results
            for one, result in zip(of_kind, found, strict=True):
                one.done.set(result)
