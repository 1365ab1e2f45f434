"""The road back from the spool: what waits there is stored once the database is back.

Each station's frames go in their order, those of many stations in one commit, by the road that
frames of chargers take.  A frame has its row in the message log once it is stored: one that was
stored just before a process died is known by that.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, groupby, islice
from typing import Any, NamedTuple, cast

import gevent
from gevent.event import Event
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload

from app.config import Settings
from app.domain.charging.running import Gauge
from app.domain.ground.bulk_rows import Keyed, Keys
from app.extensions import db as flask_db
from app.models import Message, Station
from worker.away import Unstored
from worker.batch import Batch
from worker.checks import SHORT_TEXT
from worker.dialects import DIALECTS
from worker.dialects.records import Bulk, Fact
from worker.dispatch import Dispatch
from worker.endings import UNFIT, Ending, Endings, ending_of
from worker.link import Link
from worker.log_rows import number_of
from worker.ocpp import frames
from worker.ocpp.frames import Call, Payload, Send
from worker.ocpp.handshake import Admitted
from worker.ocpp.versions import Version
from worker.pace import ALARM_S, LAG, Portion, others_turn
from worker.segments import ASIDE, STORED, Frame
from worker.spool import Place, Spool
from worker.standing import Held, Standing
from worker.storage import StorageAway, at_once, raise_first

log = logging.getLogger(__name__)

#: So many frames at least and at most are stored at once, and aim at taking no longer than this
#: beside their commit, in seconds: a live charger may have to wait for that long.
LEAST, MOST = 5, 200
AIMS_S = ALARM_S / 2
#: A frame that the database does not take while it is there is put aside after so many tries.
TRIES = 3
#: How often files of processes that died are looked for, in seconds.
ADOPT_S = 15.0
#: How long a live charger's message waits for what is stored before it, in seconds.
PATIENCE_S = 8.0


#: What a frame tells.
Told = Call | Send | Ending

_KEY = {"station": "bigint", "at": "timestamptz"}
_LOGGED = Keyed(
    Message.__table__, ("message_id", "at"), _KEY, "s.station_id = k.station AND s.at = k.at"
)


class Known(NamedTuple):
    """What a frame is known by in the log."""

    station_id: int
    message_id: str
    at: datetime


class Past:
    """Stands where a link stands: its conversation is over, and nothing goes out."""

    def __init__(self, station: Admitted, version: Version) -> None:
        self.station = station
        self.version = version

    def answer(self, call: Call, payload: Payload) -> str:
        return ""

    def hold(self, seconds: float) -> None:
        """Nothing is sent."""


class Granted(Standing):
    """What was acknowledged counts, whatever was decided about its connection since."""

    def station(self, db: Session, link: Link) -> Station:
        """The station, and no question about it."""
        return db.get_one(Station, link.station.id)

    def check(self, db: Session, link: Link, epoch: int, newest: int | None) -> None:
        """Nothing to ask."""


class Replay:
    """Empties the spool of this process."""

    def __init__(
        self,
        batch: Batch,
        live: Dispatch,
        settings: Settings,
        show: Callable[[list[Gauge]], None],
        spool: Spool,
    ) -> None:
        self._batch = batch
        self._settings = settings
        self._spool = spool
        self._dispatch = Dispatch(batch, Granted(settings), settings, show, spool)
        self._dispatch.deviations, self._dispatch.last_known = live.deviations, live.last_known
        self._portion = Portion(LEAST, MOST, AIMS_S)
        self._endings = Endings(batch, Granted(settings), spool)
        #: station -> what tells live messages behind its frames that some of those were tried.
        self._wanted: dict[int, Event] = {}
        spool.catch_up = self.catch_up
        spool.adopt()  # before a charger says more

    def health(self) -> dict[str, Any]:
        """Whether the database can be written to, and what waits in the spool."""
        return {"storage": not self._batch.away, "spool": self._spool.health()}

    def work_for_ever(self) -> None:
        """Store what waits whenever the database is there."""
        adopted_at = time.monotonic()
        while True:
            self._spool.filled.wait(ADOPT_S)
            if self._batch.away:
                self._let_go(list(self._wanted))
                gevent.sleep(0.2)
                continue
            if time.monotonic() - adopted_at >= ADOPT_S:
                self._spool.adopt()
                adopted_at = time.monotonic()
            if self._spool.waiting:
                self._empty()
                gevent.sleep(0.1)

    def _empty(self) -> None:
        """Store what waits, some of each station at a time."""
        began, frames_there = time.monotonic(), self._spool.frames
        while (waiting := list(self._spool.waiting)) and not self._batch.away:
            before = self._spool.frames
            while waiting and not self._batch.away:
                most = self._portion.next()
                if not (some := list(islice(self._wanted, most))):
                    some, waiting = waiting[:most], waiting[most:]
                self._store(some, most)
            if self._spool.frames >= before:
                return  # what cannot be stored now is tried again later
        took_s = time.monotonic() - began
        log.info("%d frames of the spool were stored in %.1f s", frames_there, took_s)

    def catch_up(self, station_id: int) -> None:
        """Have a station's frames stored now, and wait; raises `StorageAway` if that takes long."""
        until = time.monotonic() + PATIENCE_S
        while station_id in self._spool.waiting:
            left_s = until - time.monotonic()
            if self._batch.away or left_s <= 0:
                raise StorageAway("older messages wait in the spool")
            before = len(self._spool.waiting[station_id])
            tried = self._wanted.setdefault(station_id, Event())
            if tried.wait(left_s) and len(self._spool.waiting.get(station_id, ())) >= before:
                raise StorageAway("older messages cannot be stored")

    def _let_go(self, station_ids: Iterable[int]) -> None:
        """Tell live messages that frames of these stations were tried."""
        for number in station_ids:
            if number in self._wanted:
                self._wanted.pop(number).set()

    def _store(self, station_ids: Sequence[int], most: int) -> None:
        began = time.monotonic()
        try:
            if count := self._store_some(station_ids, most):
                self._portion.took(count, time.monotonic() - began)
        except (StorageAway, SQLAlchemyError) as error:
            log.info("%d stations' frames wait in the spool: %s", len(station_ids), error)
        except Exception:
            log.exception("frames of the spool were not stored")
        finally:
            self._let_go(station_ids)
        others_turn()  # live messages whose station has more to store say so
        if not self._wanted and LAG.pressure_s > ALARM_S:
            gevent.sleep(min(LAG.pressure_s, 1.0))

    def _store_some(self, station_ids: Sequence[int], most: int) -> int:
        """Store some frames of each of these stations; return how many."""
        each = max(1, most // max(1, len(station_ids)))
        due = {number: list(self._due(number, each)) for number in station_ids}
        stations, stored = self._known([frame for told in due.values() for _, frame in told])
        raise_first(
            at_once(
                partial(self._in_order, stations.get(number), told, stored)
                for number, told in due.items()
            )
        )
        return sum(map(len, due.values()))

    def _due(self, station_id: int, most: int) -> Iterator[tuple[Place, Frame]]:
        """The oldest frames of a station; what the disk does not give is put aside."""
        for place in list(islice(self._spool.waiting.get(station_id, ()), most)):
            try:
                yield place, place.segment.read(place.offset)
            except (OSError, ValueError) as error:
                log.error("a frame of station %d is put aside: %s", station_id, error)
                self._spool.settle(station_id, place, ASIDE)

    def _in_order(
        self, station: Admitted | None, told: Sequence[tuple[Place, Frame]], stored: set[Known]
    ) -> None:
        """Store frames of a station; those that go in sets share a commit, each after the other.

        Raises `StorageAway`; what was stored before that is settled.
        """
        read = [(place, frame, _read(station, frame)) for place, frame in told]
        for sets, several in groupby(read, lambda one: _in_sets(one[1], one[2])):
            if not sets:
                for place, frame, call in several:
                    state = self._put(station, frame, call, stored)
                    self._spool.settle(frame.station_id, place, state)
                continue
            together = list(several)
            results = at_once(partial(self._put, station, *one[1:], stored) for one in together)
            for (place, frame, _), result in zip(together, results, strict=True):
                if not isinstance(result, Exception):
                    self._spool.settle(frame.station_id, place, result)
            raise_first(results)

    def _known(self, kept: Sequence[Frame]) -> tuple[dict[int, Admitted], set[Known]]:
        """The stations of frames as they are now, and which frames are in the log."""
        with self._batch.app.app_context():
            db = flask_db.session()
            try:
                keys = Keys(
                    db, list(_KEY), {(frame.station_id, frame.received_at) for frame in kept}
                )
                rows = chain.from_iterable(_LOGGED(db, keys).values())
                stored = {Known(*row) for row in rows}
                wanted = {frame.station_id for frame in kept}
                query = select(Station).where(Station.id.in_(wanted))
                found = db.scalars(query.options(joinedload(Station.site)))
                return {one.id: self._admitted(one) for one in found}, stored
            finally:
                flask_db.session.remove()

    def _admitted(self, station: Station) -> Admitted:
        return Admitted(
            station.id,
            station.identity,
            station.tenant_id,
            station.model,
            (station.validation or self._settings.validation) == "strict",
            station.site.timezone,
            dict(station.quirks or {}),
            served=True,
            clock_offset_s=station.clock_offset_s,
            access_epoch=station.access_epoch,
        )

    def _put(
        self, station: Admitted | None, frame: Frame, told: Told | None, stored: set[Known]
    ) -> int:
        """Store a frame, unless it is stored; return what became of it.

        Raises `StorageAway`.
        """
        if station is None or told is None:
            log.error("a frame of %s is put aside: nobody can read it now", frame.identity)
            return ASIDE
        number = number_of(told.message_id)
        if Known(frame.station_id, number, frame.received_at) in stored:
            return STORED
        for _ in range(TRIES):
            try:
                self._store_again(station, frame, told)
            except Unstored as error:
                why: Any = error
            else:
                return STORED
        if isinstance(told, Ending) and told.ended.outcome is not UNFIT:
            return self._put(station, frame, told.unfit(), stored)
        log.error("%s of %s is put aside: %s", told.action, frame.identity, why)
        return ASIDE

    def _store_again(self, station: Admitted, frame: Frame, told: Told) -> None:
        if isinstance(told, Ending):
            self._endings.again(told)
            return
        held = Held(_past(station, frame), frame.connection_id, told=frame.told)
        self._dispatch.again(held, told, frame.received_at)


def _past(station: Admitted, frame: Frame) -> Link:
    return cast(Link, Past(station, frame.version))


def _read(station: Admitted | None, frame: Frame) -> Told | None:
    """What a frame says; None where nobody can read it now."""
    if station is not None and not frame.text:
        try:
            return ending_of(_past(station, frame), frame)
        except (KeyError, TypeError, ValueError):
            return None
    call = frames.parse(frame.text, frame.version, station is not None and station.strict)
    return call if isinstance(call, Call | Send) else None


def _in_sets(frame: Frame, told: Told | None) -> bool:
    """Whether a frame is one work of a set, so that the next one may follow it at once."""
    if told is None or len(frame.text) > SHORT_TEXT:
        return False
    if isinstance(told, Ending):
        return True
    route = DIALECTS[frame.version].routes.get(told.action)
    return route is not None and isinstance(route.handler, Fact | Bulk)
