"""Group commit: what many chargers say at once is stored in one database transaction.

Every job waits for the commit that holds it; only then is its charger
answered.  While one batch is being committed the next one gathers, so the more
there is to do, the more goes into each commit.  A job that fails harms no other:
each runs in a savepoint, and the readings that go in bulk are stored one by one
when the bulk is refused.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import gevent
from flask import Flask
from gevent.event import AsyncResult
from gevent.queue import Queue
from sqlalchemy.exc import OperationalError

from app.domain import access, messages, metering
from app.domain.gauges import Gauge
from app.domain.metering import Metered
from app.uow import unit_of_work
from worker.lag import LAG

log = logging.getLogger(__name__)

#: At most so many jobs share a commit.
MOST = 400
#: At most so many sampled values, and jobs of so many seconds: more would keep everybody waiting.
MOST_SAMPLES = 4_000
MOST_S = 0.05
#: A commit that fails is tried again this often, with growing pauses, before the jobs hear of it.
PAUSES_S = (0.05, 0.25, 1.0)


class StorageAway(Exception):
    """Nothing was stored: the database could not be reached or refused the commit."""


@dataclass(slots=True)
class Job:
    """Something to do inside a batch; `run` gets the open session and the log to write to.

    `about` says what it is, should it take long.  `run` returns what the waiter gets.
    It may be called again after a commit that failed, so it must not keep anything
    outside of the session.
    """

    run: Callable[[Any, list[dict[str, Any]]], Any]
    about: str = "work of our own"
    done: AsyncResult = field(default_factory=AsyncResult)


@dataclass(slots=True)
class Readings:
    """Meter values on their way into the bulk, and their row of the log, if they have one.

    `epoch` is the access epoch of their connection; where the station has another one, `check`
    raises what makes them count no more.
    """

    item: Metered
    log_row: dict[str, Any] | None
    epoch: int
    check: Callable[[Any], None]
    done: AsyncResult = field(default_factory=AsyncResult)


Work = Job | Readings
#: The result of a job for which there was no time in this commit.
_NOT_YET = object()


def _samples_of(work: Work) -> int:
    reports = work.item.reports if isinstance(work, Readings) else ()
    return sum(len(report.samples) for report in reports)


def _unheard(done: AsyncResult) -> None:
    """Nobody waits for this work, so nobody else would hear of its failure."""
    if done.exception is not None:
        log.error("something was not stored: %s", str(done.exception)[:500])


class Batch:
    """The one writer of this process."""

    def __init__(self, app: Flask, show: Callable[[list[Gauge]], None]) -> None:
        self._app = app
        self._show = show
        self._waiting: Queue[Work] = Queue()
        self._writer = gevent.spawn(self._write_for_ever)

    def do(self, work: Work, within_s: float | None = None) -> Any:
        """Wait until `work` is committed and return its result; raises what it raised.

        Raises `StorageAway` when it could not be stored.  The writer settles every
        work, so there is no time limit unless one is asked for: a timer for each
        message would cost more than its place in the queue.
        """
        self._waiting.put(work)
        try:
            return work.done.get(timeout=within_s)
        except gevent.Timeout:
            raise StorageAway("the database is too slow") from None

    def later(self, work: Work) -> None:
        """Have `work` done without waiting for it; what it raises is logged."""
        work.done.rawlink(_unheard)
        self._waiting.put(work)

    def stop(self, within_s: float = 10.0) -> None:
        """Commit what waits, then end; what takes longer than `within_s` seconds is left."""
        try:
            self.do(Job(lambda db, rows: None), within_s)
        except StorageAway:
            log.warning("the last commits could not be waited for")
        self._writer.kill()

    def _write_for_ever(self) -> None:
        while True:
            works = [self._waiting.get()]
            # Whoever is ready to be read gets its turn, so that its job joins this commit.
            gevent.sleep(0)
            samples = _samples_of(works[0])
            while len(works) < MOST and samples < MOST_SAMPLES and not self._waiting.empty():
                works.append(self._waiting.get_nowait())
                samples += _samples_of(works[-1])
            while works:
                works = self._write(works)

    def _write(self, works: list[Work]) -> list[Work]:
        """Commit what there is time for and tell whoever waits; return the rest."""
        for pause in (*PAUSES_S, None):
            try:
                results = self._commit(works)
            except Exception as error:
                log.warning("a commit of %d jobs failed: %s", len(works), error)
                if pause is None:
                    break
                gevent.sleep(pause)
            else:
                for work, result in zip(works, results, strict=True):
                    if isinstance(result, Exception):
                        work.done.set_exception(result)
                    elif result is not _NOT_YET:
                        work.done.set(result)
                return [work for work, it in zip(works, results, strict=True) if it is _NOT_YET]
        self._fail(works)
        return []

    def _fail(self, works: list[Work]) -> None:
        for work in works:
            work.done.set_exception(StorageAway("the database cannot be reached"))

    def _commit(self, works: list[Work]) -> list[Any]:
        """Do all in one unit of work; the results are in the order of the works."""
        results: list[Any] = [None] * len(works)
        rows: list[dict[str, Any]] = []
        readings = [(n, work) for n, work in enumerate(works) if isinstance(work, Readings)]
        gauges: list[Gauge] = []
        with self._app.app_context(), unit_of_work() as db:
            if readings:
                readings = self._accepted(db, readings, results)
            if readings:
                gauges = self._store_readings(db, readings, results, rows)
            until = time.monotonic() + MOST_S
            for number, work in enumerate(works):
                if isinstance(work, Job):
                    late = number and time.monotonic() > until
                    results[number] = _NOT_YET if late else self._run(db, work, rows)
            messages.store(db, rows)
        if gauges:
            self._show(gauges)
        return results

    def _run(self, db: Any, job: Job, rows: list[dict[str, Any]]) -> Any:
        """Run a job in a savepoint; what it raises is its own result and nobody else's."""
        mine: list[dict[str, Any]] = []
        begin = time.monotonic()
        try:
            with db.begin_nested():
                result = job.run(db, mine)
                db.flush()
        except OperationalError:
            # A deadlock, or a database that goes away: the whole batch is tried again.
            raise
        except Exception as error:
            rows.extend(mine)
            return error
        finally:
            LAG.note(job.about, time.monotonic() - begin)
        rows.extend(mine)
        return result

    def _accepted(
        self, db: Any, readings: list[tuple[int, Readings]], results: list[Any]
    ) -> list[tuple[int, Readings]]:
        """The readings that count; those of a connection that is over get that as their result."""
        epochs = access.epochs(db, {work.item.station_id for _, work in readings})
        found = []
        for number, work in readings:
            try:
                if epochs.get(work.item.station_id) != work.epoch:
                    work.check(db)
            except OperationalError:
                raise
            except Exception as error:
                results[number] = error
            else:
                found.append((number, work))
        return found

    def _store_readings(
        self,
        db: Any,
        readings: list[tuple[int, Readings]],
        results: list[Any],
        rows: list[dict[str, Any]],
    ) -> list[Gauge]:
        now, begin = datetime.now(UTC), time.monotonic()
        try:
            with db.begin_nested():
                owners, gauges = metering.store(db, [work.item for _, work in readings], now=now)
        except Exception as error:
            if len(readings) == 1:
                results[readings[0][0]] = error
                return []
            gauges = []
            for one in readings:
                gauges += self._store_readings(db, [one], results, rows)
            return gauges
        LAG.note(f"meter values of {len(readings)} stations", time.monotonic() - begin)
        for (number, work), owner in zip(readings, owners, strict=True):
            results[number] = owner
            if (row := work.log_row) is None:
                continue
            row["session_id"] = owner
            row["latency_ms"] = (now - row["at"]).total_seconds() * 1000
            rows.append(row)
        return gauges
