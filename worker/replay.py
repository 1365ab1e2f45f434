"""The road back from the spool: what waits there is stored once the database is back.

Each station's frames go in their order, several stations at once, by the road that frames of
chargers take.  A frame has its row in the message log once it is stored: one that was stored just
before a process died is known by that.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, cast

import gevent
from gevent.pool import Pool
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.charging.running import Gauge
from app.extensions import db as flask_db
from app.models import Message, Station
from worker.away import Unstored
from worker.batch import Batch
from worker.dispatch import Dispatch
from worker.link import Link
from worker.ocpp import frames
from worker.ocpp.frames import Call, Payload, Send
from worker.ocpp.handshake import Admitted
from worker.ocpp.versions import Version
from worker.pace import ALARM_S, LAG
from worker.segments import ASIDE, STORED, Frame
from worker.spool import Spool
from worker.standing import Held, Standing
from worker.storage import StorageAway

log = logging.getLogger(__name__)

#: So many stations' frames are stored at once: the others in a commit are those of live chargers.
AT_ONCE = 20
#: So many frames of a station are looked up in the log in one go.
CHUNK = 100
#: A frame that the database does not take while it is there is put aside after so many tries.
TRIES = 3
#: How often files of processes that died are looked for, in seconds.
ADOPT_S = 15.0
#: How long a live charger's message waits for what is stored before it, in seconds.
PATIENCE_S = 8.0


class Past:
    """Stands where a link stands: its conversation is over, and nothing goes out."""

    def __init__(self, station: Admitted, version: Version) -> None:
        self.station = station
        self.version = version

    def answer(self, call: Call, payload: Payload) -> str:
        """The charger has its answer."""
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
        self._at_work: dict[int, gevent.Greenlet] = {}
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
                gevent.sleep(0.2)
                continue
            if time.monotonic() - adopted_at >= ADOPT_S:
                self._spool.adopt()
                adopted_at = time.monotonic()
            if self._spool.waiting:
                self._round()
                gevent.sleep(0.1)

    def _round(self) -> None:
        began, frames_there = time.monotonic(), self._spool.frames
        pool = Pool(AT_ONCE)
        for station_id in list(self._spool.waiting):
            if self._batch.away:
                break
            pool.spawn(lambda number: self._storing(number).join(), station_id)
        pool.join()
        if not self._spool.waiting:
            took_s = time.monotonic() - began
            log.info("%d frames of the spool were stored in %.1f s", frames_there, took_s)

    def catch_up(self, station_id: int) -> None:
        """Have a station's frames stored now, and wait; raises `StorageAway` if that takes long."""
        if not self._batch.away:
            self._storing(station_id).join(PATIENCE_S)
        if station_id in self._spool.waiting:
            raise StorageAway("older messages wait in the spool")

    def _storing(self, station_id: int) -> gevent.Greenlet:
        """The greenlet that stores a station's frames: there is one at a time."""
        greenlet = self._at_work.get(station_id)
        if greenlet is None:
            greenlet = self._at_work[station_id] = gevent.spawn(self._store, station_id)
        return greenlet

    def _store(self, station_id: int) -> None:
        try:
            while self._spool.waiting.get(station_id) and not self._batch.away:
                self._store_some(station_id)
        except (StorageAway, SQLAlchemyError) as error:
            log.info("the frames of station %d wait in the spool: %s", station_id, error)
        except Exception:
            log.exception("the frames of station %d were not stored", station_id)
        finally:
            del self._at_work[station_id]

    def _store_some(self, station_id: int) -> None:
        places = list(islice(self._spool.waiting[station_id], CHUNK))
        kept = [place.segment.read(place.offset) for place in places]
        station, stored = self._known(station_id, kept)
        for place, frame in zip(places, kept, strict=True):
            state = self._put(station, frame, stored)
            self._spool.settle(station_id, place, state)
            if LAG.now_s > ALARM_S:  # live chargers come first
                gevent.sleep(LAG.now_s)

    def _known(
        self, station_id: int, kept: Sequence[Frame]
    ) -> tuple[Admitted | None, set[tuple[str, datetime]]]:
        """The station as it is now, and which of its frames are in the log."""
        with self._batch.app.app_context():
            db = flask_db.session()
            try:
                query = select(Message.message_id, Message.at).where(
                    Message.station_id == station_id,
                    Message.at.in_({frame.received_at for frame in kept}),
                )
                stored = {(number, at) for number, at in db.execute(query)}
                station = db.get(Station, station_id)
                return (self._admitted(station) if station else None), stored
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
        self, station: Admitted | None, frame: Frame, stored: set[tuple[str, datetime]]
    ) -> int:
        """Store a frame, unless it is stored; return what became of it.

        Raises `StorageAway`.
        """
        call = station and frames.parse(frame.text, frame.version, station.strict)
        if station is None or not isinstance(call, Call | Send):
            log.error("a frame of %s is put aside: nobody can read it now", frame.identity)
            return ASIDE
        if (str(call.message_id)[:255], frame.received_at) in stored:
            return STORED
        link = cast(Link, Past(station, frame.version))
        for _ in range(TRIES):
            held = Held(link, frame.connection_id, told=frame.told)
            try:
                self._dispatch.again(held, call, frame.received_at)
            except Unstored as error:
                why: Any = error
            else:
                return STORED
        log.error("%s of %s is put aside: %s", call.action, frame.identity, why)
        return ASIDE
