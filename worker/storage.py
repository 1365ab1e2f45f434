"""Whether the database is there, as the writers of this process find it, and who waits for it."""

import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent.event import Event

from app.extensions import AWAY

log = logging.getLogger(__name__)

#: A database that is away is tried again after so long, and at last only so often.
AWAY_PAUSE_S, LONGEST_AWAY_PAUSE_S = 0.5, 5.0
#: How long background work rests after a failure.
PAUSE_S = 2.0
#: Background work that has not ended so long after it was killed is killed again.
KILLED_S = 0.5


class StorageAway(Exception):
    """Nothing was stored: the database could not be reached."""


class Storage:
    """What the writers of this process know of the database: all learn what one finds.

    After a return that was short ago nothing is held for longer than that: a disk that is full may
    take a little now and then.  `dropped` counts rows of the log that were too many to be kept.
    """

    def __init__(self, hold_s: float) -> None:
        self.away = False
        self.back = Event()
        self.dropped = 0
        #: Has whoever tries whether it is back begin with that.
        self.missed: Callable[[], object] = lambda: None
        self._hold_s = hold_s
        self._turned_at = -hold_s
        self._pause_s = AWAY_PAUSE_S

    def holds(self, since: float) -> bool:
        """Whether what is tried since then, by `time.monotonic`, is to be held on to."""
        return not self.away and time.monotonic() - since < min(
            self._hold_s, since - self._turned_at
        )

    def failed(self, error: Exception) -> None:
        """It was tried for long enough."""
        if not self.away:
            self.away, self._turned_at = True, time.monotonic()
            log.error("the database is away: %s", str(error).strip().splitlines()[0][:300])
            self.missed()

    def stored(self) -> None:
        """A commit went through."""
        if self.away:
            log.warning("the database is back after %d s", time.monotonic() - self._turned_at)
            self.away, self._turned_at = False, time.monotonic()
            if self.dropped:
                log.error("%d rows of the message log were dropped meanwhile", self.dropped)
            self._pause_s, self.dropped = AWAY_PAUSE_S, 0
            self.back.set()

    def rest(self) -> None:
        """Wait until it is time to try again, or another writer has found it back."""
        self.back.clear()
        self.back.wait(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(self._pause_s * 1.5, LONGEST_AWAY_PAUSE_S)


def for_ever(work: Callable[[], Any]) -> None:
    """Keep a background greenlet going: Redis or the database may be away for a while."""
    said = ""
    while True:
        try:
            work()
        except (*AWAY, StorageAway) as error:
            if str(error) != said:
                log.warning("%s pauses: %s", work.__name__.strip("_"), error)
            said = str(error)
        except Exception:
            log.exception("%s failed", work.__name__)
        gevent.sleep(PAUSE_S)


def end(greenlet: gevent.Greenlet) -> None:
    """End a greenlet for good.

    One that is killed within a query rolls back, which fails as the query is not over: that looks
    like a database that is away, and the work goes on.  So it is killed until it has ended.
    """
    while not greenlet.ready():
        greenlet.kill(timeout=KILLED_S)


def at_last(work: Callable[[], Any], meanwhile: Callable[[], object]) -> None:
    """Do what comes before all else, however long storage is away; `meanwhile` each time it is."""
    while True:
        try:
            work()
        except (*AWAY, StorageAway) as error:
            log.warning("%s waits: %s", work.__name__.strip("_"), str(error).splitlines()[0][:300])
        else:
            return
        meanwhile()
        gevent.sleep(PAUSE_S)


def at_once(works: Iterable[Callable[[], Any]]) -> list[Any]:
    """Do all of it at the same time; return what each returned, or the failure that it raised."""
    every = [gevent.spawn(_tried, work) for work in works]
    gevent.joinall(every)
    return [one.value for one in every]


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # whoever waits tells of it
        return error


def raise_first(results: Iterable[Any]) -> None:
    """Raise the first failure among these."""
    for one in results:
        if isinstance(one, Exception):
            raise one


def guarded(work: Callable[..., Any], *arguments: object) -> None:
    """Do one thing of a round; what it raises is logged and keeps nothing else from being done."""
    try:
        work(*arguments)
    except (*AWAY, StorageAway) as error:
        log.warning("%s failed, it will be tried again: %s", work.__name__, error)
    except Exception:
        log.exception("%s failed", work.__name__)
