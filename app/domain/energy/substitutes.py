"""What stands in for a missing energy register: intervals, a net register, power."""

from collections.abc import Sequence
from decimal import Decimal

from app.domain.energy.facts import EnergyFlag
from app.domain.energy.frames import in_order, integral_wh, intervals_of, points_of, power_of
from app.domain.energy.readings import NET, Reading
from app.domain.energy.work import Work

_ZERO = Decimal(0)


def by_intervals(readings: Sequence[Reading]) -> Work | None:
    """The sum of energies that were reported per interval."""
    points = [point for point in intervals_of(readings) if point.value >= 0]
    if not points:
        return None
    work = Work("interval", initial=_ZERO, used=points, flags={EnergyFlag.INTERVAL_SUM})
    for point in points:
        work.wh += point.value
        work.curve.append((point.at, work.wh))
    work.final = work.wh
    if any(point.summed for point in points):
        work.flags.add(EnergyFlag.SUMMED_PHASES)
    return work


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
