"""The loop's time, which all chargers share: how late it is, and how fast each of them is read."""

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import gevent
from gevent import monkey

from app.domain.network.presence import SLOW_MS

log = logging.getLogger(__name__)

#: From this on a stall is a finding, in seconds.
ALARM_S = SLOW_MS / 1000
#: How often the watch wakes; a warning is given at most so often.
_WAKE_S = 0.05
_SAY_S = 5.0
_UNKNOWN = "no work of a charger explains it: the computer may be busy"
#: A loop that has not turned for so long is looked into, and one that stands still is told of.
LOOKS_S = 0.25
_STANDS_STILL_S = 10.0
#: So many of the innermost calls of ours say what held the loop.
_CALLS = 4
_OURS = str(Path(__file__).resolve().parent.parent) + os.sep


class Lag:
    """The loop's lateness in seconds: `now_s` fades, `taken_worst_s` is since it was last asked.

    `pressure_s` fades fast: how long those who come now wait for the loop or for a commit.

    One thread serves every charger, and what holds it up holds up all.  The watch wakes often and
    sees how late it is.  Whoever does something that may take long says what it was (`note`), so
    that a stall can be told with the work that was in hand.  What nobody noted is seen by a thread
    of its own: it looks at what runs when the loop has not turned for a while.
    """

    def __init__(self) -> None:
        self.now_s = self.pressure_s = 0.0
        self._worst_s = 0.0
        self._longest: tuple[float, str] = (0.0, "")
        self._said_at = 0.0
        self._collecting_since = 0.0
        self._turned_at = 0.0
        self._held_by = ""

    def note(self, about: str, took_s: float) -> None:
        """Remember a piece of work that took so long, if it is the longest of late."""
        if took_s > self._longest[0]:
            self._longest = (took_s, about)

    def stored(self, took_s: float) -> None:
        """Take in how long somebody waited for a commit."""
        self.pressure_s = max(self.pressure_s, took_s)

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
        """Measure until this greenlet is ended."""
        self._turned_at = time.monotonic()
        start, me = (
            monkey.get_original("_thread", name) for name in ("start_new_thread", "get_ident")
        )
        ended: list[bool] = []
        start(self._look_on, (me(), ended))
        try:
            while True:
                before = time.monotonic()
                gevent.sleep(_WAKE_S)
                self.seen(time.monotonic() - before - _WAKE_S)
        finally:
            ended.append(True)

    def seen(self, late_s: float) -> None:
        """Take in that the watch woke so late."""
        self._turned_at = time.monotonic()
        self.now_s = max(late_s, self.now_s * 0.98)
        self.pressure_s = max(late_s, self.pressure_s * 0.8)
        self._worst_s = max(late_s, self._worst_s)
        now = time.monotonic()
        if late_s >= ALARM_S and now - self._said_at >= _SAY_S:
            self._said_at = now
            took_s, about = self._longest
            cause = f"the longest work was {about}, {took_s * 1000:.0f} ms" if about else _UNKNOWN
            where = f"; the loop was held in {self._held_by}" if self._held_by else ""
            log.warning("all chargers waited for %d ms; %s%s", late_s * 1000, cause, where)
        self._held_by = ""
        if late_s < _WAKE_S:
            self._longest = (0.0, "")

    def _look_on(self, looped: int, ended: list[bool]) -> None:
        """Look from a thread beside the loop at what holds it; the loop itself tells of that.

        Nothing here may wait by gevent, which belongs to the loop, so nothing is logged, either:
        only where the loop stands still for good a line goes out by itself.
        """
        sleep, told_of = monkey.get_original("time", "sleep"), 0.0
        while not ended:
            sleep(LOOKS_S / 2)
            turned_at = self._turned_at
            held_s = time.monotonic() - turned_at
            if held_s > LOOKS_S + _WAKE_S and not self._held_by:
                self._held_by = _calls_of_ours(sys._current_frames().get(looped))
            if held_s > _STANDS_STILL_S and told_of != turned_at:
                told_of = turned_at
                line = f"worker: nothing has turned for {held_s:.0f} s; in {self._held_by}\n"
                os.write(2, line.encode())


def _calls_of_ours(frame: FrameType | None) -> str:
    """The innermost calls of the product, the innermost last."""
    calls: list[str] = []
    while frame is not None and len(calls) < _CALLS:
        code = frame.f_code
        if code.co_filename.startswith(_OURS) and ".venv" not in code.co_filename:
            name = code.co_filename.removeprefix(_OURS)
            calls.insert(0, f"{name}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " > ".join(calls)


#: Of this process's loop.
LAG = Lag()


#: So long a pause takes the loop once round: to sockets and to timers.
_ONCE_ROUND_S = 1e-6


def others_turn() -> None:
    """Let all others have a turn, those too whose messages lie in their sockets.

    A pause of 0 does not: up to fifty such pieces come before the loop looks at a socket again.
    """
    gevent.sleep(_ONCE_ROUND_S)


def after_others(call: Callable[[], object]) -> None:
    """Have the loop itself do `call` once all others have had a turn."""
    gevent.spawn_later(_ONCE_ROUND_S, gevent.get_hub().loop.run_callback, call)


#: Work of the loop that takes long gives others their turn after so much of it, in seconds.
BITE_S = 0.01


class Bites:
    """Long work in bites by measured time: `next` is called between two pieces of it."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def next(self) -> None:
        """Let others have their turn once a bite has been long enough."""
        if time.monotonic() - self._began > BITE_S:
            others_turn()
            self._began = time.monotonic()


#: What is known of a set's cost fades by this with each further set; so often one is half as large,
#: so that there are different ones to compare.
_FADES, _HALVED = 0.9, 4


class Portion:
    """How many things go into one commit, `least` at first, so that others wait no longer for that.

    A set takes the time of a commit and that of each thing in it; which is which sets of different
    sizes tell (least squares).  The things together may take `aims_s` seconds, or as long as the
    commit by itself: where that is slow, fewer of them would make nobody wait less, and all take
    far longer.
    """

    def __init__(self, least: int, most: int, aims_s: float) -> None:
        self.size = least
        self._least, self._most, self._aims_s = least, most, aims_s
        self._sums = [0.0] * 5
        self._turn = 0

    def next(self) -> int:
        """How many to do now."""
        self._turn = (self._turn + 1) % _HALVED
        return self.size if self._turn else max(1, self.size // 2)

    def took(self, count: int, seconds: float) -> None:
        """Take in how long a set of so many took."""
        told = (1.0, count, count * count, seconds, count * seconds)
        self._sums = [_FADES * known + new for known, new in zip(self._sums, told, strict=True)]
        sets, *sums = self._sums
        number, square, time_s, product = (each / sets for each in sums)
        spread = square - number * number
        each_s = (product - number * time_s) / spread if spread > 1 else time_s / number
        each_s = min(max(each_s, 0.0), time_s / number)
        room_s = max(self._aims_s, time_s - each_s * number)
        grown = min(self.size + max(self._least, self.size // 4), self._most)
        wanted = min(grown, room_s / each_s) if each_s else grown
        self.size = max(self._least, int(wanted))


#: Calls per second and charger that are read without delay, and how many may come in one go.
READ_RATE, READ_BURST = 500.0, 1000.0
#: The same in bytes of text, and in objects of JSON (a sampled value is one).
BYTE_RATE, BYTE_BURST = float(1 << 20), float(8 << 20)
ITEM_RATE, ITEM_BURST = 10_000.0, 60_000.0
#: Who has to be slowed down without a break for this long is cut off (FIELD section 4).
FLOOD_S = 300.0


class Flood(Exception):
    """The charger has been too fast for minutes on end."""


class Pace:
    """How fast one charger is read: bursts at once, a flood slowly, what never ends not at all.

    Token buckets in seconds of a steady clock; nothing is dropped for coming too fast.  A message
    counts by itself, by its bytes (once inflated) and by the objects in it, for each of the three
    can be what a charger drowns the others with.
    """

    __slots__ = ("_at", "_bytes", "_flood_s", "_items", "_messages", "_slowed_at")

    def __init__(self, now: float, flood_s: float) -> None:
        self._messages = READ_BURST
        self._bytes = BYTE_BURST
        self._items = ITEM_BURST
        self._at = now
        self._flood_s = flood_s
        self._slowed_at: float | None = None

    def kept(self, size: int, items: int) -> float:
        """Wait for as long as `wait_s` says and return what time it is then; raises Flood."""
        now = time.monotonic()
        if not (wait_s := self.wait_s(now, size, items)):
            return now
        gevent.sleep(wait_s)
        return time.monotonic()

    def more(self, messages: int) -> None:
        """Count messages that came in one text with another: what comes next waits for them."""
        self._messages -= messages

    def wait_s(self, now: float, size: int = 0, items: int = 0) -> float:
        """How long the message that has just come must wait; raises Flood.

        `size` is its length in bytes, `items` how many objects it holds.
        """
        passed_s = now - self._at
        self._at = now
        messages = self._messages + passed_s * READ_RATE
        octets = self._bytes + passed_s * BYTE_RATE
        objects = self._items + passed_s * ITEM_RATE
        self._messages = (messages if messages < READ_BURST else READ_BURST) - 1.0
        self._bytes = (octets if octets < BYTE_BURST else BYTE_BURST) - size
        self._items = (objects if objects < ITEM_BURST else ITEM_BURST) - items
        if self._messages >= 0 and self._bytes >= 0 and self._items >= 0:
            self._slowed_at = None
            return 0.0
        if self._slowed_at is None:
            self._slowed_at = now
        if now - self._slowed_at > self._flood_s:
            raise Flood
        return -min(
            self._messages / READ_RATE, self._bytes / BYTE_RATE, self._items / ITEM_RATE, 0.0
        )
