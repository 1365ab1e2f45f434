"""Readings gathered into frames: what each measurand said at one instant."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from app.domain.charging.energy.plausibility import RESOLUTION_WH, seconds_between
from app.domain.charging.energy.readings import BEGIN, END, INTERVAL, POWER, Reading, total_of

_ZERO = Decimal(0)


class Point(NamedTuple):
    """One value of a measurand at one instant, with the readings that make it."""

    at: datetime
    value: Decimal
    readings: tuple[Reading, ...] = ()
    summed: bool = False
    context: str | None = None
    received: int = 0


def distinct(readings: Iterable[Reading]) -> list[Reading]:
    """The readings without repetitions, whatever order they come in.

    A replayed reading is known by its instant, measurand, phase, location and
    context; of two with different values the first received counts.
    """
    kept: dict[tuple[object, ...], Reading] = {}
    for reading in sorted(readings, key=_by_arrival):
        phase, location = reading.phase, reading.location
        key = (
            reading.taken_at,
            reading.measurand,
            phase.strip().upper() if phase else "",
            location.strip().casefold() if location else "",
            reading.context or "",
        )
        kept.setdefault(key, reading)
    return list(kept.values())


def _by_arrival(reading: Reading) -> tuple[int, Decimal]:
    return reading.received, reading.value


def points_of(readings: Iterable[Reading], measurand: str) -> list[Point]:
    """One point per instant and context at which the measurand was told, in order of time."""
    frames: dict[tuple[datetime, str | None], list[Reading]] = {}
    for reading in readings:
        if reading.measurand == measurand:
            key = (reading.taken_at, reading.context or None)
            if key in frames:
                frames[key].append(reading)
            else:
                frames[key] = [reading]
    points = []
    for (at, context), members in frames.items():
        total = total_of(members, measurand)
        if total is not None:
            received = members[0].received
            if len(members) > 1:
                received = min(member.received for member in members)
            points.append(Point(at, total[0], tuple(members), total[1], context, received))
    if any(after.at <= before.at for before, after in pairwise(points)):
        points.sort(key=_in_time)
    return points


_RANKS = {BEGIN: 0, END: 2}


def _in_time(point: Point) -> tuple[datetime, int, Decimal]:
    return point.at, _RANKS.get(point.context or "", 1), point.value


def in_order(points: Sequence[Point]) -> tuple[list[Point], bool]:
    """Points (as `points_of` gives them) in the order they were taken, and whether the clock
    contradicts them.

    Where the register falls in the order of the charger's clock but never in
    the order of arrival, the clock jumped and the order of arrival is the true one.
    """
    if _falls(points):
        arrived = sorted(points, key=lambda point: (point.received, *_in_time(point)))
        if not _falls(arrived):
            return arrived, True
    return list(points), False


def _falls(points: Sequence[Point]) -> bool:
    return any(
        after.value < before.value and after.value < before.value - RESOLUTION_WH
        for before, after in pairwise(points)
    )


def intervals_of(readings: Iterable[Reading]) -> tuple[list[Point], list[Point]]:
    """The interval energies of the longest series of one context, and those of the others.

    Two contexts may tell the same energy twice, or one go on where the other ends.
    """
    series: dict[str, list[Point]] = {}
    for point in points_of(readings, INTERVAL):
        series.setdefault(point.context or "", []).append(point)
    if not series:
        return [], []
    longest = max(series, key=lambda context: (len(series[context]), context))
    others = [point for context, points in series.items() if context != longest for point in points]
    return series[longest], others


def power_of(readings: Iterable[Reading]) -> list[Point]:
    """The measured power, one point per instant."""
    points = {point.at: point for point in points_of(readings, POWER)}
    return list(points.values())


def integral_wh(points: Sequence[Point]) -> Decimal:
    """The energy under a series of powers in W, in Wh, straight lines between them."""
    total = _ZERO
    for before, after in pairwise(points):
        mean = max((before.value + after.value) / 2, _ZERO)
        total += mean * seconds_between(before.at, after.at) / 3600
    return total
