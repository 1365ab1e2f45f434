"""Repairs of messages are counted in memory; what was counted is written every few seconds.

The messages themselves are in the log: a worker that is killed loses a few counts and no evidence.
"""

from collections.abc import Iterable
from datetime import datetime

import gevent

from app.domain.device import deviations
from worker.batch import Batch, Job, StorageAway

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
            self._batch.do(Job(lambda db, rows: deviations.store(db, tallies), "deviations"))
        except StorageAway:
            self._tallies = deviations.together(tallies, self._tallies)
            raise
