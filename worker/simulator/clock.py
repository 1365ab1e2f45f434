"""A station's clock, which may start in the past and hurry until it has caught up.

Hours of charging can so be played in a minute with timestamps that agree with the meter and never
lie in the future: a clock that merely ran faster would soon leave the present behind.
"""

import time
from datetime import UTC, datetime


class Clock:
    """Runs at `speed` from `backlog_s` seconds ago until now, then like any clock.

    It stays `backlog_s` behind until `begin` is called, so that nothing is lost while a station
    still waits to be let in.  Station time is in Unix seconds.  With a speed of 1 there is no
    backlog.
    """

    __slots__ = ("_backlog_s", "_began", "speed")

    def __init__(self, speed: float = 1.0, backlog_s: float = 0.0) -> None:
        self.speed = max(1.0, speed)
        self._backlog_s = backlog_s if self.speed > 1.0 else 0.0
        self._began: float | None = None

    def begin(self) -> None:
        """Start to hurry; later calls change nothing."""
        if self._began is None:
            self._began = time.time()

    def now(self) -> float:
        """The station's time."""
        real = time.time()
        began = real if self._began is None else self._began
        return min(began - self._backlog_s + (real - began) * self.speed, real)

    def instant(self) -> datetime:
        """The station's time as an aware datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def wait_s(self, until: float) -> float:
        """Real seconds from now until the station's clock shows `until`."""
        began = time.time() if self._began is None else self._began
        if self.speed > 1.0 and until < began + self._backlog_s / (self.speed - 1.0):
            until = began + (until - began + self._backlog_s) / self.speed
        return max(0.0, until - time.time())
