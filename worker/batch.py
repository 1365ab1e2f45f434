"""Group commit: what many chargers say at once is stored in one database transaction.

Every work waits for the commit that holds it; only then is its charger answered.  While one batch
is being committed the next one gathers, so the more there is to do, the more goes into each commit.
Most works are done in sets (`Together`): one call stores all that are alike.  When a set fails the
whole is rolled back and done again in halves, until what fails stands alone and harms no other.
What is rare is a `Job`, and runs by itself in a savepoint.

While the database is away everything is held and tried again, for less time than a charger waits
for its answer.  Then whoever waits hears of it (`StorageAway`), what nobody waits for is kept, and
the writer tries at a growing distance whether the database is back.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from flask import Flask
from gevent.event import Event
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.domain.network import connections
from app.domain.office import messages
from app.domain.office.messages import Row
from app.extensions import is_away
from app.process import traces
from app.uow import unit_of_work
from worker.metrics import COUNTS
from worker.pace import LAG
from worker.storage import Storage, StorageAway, end
from worker.works import NOT_YET, Job, Teller, Together, Waiter, Work, in_rounds, spooled, unheard

log = logging.getLogger(__name__)

#: At most so many works share a commit.
MOST = 400
#: At most so many sampled values, and jobs of so many seconds: more would keep everybody waiting.
MOST_SAMPLES = 4_000
MOST_S = 0.05
#: For so long at most the sockets are read before a commit, as long as there is something to read.
GATHERS_S = 0.01
#: A commit that fails is tried again after so long, then twice that, up to the most.
PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
#: So often where the database answers and refuses (a deadlock, say), before it is done in halves.
TRIES = 4
#: So many works that nobody waits for are kept; beyond that rows of the log are dropped.
MOST_KEPT = 50_000


class Batch:
    """The writers of this process: on PostgreSQL rare messages have one of their own.

    SQLite has one writer at a time, so there all share it, and a commit takes rare works only for
    so long.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        settings = app.config["SETTINGS"]
        self._storage = Storage(settings.storage_hold_s)
        self._lane = Lane(app, self._storage)
        apart = not settings.database_uri.startswith("sqlite")
        self._rare = Lane(app, self._storage, asks=False) if apart else self._lane

    def ask_by(self, write: Callable[[Session], Any]) -> None:
        """What tries whether a database that was away is back: a small thing that is written."""
        self._lane.asking = Job(lambda db, rows: write(db), "asking the database")

    @property
    def away(self) -> bool:
        """Whether the database is away, so that nothing is held any more."""
        return self._storage.away

    def do(self, work: Work, within_s: float | None = None) -> Any:
        """Wait until `work` is committed and return its result; raises what it raised.

        Raises `StorageAway` when it could not be stored: at once while the database is away.
        """
        if self._storage.away:
            raise StorageAway("the database is away")
        if self._rare is self._lane or not (isinstance(work, Job) and work.rare):
            return self._lane.do(work, within_s)
        if not self._lane.idle:
            # What was told before this is stored before this: the end of an order, say.
            self._lane.do(Job(lambda db, rows: None))
        return self._rare.do(work, within_s)

    def later(self, work: Work) -> None:
        """Have `work` done without waiting for it; what it raises is logged, or goes to `then`."""
        work.then = work.then or unheard
        if self.away and isinstance(work, Together) and work.spool is not None:
            gevent.spawn(self._lane.spool, work)
        else:
            self._lane.put(work)

    def log(self, row: Row | None) -> None:
        """Keep a row of the message log, if there is one; nobody waits for that."""
        if row is None:
            return
        if self._lane.length < MOST_KEPT or not self.away:
            self.later(Job(lambda db, rows: rows.append(row)))
        else:
            self._storage.dropped += 1

    def load(self) -> tuple[int, float]:
        """How many works wait, and how long the slowest commit in hand has taken, in seconds."""
        lanes = {self._lane, self._rare}
        began = [lane.began_at for lane in lanes if lane.began_at]
        age_s = time.monotonic() - min(began) if began else 0.0
        return sum(lane.length for lane in lanes), age_s

    def stop(self, within_s: float = 10.0) -> None:
        """Commit what waits, then end; what takes longer than `within_s` seconds is left."""
        for lane in {self._rare, self._lane}:
            lane.stop(within_s)


class Lane:
    """One writer: what waits for it goes into one commit after another.

    `began_at` is when the one in hand was begun, in seconds of a steady clock; 0: none is.
    The one that `asks` tries whether a database that was away is back, also with nothing to write.
    """

    def __init__(self, app: Flask, storage: Storage, *, asks: bool = True) -> None:
        self._app = app
        self._storage = storage
        self._asks = asks
        self.asking = Job(lambda db, rows: db.execute(select(1)))
        self._waiting: deque[Work] = deque()
        self._woken = Event()
        self._teller = Teller()
        self.began_at = 0.0
        if asks:
            storage.missed = self._woken.set
        self._writer = gevent.spawn(self._write_for_ever)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being written."""
        return not (self.began_at or self._waiting)

    @property
    def length(self) -> int:
        """How many works wait."""
        return len(self._waiting)

    def put(self, work: Work) -> None:
        """Have `work` done; its `then` hears of it."""
        work.trace = work.trace or traces.here()
        self._waiting.append(work)
        self._woken.set()

    def do(self, work: Work, within_s: float | None = None) -> Any:
        """Wait until `work` is committed and return its result; raises what it raised.

        Raises `StorageAway` when it could not be stored.  The writer settles every
        work, so there is no time limit unless one is asked for: a timer for each
        message would cost more than its place in the queue.
        """
        waiter = work.then = Waiter()
        self.put(work)
        if within_s is None:
            return waiter.wait()
        with gevent.Timeout(within_s, StorageAway("the database is too slow")):
            return waiter.wait()

    def stop(self, within_s: float = 10.0) -> None:
        """Commit what waits, then end; what takes longer than `within_s` seconds is spooled."""
        try:
            self.do(Job(lambda db, rows: None), within_s)
        except StorageAway:
            log.warning("the last commits could not be waited for")
        end(self._writer)
        self._spooled(list(self._waiting))

    def _write_for_ever(self) -> None:
        while True:
            if self._storage.away and (self._asks or self._waiting):
                self._storage.rest()
            works = self._gathered()
            try:
                works = self._write(works)
            finally:  # also when it is ended amid a commit: what was stored is known again
                self._waiting.extendleft(reversed(works))
            self.began_at = 0.0

    def _gathered(self) -> list[Work]:
        """The next batch; those of the last one are told first, so that what they say is in it."""
        self._teller.done.wait()
        while not (self._waiting or (self._storage.away and self._asks)):
            self._woken.clear()
            self._woken.wait()
        self.began_at = time.monotonic()
        # Whoever is ready to be read gets its turn, so that its work joins this commit: what one
        # commit costs is the same for one work and for two hundred.
        with gevent.Timeout(GATHERS_S, False):
            gevent.idle()
        # The first commit of a database that is back says also that this node lives.
        works: list[Work] = [self.asking] if self._storage.away and self._asks else []
        size = 0
        while self._waiting and len(works) < MOST and size < MOST_SAMPLES:
            work = self._waiting.popleft()
            if isinstance(work, Together):
                size += work.size
            works.append(work)
        return works

    def _write(self, works: list[Work]) -> list[Work]:
        """Commit what there is time for and tell whoever waits; return the rest."""
        began, pause_s, tries = time.monotonic(), PAUSE_S, 0
        while True:
            begins = time.monotonic()
            try:
                results = self._commit(works)
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                tries += 1
                COUNTS.failed_commits += 1
                if is_away(error):
                    if not self._storage.holds(began):
                        return self._given_up(works, error)
                elif tries >= TRIES:
                    return self._without(works, error)
                if tries == 1:
                    log.warning("a commit of %d works failed: %s", len(works), error)
                gevent.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except Exception as error:
                return self._without(works, error)
            else:
                self._storage.stored()
                COUNTS.committed(len(works), time.monotonic() - begins)
                self._teller.tell(works, results)
                return [work for work, it in zip(works, results, strict=True) if it is NOT_YET]

    def _given_up(self, works: list[Work], error: Exception) -> list[Work]:
        """The database is away: whoever waits hears of it; return what nobody waits for."""
        self._storage.failed(error)
        works += self._waiting
        self._waiting.clear()
        told = [work for work in works if isinstance(work.then, Waiter)]
        self._teller.tell(told, [StorageAway("the database is away") for _ in told])
        kept = (work for work in works if work is not self.asking)
        return self._spooled([work for work in kept if not isinstance(work.then, Waiter)])

    def spool(self, work: Work) -> None:
        """Have a work on the disk; where that does not take it, it waits here."""
        self._waiting.extend(self._spooled([work]))

    def _spooled(self, works: list[Work]) -> list[Work]:
        """Have works on the disk that can be there; return the rest."""
        kept, rest = spooled(works)
        self._teller.tell(kept, [None] * len(kept))
        return rest

    def _without(self, works: list[Work], error: Exception) -> list[Work]:
        """Do works again in halves, one of which failed: it alone hears of the error."""
        if len(works) == 1:
            self._teller.tell(works, [error])
            return []
        half = len(works) // 2
        return [*self._write(works[:half]), *self._write(works[half:])]

    def _commit(self, works: list[Work]) -> list[Any]:
        """Do all in one unit of work; the results are in the order of the works."""
        results: list[Any] = [None] * len(works)
        rows: list[Row] = []
        jobs = [(number, work) for number, work in enumerate(works) if isinstance(work, Job)]
        together = [work for work in works if isinstance(work, Together)]
        causes = [work.trace for work in works if work.trace is not None]
        with self._app.app_context(), unit_of_work(causes=causes) as db:
            if any(work.writes for work in together):
                # Another may write the same ones: whoever begins with the lowest goes on.
                connections.lock(db, {work.station_id for work in together})
            for turn, sets in enumerate(in_rounds(works)):
                if turn:
                    db.flush()
                    db.expire_all()  # sets write past the rows that the session has read
                for store, numbers in sets.items():
                    begin = time.monotonic()
                    items = [works[number].item for number in numbers]  # type: ignore[union-attr]
                    for number, result in zip(numbers, store(db, items, rows), strict=True):
                        results[number] = result
                    LAG.note(f"{len(items)} works in a set", time.monotonic() - begin)
            until = time.monotonic() + MOST_S
            for turn, (number, job) in enumerate(jobs):
                late = turn and time.monotonic() > until
                results[number] = NOT_YET if late else self._run(db, job, rows)
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
