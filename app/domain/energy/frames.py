"""Readings gathered into frames: what each measurand said at one instant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from app.domain.energy.plausibility import RESOLUTION_WH, seconds_between
from app.domain.energy.readings import BEGIN, END, INTERVAL, POWER, Reading, total_of


@dataclass(frozen=True, slots=True)
class Point:
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
    kept: dict[tuple[datetime, str, str, str, str], Reading] = {}
    for reading in sorted(readings, key=lambda each: (each.received, each.value)):
        key = (
            reading.taken_at,
            reading.measurand,
            (reading.phase or "").strip().upper(),
            (reading.location or "").strip().casefold(),
            reading.context or "",
        )
        kept.setdefault(key, reading)
    return list(kept.values())


def points_of(readings: Iterable[Reading], measurand: str) -> list[Point]:
    """One point per instant and context at which the measurand was told, in order of time."""
    frames: dict[tuple[datetime, str], list[Reading]] = {}
    for reading in readings:
        if reading.measurand == measurand:
            frames.setdefault((reading.taken_at, reading.context or ""), []).append(reading)
    points = []
    for (at, context), members in frames.items():
        total = total_of(members, measurand)
        if total is not None:
            received = min(member.received for member in members)
            points.append(Point(at, total[0], tuple(members), total[1], context or None, received))
    return sorted(points, key=_in_time)


def _in_time(point: Point) -> tuple[datetime, int, Decimal]:
    rank = {BEGIN: 0, END: 2}.get(point.context or "", 1)
    return point.at, rank, point.value


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
    return any(after.value < before.value - RESOLUTION_WH for before, after in pairwise(points))


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
    total = Decimal(0)
    for before, after in pairwise(points):
        mean = max((before.value + after.value) / 2, Decimal(0))
        total += mean * seconds_between(before.at, after.at) / 3600
    return total
