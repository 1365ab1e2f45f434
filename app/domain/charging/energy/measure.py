"""The energy of a session, with all it rests on: by its register, or by what stands in for one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median_low

from app.domain.charging.energy import signed
from app.domain.charging.energy.checks import against_power, against_time, sustained_w, under_power
from app.domain.charging.energy.facts import CurvePoint, EnergyFacts, EnergyFlag, EnergyResult, Work
from app.domain.charging.energy.plausibility import (
    ABOVE_MEASURED,
    JITTER_S,
    LEAST_MEASURED_W,
    LEAST_OF_PAST_W,
    PlugLimit,
    digits_of,
    limit_wh,
    plug_limit,
    resolution_of,
    seconds_between,
)
from app.domain.charging.energy.readings import (
    NET,
    REGISTER,
    Point,
    Reading,
    distinct,
    in_order,
    integral_wh,
    intervals_of,
    on_the_way,
    points_of,
    power_of,
)
from app.domain.charging.energy.register import by_register

_ZERO = Decimal(0)

#: Where the clock is in doubt, time limits nothing; this much no session on a road holds.
UNTIMED_WH = Decimal(2_000_000)
#: So many powers in a session tell how fast it went.
_POWER_POINTS = 3


def measure(facts: EnergyFacts) -> EnergyResult:
    """The energy of a session: never negative, never above what the plug can deliver.

    The register decides where there is one; then intervals, a net register and
    at last the measured power.  The order in which readings are given, and
    readings given twice, change nothing.
    """
    facts, clock_flags = _with_sane_clock(facts)
    started_at, ended_at = facts.started_at, facts.ended_at or facts.started_at
    timed = not clock_flags and not facts.clock_doubtful
    readings = _of_the_session(facts, ended_at, not timed)
    if timed and (facts.ended_at is None or facts.meter_stop_wh is None):
        ended_at = max([ended_at, *(reading.taken_at for reading in readings)])
    power = power_of(readings)
    plug = _plug(facts, readings, power)
    ends = (facts.meter_start_wh, facts.meter_stop_wh)
    shown = [reading.value for reading in readings if reading.measurand == REGISTER]
    told = [*shown, *(value for value in ends if value is not None)]
    resolution = max(resolution_of(told), digits_of(on_the_way(readings)))
    work = (
        by_register(facts, readings, ended_at, _paces(plug, power, timed), resolution)
        or by_intervals(readings, started_at, ended_at if facts.ended_at else None)
        or by_net(readings)
        or by_power(readings)
        or Work("none", flags={EnergyFlag.NO_ENERGY_REPORTED})
    )
    work.flags |= clock_flags
    if facts.goes_on_in_kwh():
        work.flags.add(EnergyFlag.UNIT_MISLABELLED)
    if facts.ended_at is not None and signed.differ(facts.signed_wh, work.wh):
        work.flags.add(EnergyFlag.SIGNED_DIFFERS)
    if not facts.signed_good:
        work.flags.add(EnergyFlag.SIGNED_BAD)
    if work.basis != "register" and facts.ended_at is not None and facts.meter_stop_wh is None:
        work.flags.add(EnergyFlag.ESTIMATED_END)
    timed = timed and EnergyFlag.CLOCK_INCONSISTENT not in work.flags
    integral = integral_wh(power)
    power_wh = under_power(power, integral, started_at, ended_at) if timed else None
    if work.basis in ("register", "interval"):
        work.flags |= against_power(work, facts, power, integral, power_wh, timed=timed)
    duration_s = seconds_between(started_at, ended_at)
    limit = limit_wh(plug.power_w, duration_s, resolution)
    if timed:
        work.flags |= against_time(work, facts, plug, duration_s, power, resolution)
    else:
        limit = max(limit, UNTIMED_WH)
    if work.wh > limit:
        work.flags.add(EnergyFlag.IMPLAUSIBLE_POWER)
    return _result(work, started_at, ended_at, limit, power_wh)


def _result(
    work: Work, started_at: datetime, ended_at: datetime, limit: Decimal, power_wh: Decimal | None
) -> EnergyResult:
    energy = min(max(work.wh, _ZERO), limit)
    curve = work.curve if EnergyFlag.CLOCK_INCONSISTENT not in work.flags else []
    return EnergyResult(
        energy_wh=energy,
        measured_wh=work.wh,
        initial_wh=work.initial,
        final_wh=work.final,
        flags=frozenset(work.flags),
        basis=work.basis,
        started_at=started_at,
        ended_at=ended_at,
        limit_wh=limit,
        segments=tuple(work.segments),
        used=_readings_of(work.used),
        ignored=_readings_of(work.ignored),
        curve=_smooth(curve, started_at, ended_at, energy),
        before_wh=work.before,
        power_wh=power_wh,
    )


def _plug(facts: EnergyFacts, readings: Sequence[Reading], power: Sequence[Point]) -> PlugLimit:
    """What to believe of the plug, by what is stated, its kind, its past and this session."""
    measured = [point.value for point in power]
    known = [max(measured)] if len(measured) >= _POWER_POINTS else []
    if facts.greatest_power_w:
        # The next car may be a faster one: its own pace counts as well as the plug's past.
        known += [max(facts.greatest_power_w, LEAST_OF_PAST_W), sustained_w(readings)]
    return plug_limit(facts.max_power_w, facts.plug_type, max(known) if known else None)


def _paces(
    plug: PlugLimit, power: Sequence[Point], timed: bool
) -> tuple[Decimal | None, Decimal | None]:
    """The most that one step may show, in W, and the first after a sure begin; None: any.

    A session whose power was measured went no faster.
    """
    if not timed:
        return None, None
    measured = [point.value for point in power]
    if len(measured) < _POWER_POINTS or max(measured) <= 0:
        return plug.power_w, plug.power_w
    seen = max(max(measured), LEAST_MEASURED_W) * ABOVE_MEASURED
    return min(plug.power_w, seen), plug.power_w


def _with_sane_clock(facts: EnergyFacts) -> tuple[EnergyFacts, set[EnergyFlag]]:
    """Facts whose end is not before their start; our own instants decide where it was."""
    if facts.ended_at is None or facts.ended_at >= facts.started_at:
        return facts, set()
    length = timedelta(0)
    if facts.received_start_at and facts.received_end_at:
        length = max(facts.received_end_at - facts.received_start_at, length)
    ended_at = facts.started_at + length
    return replace(facts, ended_at=ended_at), {EnergyFlag.CLOCK_INCONSISTENT}


def _of_the_session(facts: EnergyFacts, ended_at: datetime, any_time: bool) -> list[Reading]:
    """The readings that may count: not older than the start, none after a reported stop."""
    readings = distinct(facts.readings)
    if any_time:
        return readings
    slack = timedelta(seconds=int(JITTER_S))
    latest = ended_at
    if facts.meter_stop_wh is None or facts.ended_at is None:
        latest = max([ended_at, *(reading.taken_at for reading in readings)])
    elif facts.meter_stop_wh < (facts.meter_start_wh or 1):
        latest = ended_at + slack  # the stop is no register: the last reading stands in
    return [r for r in readings if facts.started_at - slack <= r.taken_at <= latest]


def _smooth(
    points: Sequence[CurvePoint], started_at: datetime, ended_at: datetime, energy_wh: Decimal
) -> tuple[CurvePoint, ...]:
    """A curve that begins at nothing, never falls, and ends with the session's energy."""
    curve: list[CurvePoint] = [(started_at, _ZERO)]
    for at, value in sorted(points):
        instant = min(max(at, started_at), ended_at)
        level = min(max(value, curve[-1][1]), energy_wh)
        if curve[-1] != (instant, level):
            curve.append((instant, level))
    if curve[-1] != (ended_at, energy_wh):
        curve.append((ended_at, energy_wh))
    return tuple(curve)


def _readings_of(points: Sequence[Point]) -> tuple[Reading, ...]:
    return tuple(reading for point in points for reading in point.readings)


# What stands in for a missing energy register: intervals, a net register, power.

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
