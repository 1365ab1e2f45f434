"""Energy from the import register: the ordinary case and its oddities."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from app.domain.energy.facts import EnergyFacts, EnergyFlag, Segment
from app.domain.energy.frames import Point, in_order, points_of
from app.domain.energy.plausibility import (
    RESOLUTION_WH,
    limit_wh,
    seconds_between,
    step_limit_wh,
)
from app.domain.energy.readings import BEGIN, END, INTERVAL, NET, POWER, REGISTER, Reading
from app.domain.energy.walk import walk
from app.domain.energy.work import Work

SUBSTITUTES = (INTERVAL, NET, POWER)

_ZERO = Decimal(0)


def by_register(facts: EnergyFacts, readings: Sequence[Reading], ended_at: datetime) -> Work | None:
    """Energy from the import register and the registers of start and stop."""
    points, clock_jumped = in_order(points_of(readings, REGISTER))
    points = [point for point in points if point.value >= 0]
    stop = facts.meter_stop_wh
    initial = _initial_of(facts, points)
    highest = max([stop or _ZERO, *(point.value for point in points)])
    if initial is None or (
        initial == 0
        and highest == 0
        and any(r.measurand in SUBSTITUTES and r.value > 0 for r in readings)
    ):
        return None
    if stop is None and not points:
        return None
    work = Work("register", initial=initial)
    if clock_jumped:
        work.flags.add(EnergyFlag.CLOCK_INCONSISTENT)
    if any(point.summed for point in points):
        work.flags.add(EnergyFlag.SUMMED_PHASES)
    initial = _placeholder(work, facts, points, initial, ended_at)
    work.initial = initial
    if _session_relative(work, facts, points, initial, ended_at):
        return work
    _walk_register(work, facts, points, initial, ended_at)
    return work


def _initial_of(facts: EnergyFacts, points: Sequence[Point]) -> Decimal | None:
    if facts.meter_start_wh is not None and facts.meter_start_wh >= 0:
        return facts.meter_start_wh
    begin = next((point for point in points if point.context == BEGIN), None)
    if begin is None:
        begin = points[0] if points else None
    return begin.value if begin else None


def _placeholder(
    work: Work,
    facts: EnergyFacts,
    points: Sequence[Point],
    initial: Decimal,
    ended_at: datetime,
) -> Decimal:
    """The first plausible register, where a start of zero is no register (FIELD M11)."""
    real = [point for point in points if point.value > 0]
    if initial != 0 or not real:
        return initial
    last = facts.meter_stop_wh or real[-1].value
    whole = limit_wh(facts.max_power_w, seconds_between(facts.started_at, ended_at))
    first = step_limit_wh(facts.max_power_w, facts.started_at, real[0].at)
    if last <= whole or real[0].value <= first:
        return initial
    work.flags.add(EnergyFlag.BEGIN_ZERO_PLACEHOLDER)
    return real[0].value


def _session_relative(
    work: Work,
    facts: EnergyFacts,
    points: Sequence[Point],
    initial: Decimal,
    ended_at: datetime,
) -> bool:
    """Settle a session whose readings count from zero beside a lifetime start (FIELD M8)."""
    if not points or any(point.value >= initial - RESOLUTION_WH for point in points):
        return False
    rising = all(b.value >= a.value - RESOLUTION_WH for a, b in pairwise(points))
    if not rising or points[-1].value > initial / 2:
        return False
    stop = facts.meter_stop_wh
    highest = max(point.value for point in points)
    work.curve = [(point.at, point.value) for point in points]
    work.used = list(points)
    if stop is not None and stop >= initial:
        # Start and stop are of one register; the readings only draw the curve.
        work.wh, work.final = stop - initial, stop
        if abs(work.wh - highest) > max(work.wh / 10, 10 * RESOLUTION_WH):
            work.flags.add(EnergyFlag.SESSION_RELATIVE)
        work.segments = [Segment(facts.started_at, ended_at, initial, stop)]
        return True
    work.flags.add(EnergyFlag.SESSION_RELATIVE)
    if stop is None and facts.ended_at is not None:
        work.flags.add(EnergyFlag.ESTIMATED_END)
    work.wh = max(highest, stop or _ZERO)
    work.initial, work.final = _ZERO, work.wh
    work.segments = [Segment(facts.started_at, ended_at, _ZERO, work.wh)]
    return True


def _walk_register(
    work: Work,
    facts: EnergyFacts,
    points: Sequence[Point],
    initial: Decimal,
    ended_at: datetime,
) -> None:
    """Walk from the first register over all readings to the last, and keep what was found."""
    path = [Point(facts.started_at, initial), *_from_placeholder(work, points)]
    stop = facts.meter_stop_wh
    if stop is None:
        if facts.ended_at is not None and not any(point.context == END for point in points):
            work.flags.add(EnergyFlag.ESTIMATED_END)
    elif _stop_counts(stop, initial, path):
        path.append(Point(max(ended_at, path[-1].at), stop, context=END))
    else:
        work.flags.add(EnergyFlag.STOP_BELOW_START)
    # Between readings of a clock that jumped, times say nothing about power.
    timed = EnergyFlag.CLOCK_INCONSISTENT not in work.flags
    found = walk(path, facts.max_power_w if timed else None)
    work.flags |= found.flags
    work.wh, work.final = found.total_wh, found.accepted[-1].value
    work.segments, work.curve = found.segments, found.curve
    work.used, work.ignored = found.accepted, found.ignored
    if stop is not None and stop == found.accepted[-1].value and len(found.segments) == 1:
        # The closing register counts to the watt-hour, also where a reading
        # before it was rounded up within the register's resolution.
        work.wh = max(stop - initial, _ZERO)


def _from_placeholder(work: Work, points: Sequence[Point]) -> list[Point]:
    if EnergyFlag.BEGIN_ZERO_PLACEHOLDER in work.flags:
        return [point for point in points if point.value > 0]
    return list(points)


def _stop_counts(stop: Decimal, initial: Decimal, path: Sequence[Point]) -> bool:
    """Whether the final register is one: not below the first, or the end of a reset register."""
    if stop >= initial:
        return not (stop == 0 and path[-1].value > RESOLUTION_WH)
    last = path[-1].value
    return stop > 0 and len(path) > 1 and last < initial and stop >= last - RESOLUTION_WH
