"""Finding stations by their identity: read in sets, so that a thousand attempts cost few reads.

Whoever asks waits for a read that begins after the question: what is answered is what the database
says, and a station that was blocked a moment ago is seen as blocked.  What was read is kept for two
seconds more, only to refuse out of memory whoever has failed too often; nobody is let in by it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent.event import AsyncResult, Event
from sqlalchemy.exc import TimeoutError as TooSlow

log = logging.getLogger(__name__)

#: The shortest time between two reads, in seconds, and the most identities in one.
PAUSE_S = 0.02
MOST = 200
#: How long somebody waits for a read, in seconds.
PATIENCE_S = 10.0
#: How long what was read may refuse somebody, in seconds, and how many identities are kept.
KEPT_S = 2.0
KEPT = 10_000

Row = dict[str, Any]


class Lookup:
    """The one reader of stations for handshakes.

    `read` gets identities in their case-folded form and returns the rows that there are.
    """

    def __init__(self, read: Callable[[Sequence[str]], dict[str, Row]]) -> None:
        self._read = read
        self._wanted: dict[str, AsyncResult] = {}
        self._kept: dict[str, tuple[float, Row | None]] = {}
        self._asked = Event()
        self._said = ""
        self._reader = gevent.spawn(self._read_for_ever)

    def find(self, key: str) -> Row | None:
        """The row of a station as it is now; None: there is none.

        Raises what the read raised, or `TooSlow`.
        """
        result = self._wanted.get(key)
        if result is None:
            result = self._wanted[key] = AsyncResult()
            self._asked.set()
        try:
            row: Row | None = result.get(timeout=PATIENCE_S)
        except gevent.Timeout:
            if self._wanted.get(key) is result:
                del self._wanted[key]
            raise TooSlow("the database does not answer") from None
        return row

    def lately(self, key: str) -> tuple[Row | None] | None:
        """The row as it was at most two seconds ago, in a tuple; None when nobody has looked."""
        found = self._kept.get(key)
        if found is None or found[0] < time.monotonic():
            return None
        return (found[1],)

    def _read_for_ever(self) -> None:
        while True:
            # What is kept is forgotten in time: ten thousand chargers do not come often.
            self._asked.wait(KEPT_S if self._kept else None)
            self._asked.clear()
            while self._wanted:
                self._read_some()
                gevent.sleep(PAUSE_S)
            self._forget()

    def _forget(self) -> None:
        now = time.monotonic()
        while self._kept and next(iter(self._kept.values()))[0] < now:
            del self._kept[next(iter(self._kept))]

    def _read_some(self) -> None:
        """Answer those who ask; a failure is theirs, and the reader goes on."""
        keys = list(self._wanted)[:MOST]
        asking = {key: self._wanted.pop(key) for key in keys}
        try:
            rows = self._read(keys)
        except Exception as error:
            if str(error) != self._said:
                log.warning("the database cannot be asked about stations: %s", error)
            self._said = str(error)
            for result in asking.values():
                result.set_exception(error)
            return
        self._said = ""
        until = time.monotonic() + KEPT_S
        for key, result in asking.items():
            self._kept.pop(key, None)
            self._kept[key] = (until, rows.get(key))
            result.set(rows.get(key))
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
