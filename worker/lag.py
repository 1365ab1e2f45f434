"""How late the loop is: one thread serves every charger, and what holds it up holds up all.

The watch wakes often and sees how late it is.  Whoever does something that may take long says what
it was (`note`), so that a stall can be told with the work that was in hand.
"""

import logging
import time

import gevent

from app.domain.network.presence import SLOW_MS

log = logging.getLogger(__name__)

#: From this on a stall is a finding, in seconds.
ALARM_S = SLOW_MS / 1000
#: How often the watch wakes; a warning is given at most so often.
_WAKE_S = 0.05
_SAY_S = 5.0
_UNKNOWN = "no work of a charger explains it: the computer may be busy"


class Lag:
    """The loop's lateness in seconds: `now_s` fades, `taken_worst_s` is since it was last asked."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._worst_s = 0.0
        self._longest: tuple[float, str] = (0.0, "")
        self._said_at = 0.0
        self._collecting_since = 0.0

    def note(self, about: str, took_s: float) -> None:
        """Remember a piece of work that took so long, if it is the longest of late."""
        if took_s > self._longest[0]:
            self._longest = (took_s, about)

    def taken_worst_s(self) -> float:
        """The greatest lateness since the last call of this."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s

    def collecting(self, phase: str, info: dict[str, int]) -> None:
        """A callback for `gc.callbacks`: the collector stops everything, too."""
        if phase == "start":
            self._collecting_since = time.monotonic()
        else:
            self.note("collecting garbage", time.monotonic() - self._collecting_since)

    def watch(self) -> None:
        """Measure for ever."""
        while True:
            before = time.monotonic()
            gevent.sleep(_WAKE_S)
            self.seen(time.monotonic() - before - _WAKE_S)

    def seen(self, late_s: float) -> None:
        """Take in that the watch woke so late."""
        self.now_s = max(late_s, self.now_s * 0.98)
        self._worst_s = max(late_s, self._worst_s)
        now = time.monotonic()
        if late_s >= ALARM_S and now - self._said_at >= _SAY_S:
            self._said_at = now
            took_s, about = self._longest
            cause = f"the longest work was {about}, {took_s * 1000:.0f} ms" if about else _UNKNOWN
            log.warning("all chargers waited for %d ms; %s", late_s * 1000, cause)
        if late_s < _WAKE_S:
            self._longest = (0.0, "")


#: Of this process's loop.
LAG = Lag()
