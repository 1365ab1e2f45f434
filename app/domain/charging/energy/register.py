"""Energy from the import register: the ordinary case and its oddities."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from app.domain.charging.energy.checks import WITH_END, stays_above
from app.domain.charging.energy.facts import EnergyFacts, EnergyFlag, Segment, Work
from app.domain.charging.energy.plausibility import (
    JITTER_S,
    RESOLUTION_WH,
    digits_of,
    limit_wh,
    seconds_between,
)
from app.domain.charging.energy.readings import (
    BEGIN,
    END,
    INTERVAL,
    NET,
    POWER,
    REGISTER,
    Point,
    Reading,
    in_order,
    points_of,
    power_of,
    told_beside,
)
from app.domain.charging.energy.walk import Pace, Walk, pace_of, walk

SUBSTITUTES = (INTERVAL, NET, POWER)

#: A first reading within this time of the start stands for the start.
AT_START = timedelta(seconds=15)

_FIFTH = 5
#: Registers that differ by less are the same, in Wh: one is rounded.
_SAME_WH = Decimal(10)

_ZERO = Decimal(0)
_Same = tuple[Decimal, Decimal]


def by_register(
    facts: EnergyFacts,
    readings: Sequence[Reading],
    ended_at: datetime,
    paces: tuple[Decimal | None, Decimal | None],
    resolution_wh: Decimal,
) -> Work | None:
    """Energy from the import register and the registers of start and stop.

    `paces` are the most to believe of a step, in W, and of the first one where the register
    begins as the last session left it; None: times say nothing.
    """
    power_w, begin_w = paces
    points, clock_jumped = in_order(points_of(readings, REGISTER))
    points = [point for point in points if point.value >= 0]
    stop = facts.meter_stop_wh
    initial = _initial_of(facts, points)
    if initial is None or _only_substitutes(readings, points, initial, stop):
        return None
    if stop is None and not points:
        return None
    work = Work("register", initial=initial)
    if clock_jumped:
        work.flags.add(EnergyFlag.CLOCK_INCONSISTENT)
        power_w = begin_w = None
    points = _without_zeros(work, facts, _whole_phases(work, points), power_w)
    from_zero = _from_zero(facts, points, initial, power_w, resolution_wh)
    if from_zero and _session_relative(work, facts, points, initial, ended_at):
        return work
    path = [Point(facts.started_at, initial, context=BEGIN), *points]
    whole = _with_stop(path, facts, ended_at)
    sure = facts.goes_on_from(initial, resolution_wh)
    plug_known = bool(facts.max_power_w or facts.greatest_power_w)
    begin_w = begin_w if sure else None
    pace = pace_of(whole, power_w, resolution_wh, begin_w, plug_known=plug_known)
    _walk_register(work, facts, whole, points, ended_at, pace)
    _before_the_first(work, facts, points, pace)
    return work


def _only_substitutes(
    readings: Sequence[Reading], points: Sequence[Point], initial: Decimal, stop: Decimal | None
) -> bool:
    """Whether the registers are zeros beside something else that did measure."""
    if initial != 0 or max([stop or _ZERO, *(point.value for point in points)]) != 0:
        return False
    return any(r.measurand in SUBSTITUTES and r.value > 0 for r in readings)


def _initial_of(facts: EnergyFacts, points: Sequence[Point]) -> Decimal | None:
    known = facts.previous_stop_wh
    if facts.meter_start_wh is not None and facts.meter_start_wh >= 0:
        return facts.meter_start_wh
    begin = next((point for point in points if point.context == BEGIN), None)
    if begin is None:
        begin = points[0] if points else None
    if begin is None and facts.meter_stop_wh is not None:
        return known if known is not None and known <= facts.meter_stop_wh else None
    return begin.value if begin else None


def _whole_phases(work: Work, points: Sequence[Point]) -> list[Point]:
    """The points whose phases are all there; one that lacks some says nothing of the whole."""
    if not any(point.summed for point in points):
        return list(points)
    work.flags.add(EnergyFlag.SUMMED_PHASES)
    most = max(len(point.readings) for point in points if point.summed)
    whole = [point for point in points if not point.summed or len(point.readings) == most]
    if any(points[end] not in whole for end in (0, -1)):
        work.flags.add(EnergyFlag.PHASE_LOST)
    return whole


def _without_zeros(
    work: Work, facts: EnergyFacts, points: list[Point], power_w: Decimal | None
) -> list[Point]:
    """The points, without zeros that are no register: nothing else was read on the way, only the
    stop tells the energy, and the plug, of known power, called itself Charging for long enough.
    """
    initial = work.initial or _ZERO
    stop, ends = facts.meter_stop_wh, [point for point in points if point.context in (BEGIN, END)]
    if stop is None or stop <= initial or any(point.value for point in points if point not in ends):
        return points
    power = power_of(facts.readings)
    if len(ends) == len(points) or (power and not any(point.value > 0 for point in power)):
        return points
    known = power_w if power or facts.max_power_w else None
    said = facts.said_charging_s() if known else None
    if not said or stop - initial > limit_wh(known, Decimal(said)):
        return points
    work.flags.add(EnergyFlag.OUTLIER_IGNORED)
    return ends


def _from_zero(
    facts: EnergyFacts,
    points: Sequence[Point],
    initial: Decimal,
    power_w: Decimal | None,
    resolution_wh: Decimal,
) -> bool:
    """Whether the readings may count from zero: all below the start, and the plug explains them."""
    if not points or any(point.value >= initial - RESOLUTION_WH for point in points):
        return False
    limit = Pace(power_w, resolution_wh).limit_wh(facts.started_at, points[0].at)
    return points[0].value <= limit


def _session_relative(
    work: Work, facts: EnergyFacts, points: Sequence[Point], initial: Decimal, ended_at: datetime
) -> bool:
    """Settle a session whose readings count from zero beside a lifetime start (FIELD M8)."""
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


def _with_stop(path: list[Point], facts: EnergyFacts, ended_at: datetime) -> list[Point]:
    """The path with the register of the stop at its end, if that is one."""
    stop = facts.meter_stop_wh
    if stop is None or not _stop_counts(stop, path):
        return path
    return [*path, Point(max(ended_at, path[-1].at), stop, context=END)]


def _stop_counts(stop: Decimal, path: Sequence[Point]) -> bool:
    """Whether the final register is one: not below the first, or the end of a reset register."""
    initial, last = path[0].value, path[-1].value
    if stop >= initial:
        return not (stop == 0 and last > RESOLUTION_WH)
    return stop > 0 and len(path) > 1 and last < initial and stop >= last - RESOLUTION_WH


def _walk_register(
    work: Work,
    facts: EnergyFacts,
    whole: Sequence[Point],
    points: Sequence[Point],
    ended_at: datetime,
    pace: Pace,
) -> None:
    """Walk from the first register over all readings to the last, and keep what was found.

    `whole` is the way, `points` the readings on it: the start before them, perhaps the stop after.
    """
    stop = facts.meter_stop_wh
    told = len(whole) > 1 + len(points)
    if stop is None:
        if facts.ended_at is not None and not any(point.context == END for point in points):
            work.flags.add(EnergyFlag.ESTIMATED_END)
    elif not told:
        work.flags.add(EnergyFlag.STOP_BELOW_START)
    found = walk(whole, pace, stop_told=told)
    work.flags |= found.flags
    same, twice = _same_wh(points), told_beside(facts.readings)
    beside, start = [*points, *twice], whole[0]
    at_start = beside
    if facts.meter_start_wh is None and points:  # a reading stands for it
        first = next((point for point in points if point.value == start.value), start)
        start = first._replace(context=BEGIN)
        at_start = [point for point in twice if point.at == first.at]
    if _told_otherwise(facts, at_start, start, pace, same):
        work.flags.add(EnergyFlag.OPENING_DIFFERS)
    if stop is not None and told:
        work.flags |= _doubts_of_end(facts, beside, Point(ended_at, stop, context=END), pace, same)
    if _too_many(found, len(points)):
        work.flags.add(EnergyFlag.MANY_OUTLIERS)
    work.wh, work.final = found.total_wh, found.accepted[-1].value
    work.initial = found.accepted[0].value
    work.segments, work.curve = found.segments, found.curve
    work.used, work.ignored = found.accepted, found.ignored
    if stop is not None and stop == work.final and len(found.segments) == 1:
        # The closing register counts to the watt-hour, also where a reading
        # before it was rounded up within the register's resolution.
        work.wh = max(stop - work.initial, _ZERO)


def _too_many(found: Walk, among: int) -> bool:
    """Whether the readings that fit nowhere are no slips any more."""
    left_out = len([point for point in found.ignored if point.readings])
    if not left_out:
        return False
    return left_out == among or (left_out > 1 and left_out * _FIFTH > among)


def _before_the_first(work: Work, facts: EnergyFacts, points: Sequence[Point], pace: Pace) -> None:
    """Estimate what flowed before the first register that is one.

    Where the plug's last session ended is the best guess; else the pace of the
    session until its readings end.
    """
    rebased = work.flags & {EnergyFlag.BEGIN_ZERO_PLACEHOLDER, EnergyFlag.BEGIN_UNEXPLAINED}
    told = facts.meter_start_wh is not None and facts.meter_start_wh >= 0
    begun = told or any(point.context == BEGIN for point in points)
    first = next((point for point in work.used if point.readings), None)
    known = facts.previous_stop_wh
    if first is None:
        if not begun:
            work.flags.add(EnergyFlag.BEGIN_MISSING)
        return
    late = first.at - facts.started_at
    if begun and not rebased:
        return
    if not begun:
        if late <= AT_START:
            return
        work.flags.add(EnergyFlag.BEGIN_MISSING)
    elif seconds_between(facts.started_at, first.at) <= JITTER_S and known is None:
        return
    limit = pace.limit_wh(facts.started_at, first.at)
    if known is not None and _ZERO <= first.value - known <= limit:
        before = first.value - known
    else:
        before = min(_at_its_pace(work, first, late), limit)
    work.before = before
    work.wh += before
    work.curve = [(at, wh + before) for at, wh in work.curve if at >= first.at]


def _at_its_pace(work: Work, first: Point, late: timedelta) -> Decimal:
    """The energy of a time as long as `late`, as fast as the session went while it was seen."""
    rising = next((point for point in work.used if point.value > first.value), None)
    if rising is None or rising.at <= first.at:
        return _ZERO
    seconds = seconds_between(first.at, rising.at)
    return (rising.value - first.value) * Decimal(int(late.total_seconds())) / seconds


def _told_otherwise(
    facts: EnergyFacts, points: Sequence[Point], end: Point, pace: Pace, same: _Same
) -> bool:
    """Whether a reading of the same end, or one taken with it, names another register."""
    at_ends, between = same
    for point in points:
        beside = abs(point.at - end.at) <= WITH_END
        # A clock that lost the date says of no ordinary reading that it was taken with the end.
        if point.context == end.context or (beside and not facts.clock_doubtful):
            before, after = (point, end) if end.context == END else (end, point)
            seconds = max(seconds_between(before.at, after.at), Decimal(1 if beside else 0))
            rest = (pace.power_w or _ZERO) * seconds / 3600
            alike = at_ends if point.context in (BEGIN, END) else between
            if not -alike <= after.value - before.value <= alike + rest:
                return True
    return False


def _same_wh(points: Sequence[Point]) -> _Same:
    """By how much registers differ that are the same, as rounded: at the ends, and between."""
    at_ends = _rounding([point.value for point in points])
    between = _rounding([point.value for point in points if point.context not in (BEGIN, END)])
    return at_ends, max(at_ends, between)


def _rounding(values: Sequence[Decimal]) -> Decimal:
    return max(digits_of(values) if len(values) > 1 else _SAME_WH, _SAME_WH)


def _doubts_of_end(
    facts: EnergyFacts, points: Sequence[Point], stop: Point, pace: Pace, same: _Same
) -> set[EnergyFlag]:
    """What the readings say against the register of the stop."""
    differs = _told_otherwise(facts, points, stop, pace, same)
    found = {EnergyFlag.CLOSING_DIFFERS} if differs else set()
    most = stop.value + same[1]
    if stays_above(facts, stop.at, most):
        found.add(EnergyFlag.READING_ABOVE_END)
    return found
