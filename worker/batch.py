"""Group commit: what many chargers say at once is stored in one database transaction.

Every work waits for the commit that holds it; only then is its charger answered.  While one batch
is being committed the next one gathers, so the more there is to do, the more goes into each commit.
Most works are done in sets (`Together`): one call stores all that are alike.  When a set fails the
whole is rolled back and done again in halves, until what fails stands alone and harms no other.
What is rare is a `Job`, and runs by itself in a savepoint.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import greenlet
from flask import Flask
from gevent.event import Event
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app.domain.office import messages
from app.domain.office.messages import Row
from app.uow import unit_of_work
from worker.pace import LAG

log = logging.getLogger(__name__)

#: At most so many works share a commit.
MOST = 400
#: At most so many sampled values, and jobs of so many seconds: more would keep everybody waiting.
MOST_SAMPLES = 4_000
MOST_S = 0.05
#: For so long at most the sockets are read before a commit, as long as there is something to read.
GATHERS_S = 0.01
#: A commit that fails is tried again this often, with growing pauses, before the jobs hear of it.
PAUSES_S = (0.05, 0.25, 1.0)


class StorageAway(Exception):
    """Nothing was stored: the database could not be reached or refused the commit."""


@dataclass(slots=True)
class Job:
    """Something to do inside a batch; `run` gets the open session and the log to write to.

    `about` says what it is, should it take long.  `run` returns what the waiter gets.
    It may be called again after a commit that failed, so it must not keep anything
    outside of the session.  `rare`: it is a charger's message that nobody else has to wait for.
    `then` gets what came of it, an exception perhaps, and must not wait.
    """

    run: Callable[[Any, list[Row]], Any]
    about: str = "work of our own"
    rare: bool = False
    then: Callable[[Any], None] | None = None


@dataclass(slots=True)
class Together:
    """One of many works that are alike: all of a batch with the same `store` go into one call.

    `store(db, items, rows)` returns a result for each item, in their order; one that is an
    exception is raised at its own waiter.  It may be called again with fewer items, so it must not
    keep anything outside of the session.  No two works of one station share a batch: what they
    find and what they write never meet.  `size` is how many sampled values the item holds.
    """

    store: Callable[[Any, Sequence[Any], list[Row]], Sequence[Any]]
    item: Any
    station_id: int
    size: int = 0
    then: Callable[[Any], None] | None = None


Work = Job | Together
#: The result of a job for which there was no time in this commit.
_NOT_YET = object()


def _unheard(result: object) -> None:
    """Nobody waits for this work, so nobody else would hear of its failure."""
    if isinstance(result, Exception):
        log.error("something was not stored: %s", str(result)[:500])


class _Waiter:
    """The greenlet that waits for what comes of its work: a switch, and nothing scheduled."""

    __slots__ = ("_greenlet", "_result")

    def __init__(self) -> None:
        self._greenlet: Any = greenlet.getcurrent()
        self._result: Any = _NOT_YET

    def __call__(self, result: object) -> None:
        self._result = result
        if self._greenlet is not None:
            self._greenlet.switch()

    def wait(self) -> Any:
        """What came of it; raises what it raised."""
        hub = gevent.get_hub()
        try:
            while self._result is _NOT_YET:
                hub.switch()
        finally:
            self._greenlet = None
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


class Batch:
    """The writers of this process: on PostgreSQL rare messages have one of their own.

    SQLite has one writer at a time, so there all share it, and a commit takes rare works only for
    so long.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._lane = Lane(app)
        apart = not app.config["SETTINGS"].database_uri.startswith("sqlite")
        self._rare = Lane(app) if apart else self._lane

    def do(self, work: Work, within_s: float | None = None) -> Any:
        """Wait until `work` is committed and return its result; raises what it raised.

        Raises `StorageAway` when it could not be stored.
        """
        if self._rare is self._lane or not (isinstance(work, Job) and work.rare):
            return self._lane.do(work, within_s)
        if not self._lane.idle:
            # What was told before this is stored before this: the end of an order, say.
            self._lane.do(Job(lambda db, rows: None))
        return self._rare.do(work, within_s)

    def later(self, work: Work) -> None:
        """Have `work` done without waiting for it; what it raises is logged, or goes to `then`."""
        work.then = work.then or _unheard
        self._lane.put(work)

    def log(self, row: Row | None) -> None:
        """Keep a row of the message log, if there is one; nobody waits for that."""
        if row is not None:
            self.later(Job(lambda db, rows: rows.append(row)))

    def stop(self, within_s: float = 10.0) -> None:
        """Commit what waits, then end; what takes longer than `within_s` seconds is left."""
        for lane in {self._rare, self._lane}:
            lane.stop(within_s)


class Lane:
    """One writer: what waits for it goes into one commit after another."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting: deque[Work] = deque()
        self._woken = Event()
        self._writing = False
        self._writer = gevent.spawn(self._write_for_ever)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being written."""
        return not (self._writing or self._waiting)

    def put(self, work: Work) -> None:
        """Have `work` done; its `then` hears of it."""
        self._waiting.append(work)
        self._woken.set()

    def do(self, work: Work, within_s: float | None = None) -> Any:
        """Wait until `work` is committed and return its result; raises what it raised.

        Raises `StorageAway` when it could not be stored.  The writer settles every
        work, so there is no time limit unless one is asked for: a timer for each
        message would cost more than its place in the queue.
        """
        waiter = work.then = _Waiter()
        self.put(work)
        if within_s is None:
            return waiter.wait()
        with gevent.Timeout(within_s, StorageAway("the database is too slow")):
            return waiter.wait()

    def stop(self, within_s: float = 10.0) -> None:
        """Commit what waits, then end; what takes longer than `within_s` seconds is left."""
        try:
            self.do(Job(lambda db, rows: None), within_s)
        except StorageAway:
            log.warning("the last commits could not be waited for")
        self._writer.kill()

    def _write_for_ever(self) -> None:
        while True:
            rest = self._write(self._gathered())
            self._waiting.extendleft(reversed(rest))
            self._writing = False

    def _gathered(self) -> list[Work]:
        """The next batch; a second work of a station waits for the one after it."""
        while not self._waiting:
            self._woken.clear()
            self._woken.wait()
        self._writing = True
        # Whoever is ready to be read gets its turn, so that its work joins this commit: what one
        # commit costs is the same for one work and for two hundred.
        with gevent.Timeout(GATHERS_S, False):
            gevent.idle()
        works: list[Work] = []
        again: list[Work] = []
        stations: set[int] = set()
        size = 0
        while self._waiting and len(works) < MOST and size < MOST_SAMPLES:
            work = self._waiting.popleft()
            if isinstance(work, Together):
                if work.station_id in stations:
                    again.append(work)
                    continue
                stations.add(work.station_id)
                size += work.size
            works.append(work)
        self._waiting.extendleft(reversed(again))
        return works

    def _write(self, works: list[Work]) -> list[Work]:
        """Commit what there is time for and tell whoever waits; return the rest."""
        for pause in (*PAUSES_S, None):
            try:
                results = self._commit(works)
            except (OperationalError, InterfaceError) as error:
                log.warning("a commit of %d works failed: %s", len(works), error)
                if pause is None:
                    break
                gevent.sleep(pause)
            except Exception as error:
                return self._without(works, error)
            else:
                self._tell(works, results)
                return [work for work, it in zip(works, results, strict=True) if it is _NOT_YET]
        self._tell(works, [StorageAway("the database cannot be reached") for _ in works])
        return []

    def _tell(self, works: list[Work], results: list[Any]) -> None:
        """Wake all who wait for these works, in one go of the loop and outside of the writer."""

        def tell() -> None:
            for work, result in zip(works, results, strict=True):
                if result is not _NOT_YET and work.then is not None:
                    try:
                        work.then(result)
                    except Exception:
                        log.exception("what follows a work failed")

        gevent.get_hub().loop.run_callback(tell)

    def _without(self, works: list[Work], error: Exception) -> list[Work]:
        """Do works again in halves, one of which failed: it alone hears of the error."""
        if len(works) == 1:
            self._tell(works, [error])
            return []
        half = len(works) // 2
        return [*self._write(works[:half]), *self._write(works[half:])]

    def _commit(self, works: list[Work]) -> list[Any]:
        """Do all in one unit of work; the results are in the order of the works."""
        results: list[Any] = [None] * len(works)
        rows: list[Row] = []
        sets: dict[Any, list[int]] = {}
        jobs: list[tuple[int, Job]] = []
        for number, work in enumerate(works):
            if isinstance(work, Together):
                sets.setdefault(work.store, []).append(number)
            else:
                jobs.append((number, work))
        with self._app.app_context(), unit_of_work() as db:
            for store, numbers in sets.items():
                begin = time.monotonic()
                items = [works[number].item for number in numbers]  # type: ignore[union-attr]
                for number, result in zip(numbers, store(db, items, rows), strict=True):
                    results[number] = result
                LAG.note(f"{len(items)} works in a set", time.monotonic() - begin)
            until = time.monotonic() + MOST_S
            for turn, (number, job) in enumerate(jobs):
                late = turn and time.monotonic() > until
                results[number] = _NOT_YET if late else self._run(db, job, rows)
            messages.store(db, rows)
        return results

    def _run(self, db: Session, job: Job, rows: list[Row]) -> Any:
        """Run a job in a savepoint; what it raises is its own result and nobody else's."""
        mine: list[Row] = []
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
