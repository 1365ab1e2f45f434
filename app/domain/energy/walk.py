"""Walk a register from the first to the last reading: resets, slips and jumps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.domain.energy.facts import EnergyFlag, Segment
from app.domain.energy.frames import Point
from app.domain.energy.plausibility import RESOLUTION_WH, step_limit_wh


@dataclass(slots=True)
class Walk:
    """What the walk found; `curve` is cumulative Wh at each accepted point."""

    total_wh: Decimal = Decimal(0)
    flags: set[EnergyFlag] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    curve: list[tuple[datetime, Decimal]] = field(default_factory=list)
    accepted: list[Point] = field(default_factory=list)
    ignored: list[Point] = field(default_factory=list)


def walk(points: Sequence[Point], max_power_w: Decimal | None) -> Walk:
    """Sum the rises of a register over `points`, the first of which is the start.

    A fall that lasts is a reset: what follows counts as a new segment, from
    zero if that much can have flowed since, else from the first reading after it.
    A reading that its neighbours contradict is left out.  A small fall, within
    the register's resolution, is no fall.
    """
    found = Walk()
    level = points[0].value
    opened = points[0]
    base = level
    last = points[0]
    _accept(found, last)
    skip_to = 0
    for index, point in enumerate(points[1:], start=1):
        if index < skip_to:
            continue
        limit = step_limit_wh(max_power_w, last.at, point.at)
        if point.value < level - RESOLUTION_WH:
            back = _comes_back(points, index, level, max_power_w)
            if back:
                found.ignored.extend(points[index:back])
                found.flags.add(EnergyFlag.OUTLIER_IGNORED)
                skip_to = back
                continue
            found.flags.add(EnergyFlag.REGISTER_RESET)
            found.segments.append(Segment(opened.at, last.at, base, level))
            base = Decimal(0) if Decimal(0) <= point.value <= limit else point.value
            found.total_wh += point.value - base
            opened, level = last, point.value
        elif point.value - level > limit and _is_spike(points, index, level, max_power_w):
            # A steep rise that stays is left to the limit of the whole session:
            # registers of whole kilowatt-hours, or told late, rise in such steps.
            found.ignored.append(point)
            found.flags.add(EnergyFlag.OUTLIER_IGNORED)
            continue
        if point.value > level:
            found.total_wh += point.value - level
            level = point.value
        last = point
        _accept(found, point)
    found.segments.append(Segment(opened.at, last.at, base, level))
    return found


def _accept(found: Walk, point: Point) -> None:
    found.accepted.append(point)
    found.curve.append((point.at, found.total_wh))


def _comes_back(
    points: Sequence[Point], index: int, level: Decimal, max_power_w: Decimal | None
) -> int:
    """The index at which the register stands at its old level again, 0 if it was a reset.

    Low readings between good ones are a slip if the way back up is steeper than
    the plug can deliver; if it is not, the register may have counted all the way.
    """
    for after in range(index + 1, len(points)):
        if points[after].value >= level - RESOLUTION_WH:
            before = points[after - 1]
            rise = points[after].value - before.value
            steep = rise > step_limit_wh(max_power_w, before.at, points[after].at)
            return after if steep else 0
    return 0


def _is_spike(
    points: Sequence[Point], index: int, level: Decimal, max_power_w: Decimal | None
) -> bool:
    """Whether a later reading continues plausibly from `level`, far below this one."""
    start = points[index - 1]
    return any(
        level - RESOLUTION_WH <= later.value < points[index].value - RESOLUTION_WH
        and later.value - level <= step_limit_wh(max_power_w, start.at, later.at)
        for later in points[index + 1 :]
    )
