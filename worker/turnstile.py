"""At which pace chargers that were let in begin to be served, when many come at once.

Each of them costs the connected some of their time: its handshake is read, its row is written, then
it boots and tells its statuses.  So handshakes are looked at in bites, with turns of the connected
between, and the pace of what follows is what these feel: it grows while commits and the loop are
quick, and falls as soon as they are slow.  Whoever would wait too long is told when to come again.
"""

import random
import time
from collections import deque

import gevent
from gevent.event import Event

from worker.ocpp.refusals import Turns
from worker.pace import LAG
from worker.works import Teller, Waiter

#: Chargers a second: the pace at first, at least and at most.
FIRST, LEAST, MOST = 250.0, 50.0, 1_000.0
#: So many that come together go through at once.
BURST = 50.0
#: Commits or a loop as slow as this, in seconds, slow the newcomers down; as quick as that do not.
SLOW_S, QUICK_S = 0.15, 0.08
_TICK_S = 0.02
#: How the pace changes: chargers a second that are added in each second, and what is left of it
#: after each `_FALLS_S` seconds of slow commits.
_GROWS, _FALLS, _FALLS_S = 400.0, 0.6, 0.25
#: In so many seconds the usual pace follows: a crowd's first second says little of the next ten.
_USUAL_S = 10.0


class Turnstile:
    """Lets one after another through; nobody waits longer than `patience_s` seconds."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.pace = self.usual = FIRST
        self._free = BURST
        self._at = self.fell_at = time.monotonic()
        self._waiting: deque[Event] = deque()
        self._turns = Turns()
        self._line = Teller()

    def __len__(self) -> int:
        return len(self._waiting)

    def line_up(self) -> None:
        """Wait until one's handshake may be looked at."""
        turn = Waiter()
        self._line.wake([(turn, None)])
        turn.wait()

    def again_s(self) -> int | None:
        """None when it was one's turn, soon or after a wait; else in how many seconds to come."""
        now = time.monotonic()
        if not self._waiting:
            self._free = min(BURST, self._free + (now - self._at) * self.pace)
            self._at = now
            if self._free >= 1.0:
                self._free -= 1.0
                return None
            gevent.spawn(self._let_through)
        if len(self._waiting) >= self.usual * self._patience_s / 2:
            # Those who wait here go first, and newcomers keep coming between the turns.
            after_s = len(self._waiting) / self.usual * random.uniform(1.0, 1.5)
            return self._turns.next_s(now, self._every_s(), after_s)
        turn = Event()
        self._waiting.append(turn)
        if turn.wait(self._patience_s) or turn.is_set():
            return None
        self._waiting.remove(turn)
        return self._turns.next_s(time.monotonic(), self._every_s())

    def _every_s(self) -> float:
        """How far apart those who were sent away come again."""
        return 1.0 / self.usual

    def _let_through(self) -> None:
        """Give turns as long as somebody waits, and let the pace follow what others feel."""
        while self._waiting:
            gevent.sleep(_TICK_S)
            now = time.monotonic()
            passed_s, self._at = now - self._at, now
            self.adapt(now, passed_s)
            self._free = min(BURST, self._free + passed_s * self.pace)
            while self._waiting and self._free >= 1.0:
                self._free -= 1.0
                self._waiting.popleft().set()

    def adapt(self, now: float, passed_s: float) -> None:
        """Let the pace follow what the connected have felt since `passed_s` seconds ago."""
        if LAG.pressure_s < QUICK_S:
            self.pace = min(MOST, self.pace + _GROWS * passed_s)
        elif LAG.pressure_s > SLOW_S and now - self.fell_at > _FALLS_S:
            self.fell_at = now
            self.pace = max(LEAST, self.pace * _FALLS)
        self.usual += (self.pace - self.usual) * min(passed_s / _USUAL_S, 1.0)
