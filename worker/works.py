"""What can be asked of the writers: jobs, works that are alike, and who waits for them."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import greenlet
from gevent.event import Event

from app.domain.office.messages import Row
from worker import pace

log = logging.getLogger(__name__)

#: The result of a work for which there was no time in a commit.
NOT_YET = object()


@dataclass(slots=True)
class Job:
    """Something to do inside a batch; `run` gets the open session and the log to write to.

    `about` says what it is, should it take long.  `run` returns what the waiter gets.
    It may be called again after a commit that failed, so it must not keep anything
    outside of the session.  `rare`: it is a charger's message that nobody else has to wait for.
    `then` gets what came of it, an exception perhaps, and must not wait.  `trace` is the context of
    the trace it belongs to (`app.process.traces`).
    """

    run: Callable[[Any, list[Row]], Any]
    about: str = "work of our own"
    rare: bool = False
    then: Callable[[Any], None] | None = None
    trace: Any = None


@dataclass(slots=True)
class Together:
    """One of many works that are alike: those of a batch with the same `store` go into one call.

    `store(db, items, rows)` returns a result for each item, in their order; one that is an
    exception is raised at its own waiter.  It may be called again with fewer items, so it must not
    keep anything outside of the session.  No two works of one station share a call: the second is
    done after the first ones of all stations, and finds what they have written.  `size` is how many
    sampled values the item holds; `writes` says that the row of its station is written, which
    another may want, too (docs/adr/stations-first.md).  `spool` puts a work that nobody waits for
    on the disk while the database is away and tells whether it is there.
    """

    store: Callable[[Any, Sequence[Any], list[Row]], Sequence[Any]]
    item: Any
    station_id: int
    size: int = 0
    writes: bool = False
    then: Callable[[Any], None] | None = None
    trace: Any = None
    spool: Callable[[], bool] | None = None


Work = Job | Together


def unheard(result: object) -> None:
    """Nobody waits for a work, so nobody else would hear of its failure."""
    if isinstance(result, Exception):
        log.error("something was not stored: %s", str(result)[:500])


def in_rounds(works: Sequence[Work]) -> list[dict[Any, list[int]]]:
    """The places of works that are done in sets, by their `store`, a round for each of a station's.

    The second works of stations come in the second round, and so on.
    """
    rounds: list[dict[Any, list[int]]] = []
    before: dict[int, int] = {}
    for place, work in enumerate(works):
        if isinstance(work, Together):
            turn = before.get(work.station_id, 0)
            before[work.station_id] = turn + 1
            if turn == len(rounds):
                rounds.append({})
            rounds[turn].setdefault(work.store, []).append(place)
    return rounds


def spooled(works: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    """Have works on the disk that can be there; return those that are, and all others."""
    keeping = {
        place: gevent.spawn(work.spool)
        for place, work in enumerate(works)
        if isinstance(work, Together) and work.spool is not None
    }
    gevent.joinall(list(keeping.values()))
    kept: list[Work] = []
    rest: list[Work] = []
    for place, work in enumerate(works):
        (kept if place in keeping and keeping[place].value else rest).append(work)
    return kept, rest


class Teller:
    """Wakes those who wait: in the loop itself, in their order, and in bites.

    A charger's greenlet goes on within its turn: it sends its answer and reads what came meanwhile.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque()
        #: Set while nobody waits to be told.
        self.done = Event()
        self.done.set()

    def tell(self, works: Sequence[Work], results: Sequence[Any]) -> None:
        """Have all who wait for these works told."""
        told = zip(works, results, strict=True)
        self.wake((w.then, it) for w, it in told if it is not NOT_YET and w.then is not None)

    def wake(self, told: Iterable[tuple[Callable[[Any], None], Any]]) -> None:
        """Have each of these called with what came of it."""
        self._waiting.extend(told)
        if self._waiting and self.done.is_set():
            self.done.clear()
            gevent.get_hub().loop.run_callback(self._bite)

    def _bite(self) -> None:
        began = time.monotonic()
        try:
            while self._waiting:
                then, result = self._waiting.popleft()
                try:
                    then(result)
                except Exception:
                    log.exception("what follows a work failed")
                if time.monotonic() - began > pace.BITE_S:
                    break
        finally:
            if self._waiting:
                pace.after_others(self._bite)
            else:
                self.done.set()


class Waiter:
    """The greenlet that waits for what comes of its work: a switch, and nothing scheduled."""

    __slots__ = ("_greenlet", "_result")

    def __init__(self) -> None:
        self._greenlet: Any = greenlet.getcurrent()
        self._result: Any = NOT_YET

    def __call__(self, result: object) -> None:
        self._result = result
        if self._greenlet is not None:
            self._greenlet.switch()

    def wait(self) -> Any:
        """What came of it; raises what it raised."""
        hub = gevent.get_hub()
        try:
            while self._result is NOT_YET:
                hub.switch()
        finally:
            self._greenlet = None
        if isinstance(self._result, Exception):
            raise self._result
        return self._result
