"""A session cut into stretches in which no price can change.

Cuts fall where the wall clock, the energy or the duration passes a limit of the
tariff, where charging or idle time begins or ends, and where a grace ends.  At
every cut the meter is read as a register of whole watt-hours and the clock in
whole seconds, both rounded half up, so that the parts always add up to the whole.
"""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from app.domain.money.tariffs.quote import Interval, Usage
from app.domain.money.tariffs.tariff import MINUTE_US, Kind, Tariff

_US = timedelta(microseconds=1)
_SECOND_US = 1_000_000
_DAY = timedelta(days=1)
_DAY_MIN = 24 * 60

Span = tuple[int, int]  # microseconds since the session's start
Cut = tuple[int, Decimal]  # the same, and the exact Wh there


@dataclass(frozen=True, slots=True)
class Slice:
    """One stretch; `exact_wh` and `elapsed_us` at its start decide which prices hold."""

    from_at: datetime
    to_at: datetime
    elapsed_us: int
    exact_wh: Decimal
    from_wh: int
    to_wh: int
    seconds: int
    charging: bool
    idle: bool
    idle_us: int  # idle time of the session before this stretch
    from_between: Interval | None
    to_between: Interval | None

    @property
    def energy_wh(self) -> int:
        """Whole Wh that flowed in the stretch."""
        return self.to_wh - self.from_wh


class Curve:
    """Cumulative energy over time, straight between readings, never falling."""

    def __init__(self, usage: Usage) -> None:
        self.start = usage.started_at
        self.end_us = max((usage.ended_at - usage.started_at) // _US, 0)
        level = Decimal(0)
        self.points: list[Cut] = [(0, level)]
        for at, value in sorted(usage.curve):
            level = max(level, value)
            point = (min(max((at - self.start) // _US, 0), self.end_us), level)
            if point != self.points[-1]:
                self.points.append(point)
        self.points.append((self.end_us, level))
        self._times = [time for time, _ in self.points]

    @property
    def total_wh(self) -> Decimal:
        """All energy of the session."""
        return self.points[-1][1]

    def at(self, time: int) -> tuple[Decimal, Decimal]:
        """The energy just before and just after an instant; they differ where it jumps."""
        left, right = bisect_left(self._times, time), bisect_right(self._times, time)
        if left < right:
            return self.points[left][1], self.points[right - 1][1]
        (t0, e0), (t1, e1) = self.points[left - 1], self.points[left]
        value = e0 + (e1 - e0) * (time - t0) / (t1 - t0)
        return value, value

    def reaches(self, energy_wh: Decimal) -> int | None:
        """When the energy is first reached, to the microsecond."""
        for (t0, e0), (t1, e1) in zip(self.points, self.points[1:], strict=False):
            if e0 < energy_wh <= e1:
                part = (energy_wh - e0) * (t1 - t0) / (e1 - e0)
                return t0 + int(part.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        return None

    def between(self, time: int) -> Interval | None:
        """The readings around an instant, None where one stands there or no energy flows."""
        left = bisect_left(self._times, time)
        if left < len(self._times) and self._times[left] == time:
            return None
        before, after = self.points[left - 1], self.points[left]
        if before[1] == after[1]:
            return None
        return self.instant(before[0]), self.instant(after[0])

    def instant(self, time: int) -> datetime:
        """Microseconds since the start as an instant."""
        return self.start + time * _US


def slices(tariff: Tariff, usage: Usage) -> Iterator[Slice]:
    """The stretches of a session in order; together they hold all its time and energy."""
    curve = Curve(usage)
    charging = _spans(usage.charging, curve)
    idle = _spans(usage.idle, curve)
    times = {0, curve.end_us}
    times.update(edge for span in (*charging, *idle) for edge in span)
    times.update(_clock_cuts(tariff, usage, curve))
    times.update(_duration_cuts(tariff))
    times.update(_grace_cuts(tariff, idle))
    cuts: set[Cut] = set()
    for time in times:
        if 0 <= time <= curve.end_us:
            cuts.update((time, energy) for energy in curve.at(time))
    cuts.update(_energy_cuts(tariff, curve))
    idle_us = 0
    ordered = sorted(cuts)
    for (t0, e0), (t1, e1) in itertools.pairwise(ordered):
        is_idle = _covers(idle, t0)
        yield Slice(
            from_at=curve.instant(t0),
            to_at=curve.instant(t1),
            elapsed_us=t0,
            exact_wh=e0,
            from_wh=_whole(e0),
            to_wh=_whole(e1),
            seconds=_seconds(t1) - _seconds(t0),
            charging=_covers(charging, t0),
            idle=is_idle,
            idle_us=idle_us,
            from_between=curve.between(t0),
            to_between=curve.between(t1),
        )
        idle_us += t1 - t0 if is_idle else 0


def _whole(energy_wh: Decimal) -> int:
    return int(energy_wh.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _seconds(time: int) -> int:
    return (time + _SECOND_US // 2) // _SECOND_US


def _spans(intervals: Iterable[Interval], curve: Curve) -> list[Span]:
    """The intervals within the session, in order, overlapping ones joined."""
    merged: list[Span] = []
    for from_at, to_at in sorted(intervals):
        low = max((from_at - curve.start) // _US, 0)
        high = min((to_at - curve.start) // _US, curve.end_us)
        if low >= high:
            continue
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _covers(spans: Sequence[Span], time: int) -> bool:
    return any(low <= time < high for low, high in spans)


def _clock_cuts(tariff: Tariff, usage: Usage, curve: Curve) -> set[int]:
    minutes: set[int] = set()
    for component in tariff.components:
        when = component.when
        if when.from_minute is not None and when.until_minute is not None:
            minutes |= {when.from_minute, when.until_minute}
        if when.weekdays or when.date_from or when.date_to:
            minutes.add(0)
    end = curve.instant(curve.end_us)
    found = boundaries(ZoneInfo(usage.timezone), usage.started_at, end, minutes)
    return {(instant - usage.started_at) // _US for instant in found}


def _duration_cuts(tariff: Tariff) -> set[int]:
    found = {tariff.free_minutes * MINUTE_US}
    for component in tariff.components:
        for minutes in (component.when.duration_from_min, component.when.duration_to_min):
            if minutes is not None:
                found.add(minutes * MINUTE_US)
    return found


def _grace_cuts(tariff: Tariff, idle: Sequence[Span]) -> set[int]:
    """Where the idle time of the session reaches the grace of an idle component."""
    found = set()
    graces = {c.grace_minutes * MINUTE_US for c in tariff.components if c.kind is Kind.IDLE}
    for grace in graces:
        left = grace
        for low, high in idle:
            if left < high - low:
                found.add(low + left)
                break
            left -= high - low
    return found


def _energy_cuts(tariff: Tariff, curve: Curve) -> set[Cut]:
    found: set[Cut] = set()
    for component in tariff.components:
        for limit in (component.when.energy_from_kwh, component.when.energy_to_kwh):
            if limit is not None and limit > 0:
                time = curve.reaches(limit * 1000)
                if time is not None:
                    found.add((time, limit * 1000))
    return found


def boundaries(
    zone: ZoneInfo, start: datetime, end: datetime, minutes: Iterable[int]
) -> set[datetime]:
    """The instants between `start` and `end` at which the clock may pass one of some minutes.

    All comparisons are made with the wall clock as it shows at an instant.  In the
    hour that a clock repeats in autumn a window may therefore hold twice, and in
    the hour that it leaves out in spring a boundary is passed by the jump itself.
    Changes of the zone's offset belong to them; an instant too many does no harm.
    """
    wanted = {minute % _DAY_MIN for minute in minutes}
    if not wanted:
        return set()
    found = set()
    day = start.astimezone(zone).date() - _DAY
    last = end.astimezone(zone).date() + _DAY
    while day <= last:
        for minute in wanted:
            naive = datetime(day.year, day.month, day.day, minute // 60, minute % 60)
            for fold in (0, 1):
                found.add(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC))
        day += _DAY
    found.update(_offset_changes(zone, start, end))
    return {instant for instant in found if start < instant < end}


def _offset_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants, to the second, at which the zone's offset from UTC changes."""
    low = start.replace(microsecond=0)
    while low < end:
        high = min(low + _DAY, end + timedelta(seconds=1))
        if _offset(zone, low) != _offset(zone, high):
            yield _change_between(zone, low, high)
        low = high


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
