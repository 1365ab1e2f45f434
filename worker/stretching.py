"""Comparing passwords with hashes that are slow on purpose: off the loop, a few at a time, fairly.

One comparison costs tens of milliseconds of a processor, so this is the dearest thing that a
stranger can ask for.  Threads of their own do it, so that commits never wait for a guess; the
addresses that wait take turns, so that one which sends five hundred guesses delays another by one.
"""

import contextlib
import os
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

from app.domain.network import credentials
from worker.ocpp.refusals import Reason, Refused, Throttle, Turns, network_of

#: Comparisons at once: half of the processors, for the rest of Ampdesk is there, too.
AT_ONCE = max(1, min(4, (os.cpu_count() or 2) // 2))
#: Who may wait: of one charger at one address, of one address, in all; and how long, in seconds.
OF_ONE_CHARGER, OF_ONE_ADDRESS, IN_ALL = 4, 100, 500
PATIENCE_S = 15.0


class Crowded(Exception):
    """Nothing was compared: the budget is used up or too many wait.  `refused` says so."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason.code)
        self.refused = refused


#: Those of one address that come with a new password, or again with the same: they go first.
_Queue = tuple[str, bool]


@dataclass(slots=True)
class _Wish:
    stored: str
    candidates: tuple[bytes, ...]
    done: AsyncResult = field(default_factory=AsyncResult)
    given_up: bool = False


class Stretching:
    """The queue in front of the slow hashes."""

    def __init__(self, throttle: Throttle, at_once: int = AT_ONCE) -> None:
        self._throttle = throttle
        self._pool = ThreadPool(at_once)
        self._at_once = at_once
        self._working = 0
        self._waiting: dict[_Queue, deque[_Wish]] = {}
        self._turns: dict[bool, deque[_Queue]] = {True: deque(), False: deque()}
        self._chargers: Counter[tuple[str, bool, str]] = Counter()
        self._count = {True: 0, False: 0}
        self._away = Turns()
        self._takes_s = 0.05

    def matching(
        self,
        stored: str,
        candidates: tuple[bytes, ...],
        address: str,
        identity: str,
        *,
        again: bool = False,
    ) -> bytes | None:
        """The candidate that the slow hash is of; None: none of them.  Raises `Crowded`.

        Waits for its turn, up to `PATIENCE_S` seconds.  `again`: the same password has come before
        and was not looked at; it has budget and places apart from those of ever new ones, and goes
        first.
        """
        refused = self._throttle.may_check(address, identity, time.monotonic(), again=again)
        if refused is not None:
            raise Crowded(refused)
        queue = (network_of(address), again)
        charger = (*queue, identity.casefold())
        if (
            self._chargers[charger] >= OF_ONE_CHARGER
            or len(self._waiting.get(queue, ())) >= OF_ONE_ADDRESS
        ):
            raise Crowded(Refused(Reason.THROTTLED, retry_after_s=5))
        if self._count[again] >= IN_ALL:
            raise Crowded(self._later())
        self._chargers[charger] += 1
        self._count[again] += 1
        try:
            return self._wait(_Wish(stored, candidates), queue)
        finally:
            self._count[again] -= 1
            self._chargers[charger] -= 1
            if not self._chargers[charger]:
                del self._chargers[charger]

    def _wait(self, wish: _Wish, queue: _Queue) -> bytes | None:
        if queue not in self._waiting:
            self._waiting[queue] = deque()
            self._turns[queue[1]].append(queue)
        self._waiting[queue].append(wish)
        if self._working < self._at_once:
            self._working += 1
            gevent.spawn(self._work)
        try:
            found: bytes | None = wish.done.get(timeout=PATIENCE_S)
        except gevent.Timeout:
            raise Crowded(self._later()) from None
        finally:
            wish.given_up = True
        return found

    def _work(self) -> None:
        """Compare until nobody waits: one of each address in turn."""
        try:
            while turns := self._turns[True] or self._turns[False]:
                queue = turns.popleft()
                crowd = self._waiting[queue]
                wish = crowd.popleft()
                if crowd:
                    turns.append(queue)
                else:
                    del self._waiting[queue]
                if not wish.given_up:
                    self._compare(wish)
        finally:
            self._working -= 1

    def _later(self) -> Refused:
        """When all those before it are compared, this one may come again, and goes first."""
        every_s = self._takes_s / self._at_once
        before_s = every_s * sum(self._count.values())
        again_s = self._away.next_s(time.monotonic(), every_s, after_s=max(1.0, before_s))
        return Refused(Reason.OVERLOADED, retry_after_s=again_s)

    def _compare(self, wish: _Wish) -> None:
        begin = time.monotonic()
        try:
            wish.done.set(self._pool.apply(_matching, (wish.stored, wish.candidates)))
            self._takes_s += (time.monotonic() - begin - self._takes_s) / 8
        except Exception as error:
            wish.done.set_exception(error)


def _matching(stored: str, candidates: tuple[bytes, ...]) -> Any:
    """In a thread that steps back when others want the processor (where threads can)."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    return next((given for given in candidates if credentials.matches(stored, given)), None)
