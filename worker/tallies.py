"""What is counted in memory and written now and then: attempts to connect, repairs of messages.

A worker that is killed loses a few counts and no evidence: messages themselves are in the log.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import gevent

from app.domain.device import deviations
from app.domain.network.connections import MANY, SAME_KNOCK, Knock, KnockTally, note_knocks
from app.process.clock import utc_now
from worker.batch import Batch
from worker.ocpp.refusals import Buckets, Rate, network_of
from worker.storage import StorageAway
from worker.works import Job

log = logging.getLogger(__name__)

#: The shortest time between two writes, in seconds, and the most rows in one.
PAUSE_S = 1.0
MOST = 500
#: New rows of refused attempts: in strangers' names from one address, and in all.
OF_ONE = Rate(burst=30, every_s=10)
IN_ALL = Rate(burst=500, every_s=2)

_Key = tuple[str, str, str]


class Knocks:
    """Attempts to connect that are not written yet.

    Whatever comes in, at most a few hundred rows a minute are made of it: equal refusals share one,
    and beyond that those of an address, in the end all of a reason, are folded into a row named
    (many).
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._tallies: dict[_Key, KnockTally] = {}
        self._rows: dict[_Key, datetime] = {}
        self._of_one = Buckets(OF_ONE, 10_000)
        self._in_all = Buckets(IN_ALL, 1)
        self._writer: Any = None
        self._written_at = 0.0

    def note(self, knock: Knock) -> None:
        """Count an attempt; returns at once, and a restart may lose what came last."""
        now = utc_now()
        key, knock = self._folded(knock, now)
        tally = self._tallies.get(key)
        if tally is None:
            self._tallies[key] = KnockTally(knock, now, now)
        else:
            tally.count += 1
            tally.last_at = now
            tally.knock = knock
        if not self._writer:
            self._writer = gevent.spawn(self._write_soon)

    def stop(self) -> None:
        """Hand what is left to the batch, which writes it before it ends."""
        for job in self._jobs():
            self._batch.later(job)

    def _folded(self, knock: Knock, now: datetime) -> tuple[_Key, Knock]:
        """The row that an attempt belongs to, and the attempt as it is told there."""
        key = _key(knock)
        if knock.accepted:
            return key, knock
        at = time.monotonic()
        if self._has_row(key, now):
            return key, knock
        known = knock.identity == MANY or knock.station_id is not None
        if (known or self._of_one.take(network_of(knock.address), at)) and self._in_all.take(
            "", at
        ):
            self._rows[key] = now
            return key, knock
        knock = replace(knock, identity=MANY, path="", station_id=None, tenant_id=None)
        key = _key(knock)
        if not self._has_row(key, now):
            if not self._in_all.take("", at):
                knock = replace(knock, address=MANY)
                key = _key(knock)
            self._rows[key] = now
        return key, knock

    def _has_row(self, key: _Key, now: datetime) -> bool:
        """Whether a row is there that takes this attempt, too."""
        last = self._rows.get(key)
        if last is None or now - last >= SAME_KNOCK:
            return False
        self._rows[key] = now
        return True

    def _write_soon(self) -> None:
        """Write what has gathered; one write at a time, so that a slow database sees few."""
        while self._tallies:
            gevent.sleep(max(0.0, self._written_at + PAUSE_S - time.monotonic()))
            self._written_at = time.monotonic()
            try:
                for job in self._jobs():
                    self._batch.do(job)
            except StorageAway as error:
                log.warning("attempts to connect were not stored: %s", error)
            except Exception:
                log.exception("attempts to connect were not stored")
        self._writer = None

    def _jobs(self) -> list[Job]:
        """What has gathered, in pieces that keep no charger waiting."""
        tallies, self._tallies = list(self._tallies.values()), {}
        before = utc_now() - SAME_KNOCK
        self._rows = {key: last for key, last in self._rows.items() if last > before}
        pieces = [tallies[start : start + MOST] for start in range(0, len(tallies), MOST)]
        return [
            Job(lambda db, rows, piece=piece: note_knocks(db, piece), "attempts to connect")  # type: ignore[misc]
            for piece in pieces
        ]


def _key(knock: Knock) -> _Key:
    return knock.identity, knock.address, knock.reason


#: How often what was counted is written.
WRITE_S = 3.0


class Deviations:
    """What the messages of this process needed since it was last written."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._tallies: deviations.Tallies = {}

    def count(self, station_id: int, found: Iterable[tuple[str, str]], now: datetime) -> None:
        """Count the repairs of a message: pairs of code and example."""
        deviations.count(self._tallies, station_id, found, now=now)

    def write_for_ever(self) -> None:
        """Write every few seconds."""
        while True:
            gevent.sleep(WRITE_S)
            self.write()

    def write(self) -> None:
        """Write what was counted; raises `StorageAway`, and keeps it, while nothing is stored."""
        tallies, self._tallies = self._tallies, {}
        if not tallies:
            return
        try:
            left = self._batch.do(
                Job(lambda db, rows: deviations.store_free(db, tallies), "deviations")
            )
        except StorageAway:
            self._tallies = deviations.together(tallies, self._tallies)
            raise
        self._tallies = deviations.together(left, self._tallies)
