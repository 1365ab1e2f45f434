"""Frames that were acknowledged before the database could store them: kept on the disk till then.

Each process appends to files of its own under `<data>/spool/` (`worker.segments`); many chargers
share one fsync.  Files of a process that died are taken over by another.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import gevent
from gevent.event import AsyncResult, Event

from app.extensions import thread_pool
from app.process.clock import utc_now
from worker.pace import Bites
from worker.segments import MAGIC, STORED, Frame, Segment, record_of

log = logging.getLogger(__name__)

#: A file is followed by the next one from this size on, in bytes.
SEGMENT_BYTES = 4 << 20
#: A disk that failed is tried again after so many seconds.
REST_S = 2.0


class Place(NamedTuple):
    """Where a frame waits."""

    received_at: datetime
    segment: Segment
    offset: int


class Spool:
    """The frames that wait, by station, oldest first; at most `most_bytes` of them on the disk."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self.waiting: dict[int, deque[Place]] = {}
        self.filled = Event()
        #: Has a station's frames stored and waits for that; raises `StorageAway`.
        self.catch_up: Callable[[int], None] = lambda station_id: None
        self._segments: set[Segment] = set()
        self._current: Segment | None = None
        self._coming: list[tuple[Frame, bytes, AsyncResult]] = []
        self._coming_bytes = 0
        self._writing = False
        self._rests_until = 0.0

    @property
    def frames(self) -> int:
        """How many frames wait."""
        return sum(segment.waiting for segment in self._segments)

    @property
    def size(self) -> int:
        """What they take up on the disk, in bytes, with those stored before in the same files."""
        return sum(segment.size for segment in self._segments)

    def held(self) -> tuple[int, int, datetime | None]:
        """How many frames wait, their bytes on the disk, and when the oldest of them came."""
        if not self.waiting:
            return 0, 0, None
        oldest = min(places[0].received_at for places in self.waiting.values())
        return self.frames, self.size, oldest

    def health(self) -> dict[str, int]:
        """The same as the health check has it, with the age of the oldest in seconds."""
        frames, size, oldest = self.held()
        age_s = int((utc_now() - oldest).total_seconds()) if oldest else 0
        return {"frames": frames, "bytes": size, "oldest_s": max(0, age_s)}

    def keep(self, frame: Frame) -> bool:
        """Whether the frame is on the disk now: False when the spool is full or cannot be written.

        Waits for the disk, with all others that come meanwhile.
        """
        record = record_of(frame)
        self._coming_bytes += len(record)
        try:
            full = (self.size or len(MAGIC)) + self._coming_bytes > self._most
            if full or time.monotonic() < self._rests_until:
                return False
            kept = AsyncResult()
            self._coming.append((frame, record, kept))
            if not self._writing:
                self._writing = True
                gevent.spawn(self._write)
            return bool(kept.get())
        finally:
            self._coming_bytes -= len(record)

    def _write(self) -> None:
        try:
            while self._coming:
                coming, self._coming = self._coming, []
                segment = self._appended([record for _, record, _ in coming])
                offset = 0 if segment is None else segment.size - sum(len(r) for _, r, _ in coming)
                for frame, record, kept in coming:
                    if segment is not None:
                        self._add(frame, segment, offset)
                    offset += len(record)
                    kept.set(segment is not None)
        finally:
            self._writing = False

    def _appended(self, records: list[bytes]) -> Segment | None:
        """The file that holds these records now, None where the disk does not take them."""

        def append() -> Segment:
            segment = self._current
            if segment is None or segment.size > SEGMENT_BYTES:
                segment = Segment.made(self._folder)
            try:
                segment.append(records)
            except OSError:
                if segment is not self._current:
                    segment.end()
                raise
            return segment

        pool = thread_pool()
        try:
            segment = append() if pool is None else pool.apply(append)
        except OSError as error:
            log.error("the spool cannot be written: %s", error)
            self._rests_until = time.monotonic() + REST_S
            self._follow(None)  # how the file ends is not known
            return None
        if segment is not self._current:
            self._segments.add(segment)
            self._follow(segment)
        return segment

    def _follow(self, segment: Segment | None) -> None:
        before, self._current = self._current, segment
        if before is not None:
            self._end_if_done(before)

    def _add(self, frame: Frame, segment: Segment, offset: int) -> None:
        places = self.waiting.setdefault(frame.station_id, deque())
        places.append(Place(frame.received_at, segment, offset))
        segment.waiting += 1
        self.filled.set()

    def settle(self, station_id: int, place: Place, state: int = STORED) -> None:
        """A frame was stored, or is put aside: it waits no longer."""
        places = self.waiting[station_id]
        places.remove(place)  # mostly the first; files that were taken over may hold older ones
        if not places:
            del self.waiting[station_id]
        place.segment.settle(place.offset, state)
        if not self.waiting:
            self.filled.clear()
        if place.segment is not self._current or not self.waiting:
            self._end_if_done(place.segment)

    def _end_if_done(self, segment: Segment) -> None:
        if segment.waiting or (segment is self._current and self._writing):
            return
        if segment is self._current:
            self._current = None
        self._segments.discard(segment)
        try:
            segment.end()
        except OSError as error:  # all of it is stored, and known as stored should it come again
            log.error("a file of the spool stays: %s", error)

    def adopt(self) -> int:
        """Take over the files of processes that have died; return how many frames wait in them.

        Whoever empties the spool does this itself: nothing is settled meanwhile.
        """
        mine = {segment.path for segment in self._segments}
        found, stations, turns = 0, set[int](), Bites()
        for path in sorted(self._folder.glob("*.spool")):
            if path not in mine and (segment := Segment.taken_over(path)) is not None:
                found += self._adopt(segment, stations, turns)
        if found:
            log.warning("%d frames of a process that ended wait in the spool", found)
        for number in stations:
            places = sorted(self.waiting[number], key=lambda place: place.received_at)
            self.waiting[number] = deque(places)
            turns.next()
        return found

    def _adopt(self, segment: Segment, stations: set[int], turns: Bites) -> int:
        """Take over a file; `stations` learns of whom there are frames in it."""
        self._segments.add(segment)
        pool = thread_pool()
        content = segment.content() if pool is None else pool.apply(segment.content)
        for offset, frame in segment.scan(content):
            self._add(frame, segment, offset)
            stations.add(frame.station_id)
            turns.next()
        found = segment.waiting
        self._end_if_done(segment)
        return found
