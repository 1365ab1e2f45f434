"""What stands in for a missing energy register: intervals, a net register, power."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from statistics import median_low

from app.domain.charging.energy.facts import EnergyFlag, Work
from app.domain.charging.energy.plausibility import JITTER_S, seconds_between
from app.domain.charging.energy.readings import (
    NET,
    Point,
    Reading,
    in_order,
    integral_wh,
    intervals_of,
    points_of,
    power_of,
)

_ZERO = Decimal(0)
_HALF = Decimal("0.5")
#: An interval may be late by this share of its usual length.
_LATE = Decimal("1.02")
_LATE_S = Decimal(30)
#: The last interval of a session that comes so soon is the one before, sent again.
_AT_ONCE_S = Decimal(5)
#: So many intervals are enough to tell a short first one from the usual length.
_MANY = 4


def by_intervals(
    readings: Sequence[Reading], started_at: datetime, ended_at: datetime | None
) -> Work | None:
    """The sum of energies that were reported per interval; `ended_at` None: it still runs.

    An interval ends at its instant and is as long as they usually are apart.
    One that is missing or comes twice is noticed; twice counts once.
    """
    series, others = intervals_of(readings)
    points = [point for point in series if point.value >= 0]
    if not points:
        return None
    work = Work("interval", initial=_ZERO, flags={EnergyFlag.INTERVAL_SUM})
    length = _length(points, started_at)
    points = _once(work, points, length)
    added = [point for point in others if point.value >= 0 and _is_apart(point, points, length)]
    if added:
        work.flags.add(EnergyFlag.INTERVAL_MIXED)
        points = sorted([*points, *added], key=lambda point: point.at)
    if length is not None and _has_gaps(points, length, started_at, ended_at):
        work.flags.add(EnergyFlag.INTERVAL_LOST)
    for point in points:
        work.wh += point.value
        work.curve.append((point.at, work.wh))
    work.used, work.final = points, work.wh
    if any(point.summed for point in points):
        work.flags.add(EnergyFlag.SUMMED_PHASES)
        if len({len(point.readings) for point in points}) > 1:
            work.flags.add(EnergyFlag.PHASE_LOST)
    return work


def _length(points: Sequence[Point], started_at: datetime) -> Decimal | None:
    """The usual length of an interval in seconds; None where a single one tells nothing.

    The first one may be short, by the clock; among many its length counts, too.
    """
    edges = [point.at for point in points]
    if len(points) >= _MANY:
        edges = [started_at, *edges]
    apart = [seconds_between(before, after) for before, after in pairwise(edges)]
    others = [seconds for seconds in apart if seconds > _AT_ONCE_S]
    return median_low(others) if others else None


def _once(work: Work, points: Sequence[Point], length: Decimal | None) -> list[Point]:
    """The intervals without those that come again at once; the last one may be short."""
    kept: list[Point] = []
    for number, point in enumerate(points):
        last = number == len(points) - 1
        apart = seconds_between(kept[-1].at, point.at) if kept else None
        if (
            apart is not None
            and length is not None
            and _is_again(point, kept[-1], apart, length, last=last)
        ):
            work.flags.add(EnergyFlag.INTERVAL_REPEATED)
            work.ignored.append(point)
            continue
        kept.append(point)
    return kept


def _is_again(point: Point, before: Point, apart: Decimal, length: Decimal, *, last: bool) -> bool:
    """Whether an interval comes too soon to be another one; the last of a session may be short."""
    if not last:
        return apart < length * _HALF
    return point.value == before.value > 0 and apart <= max(length / 20, _AT_ONCE_S)


def _is_apart(point: Point, points: Sequence[Point], length: Decimal | None) -> bool:
    """Whether an interval of another kind tells of a time that the series does not."""
    near = JITTER_S if length is None else length * _HALF
    after_all = point.at > points[-1].at and seconds_between(points[-1].at, point.at) > 1
    return after_all or all(
        max(seconds_between(other.at, point.at), seconds_between(point.at, other.at)) >= near
        for other in points
    )


def _has_gaps(
    points: Sequence[Point], length: Decimal, started_at: datetime, ended_at: datetime | None
) -> bool:
    """Whether a time of the session is in no interval."""
    jitter = min(_LATE_S, length * _HALF)
    most = length * _LATE + jitter
    edges = [started_at, *(point.at for point in points)]
    if any(seconds_between(before, after) > most for before, after in pairwise(edges)):
        return True
    tail = seconds_between(points[-1].at, ended_at) if ended_at is not None else _ZERO
    return tail > jitter + length / 10


def by_net(readings: Sequence[Reading]) -> Work | None:
    """The rise of a net register: what was given back is deducted, so it is held."""
    points, _ = in_order(points_of(readings, NET))
    if len(points) < 2:
        return None
    first, last = points[0], points[-1]
    work = Work("net", initial=first.value, final=last.value, used=points)
    work.flags = {EnergyFlag.NET_USED}
    work.wh = max(last.value - first.value, _ZERO)
    work.curve = [(point.at, point.value - first.value) for point in points]
    return work


def by_power(readings: Sequence[Reading]) -> Work | None:
    """An estimate from the measured power, never billed without review."""
    points = power_of(readings)
    if len(points) < 2:
        return None
    work = Work("power", initial=_ZERO, used=points, flags={EnergyFlag.INTEGRATED_POWER})
    for before, after in zip(points[:1] + points, points, strict=False):
        work.wh += integral_wh((before, after))
        work.curve.append((after.at, work.wh))
    work.final = work.wh
    return work
