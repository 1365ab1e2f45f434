"""A station's clock, which may start in the past and hurry until it has caught up.

Hours of charging can so be played in a minute with timestamps that agree with the meter and never
lie in the future: a clock that merely ran faster would soon leave the present behind.
"""

import time
from datetime import UTC, datetime


class Clock:
    """Runs at `speed` from `backlog_s` seconds ago until now, then like any clock.

    Station time is in Unix seconds.  With a speed of 1 the backlog is ignored.
    """

    __slots__ = ("_began", "_offset_s", "speed")

    def __init__(self, speed: float = 1.0, backlog_s: float = 0.0) -> None:
        self.speed = max(1.0, speed)
        self._began = time.time()
        self._offset_s = backlog_s if self.speed > 1.0 else 0.0

    def now(self) -> float:
        """The station's time."""
        real = time.time()
        return min(self._began - self._offset_s + (real - self._began) * self.speed, real)

    def instant(self) -> datetime:
        """The station's time as an aware datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def wait_s(self, until: float) -> float:
        """Real seconds from now until the station's clock shows `until`."""
        if self.speed > 1.0 and until < self._began + self._offset_s / (self.speed - 1.0):
            until = self._began + (until - self._began + self._offset_s) / self.speed
        return max(0.0, until - time.time())
