"""Which time to believe: the charger's where it can be true, else when we received it.

A clock that is off by more than `TOLERANCE` is told from an offline memory by
its constancy: the times of what is replayed come closer to now with each
message, those of a wrong clock keep their distance.  Pure, but for giving way to others.

`Times` counts how long things took.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from app.domain.ground.errors import Invalid

#: A clock may be off by this much and is left as it is: what lies between two times stays true.
TOLERANCE = timedelta(minutes=5)
#: No charger that we talk to has measured anything before this.
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
#: What is reported later than this is believed and looked at by a person.
OLD = timedelta(days=30)

#: Two messages of one wrong clock agree about its offset to this.
AGREE = timedelta(seconds=10)
#: They arrive so far apart: what is replayed in one breath may agree by chance.
APART = timedelta(minutes=1)
#: So much of an instant in ISO 8601 says its second.
SECOND = len("2026-03-02T09:00:07")
#: Nothing is on its way for so long while the connection is open.
ON_ITS_WAY = timedelta(minutes=15)

Row = TypeVar("Row")

#: When a message arrived, and how far its time lay ahead of that, in seconds.
Sample = tuple[datetime, float]


@cache
def time_zones() -> tuple[str, ...]:
    """The names of all time zones in their order.

    The files that tell them are looked through once: it takes six milliseconds.
    """
    return tuple(sorted(available_timezones()))


def zone_name(name: str) -> str:
    """Return the name of a time zone; raises `Invalid` when there is none of that name."""
    name = name.strip()
    if not name:
        raise Invalid("Name the time zone, like Europe/Berlin.", field="timezone")
    if name not in time_zones():
        raise Invalid(
            f"{name[:60]} is no time zone; it should look like Europe/Berlin.", field="timezone"
        )
    return name


def believable(claimed: datetime | None, received_at: datetime) -> tuple[datetime, bool]:
    """Return the instant to do business with, and whether it had to be replaced.

    A missing time is no doubt (the message came when it came); one from before
    2015 or more than five minutes ahead is (FIELD T2).  Any other age may be
    that of an offline memory.
    """
    if claimed is None:
        return received_at, False
    if EARLIEST <= claimed <= received_at + TOLERANCE:
        return claimed, False
    return received_at, True


def correction(
    claimed: datetime, received_at: datetime, offset: timedelta, *, fixed: bool = False
) -> timedelta:
    """What is to be taken from the times of a message, by the known offset of its clock.

    A time that is right as it stands says that the clock was set meanwhile
    (unless its offset is `fixed` by hand); one that would lie in the future when
    corrected is not of that clock.
    """
    right = abs(claimed - received_at) <= TOLERANCE
    if not offset or (right and not fixed) or claimed - offset > received_at + TOLERANCE:
        return timedelta()
    return offset


def offset_of(
    samples: Sequence[Sample], claimed: datetime, received_at: datetime, connected_at: datetime
) -> float | None:
    """The offset of a clock in seconds, as far as this message and earlier ones make it certain.

    One message is enough where it can be no replay: it lies in the future, or
    well inside of the connection, and nothing is on its way any more.  Else
    another has to agree with it; in the past, one from a while ago.
    """
    ahead = (claimed - received_at).total_seconds()
    settled = received_at - connected_at > ON_ITS_WAY
    inside = claimed > connected_at + APART and received_at - claimed > ON_ITS_WAY
    if settled and (ahead > 0 or inside):
        return ahead
    agreeing = [
        other
        for at, other in samples
        if abs(other - ahead) <= AGREE.total_seconds() and (ahead > 0 or received_at - at >= APART)
    ]
    # A message is late by its way, and never early.
    return max(ahead, *agreeing) if agreeing else None


def instant(typed: datetime, zone: str, *, field: str | None = None) -> datetime:
    """The instant of a time that people type on a zone's clock; one with an offset is taken so.

    Raises `Invalid` for a time that the clock leaves out in spring or shows twice
    in autumn: which of the two is meant nobody can tell.
    """
    if typed.tzinfo is not None:
        return typed.astimezone(UTC)
    place = ZoneInfo(zone)
    try:
        first, second = (typed.replace(tzinfo=place, fold=n).astimezone(UTC) for n in (0, 1))
    except OverflowError:
        raise Invalid("This time lies outside all calendars in use.", field=field) from None
    clock = typed.strftime("%H:%M")
    if first.astimezone(place).replace(tzinfo=None) != typed:
        sentence = f"There is no {clock} on that day in {zone}: the clocks go forward over it."
        raise Invalid(sentence, field=field)
    if first != second:
        sentence = (
            f"It is {clock} twice on that day in {zone}, because the clocks go back: "
            "choose a time before or after that hour."
        )
        raise Invalid(sentence, field=field)
    return first


def let_others_run() -> None:
    """Give way to whatever else this process does.

    Under gevent long work that waits for nothing, as any on SQLite, would stop all other greenlets.
    """
    time.sleep(0)


#: Whoever makes a file lets others run after so long of its own, in seconds: a page goes on for
#: longer (`app.uow.SQLITE_PAUSE_S`), so that one beside a file takes hardly longer than alone.
TURN_S = 0.001
#: To ask how long costs some microseconds: it is done once in so many rows.
LOOKS = 5


def giving_way(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows to somebody who writes a file of them, and let others run meanwhile.

    What counts is the time of the processor: on a busy computer that of the clock is mostly
    others', and a page would give way at each step.
    """
    since = time.thread_time()
    for number, row in enumerate(rows, 1):
        yield row
        if number % LOOKS == 0 and time.thread_time() - since > TURN_S:
            let_others_run()
            since = time.thread_time()


#: Upper ends in seconds of the classes that times are counted in; the last class has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Times:
    """Figures of one kind, each counted in its class, and their sum.

    One thread counts, so there is no lock: a message costs a fifth of a microsecond.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, figure: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, figure)] += 1
        self.total += figure

    def merge(self, other: "Times") -> None:
        """Count all of another's."""
        self.counts = [mine + more for mine, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """How many were not above each bound, as Prometheus wants it."""
        ends = [*(str(bound) for bound in self.bounds), "+Inf"]
        return list(zip(ends, map(float, accumulate(self.counts)), strict=True))
