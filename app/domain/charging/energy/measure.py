"""The energy of a session, with all it rests on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.charging.energy.checks import against_power, against_time, sustained_w, under_power
from app.domain.charging.energy.facts import CurvePoint, EnergyFacts, EnergyFlag, EnergyResult, Work
from app.domain.charging.energy.plausibility import (
    ABOVE_MEASURED,
    DEFAULT_MAX_POWER_W,
    JITTER_S,
    LEAST_MEASURED_W,
    LEAST_OF_PAST_W,
    RESOLUTION_WH,
    PlugLimit,
    limit_wh,
    plug_limit,
    resolution_of,
    seconds_between,
    step_limit_wh,
)
from app.domain.charging.energy.readings import (
    REGISTER,
    Point,
    Reading,
    distinct,
    integral_wh,
    power_of,
)
from app.domain.charging.energy.register import by_register
from app.domain.charging.energy.substitutes import by_intervals, by_net, by_power

_ZERO = Decimal(0)

#: Where the clock is in doubt, time limits nothing; this much no session on a road holds.
UNTIMED_WH = Decimal(2_000_000)
#: So many powers in a session tell how fast it went.
_POWER_POINTS = 3


def since_start(meter_start_wh: Decimal | None, last_register_wh: Decimal | None) -> Decimal:
    """The energy from a session's first to its latest register, in Wh, where nothing is odd.

    A register below the first one is taken to count from the session's start.
    """
    if last_register_wh is None:
        return _ZERO
    if meter_start_wh is None or last_register_wh < meter_start_wh:
        return max(last_register_wh, _ZERO) if meter_start_wh is not None else _ZERO
    return last_register_wh - meter_start_wh


def live_energy(
    so_far_wh: Decimal, from_wh: Decimal, from_at: datetime, to_wh: Decimal, to_at: datetime
) -> Decimal:
    """The energy of a running session after one more register; cheap enough for every reading.

    A step that no plug explains adds nothing: then the register before it was a
    placeholder, or it jumped.  After a fall the register is taken to count from
    zero, if that much can have flowed.
    """
    limit = step_limit_wh(DEFAULT_MAX_POWER_W, from_at, to_at)
    step = to_wh - from_wh
    if step < -RESOLUTION_WH:
        step = to_wh
    return so_far_wh + step if 0 <= step <= limit else so_far_wh


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
    resolution = _resolution(facts, readings)
    work = (
        by_register(facts, readings, ended_at, _pace_w(plug, power, timed), resolution)
        or by_intervals(readings, started_at, ended_at if facts.ended_at else None)
        or by_net(readings)
        or by_power(readings)
        or Work("none", flags={EnergyFlag.NO_ENERGY_REPORTED})
    )
    work.flags |= clock_flags
    if work.basis != "register" and facts.ended_at is not None and facts.meter_stop_wh is None:
        work.flags.add(EnergyFlag.ESTIMATED_END)
    timed = timed and EnergyFlag.CLOCK_INCONSISTENT not in work.flags
    integral = integral_wh(power)
    power_wh = under_power(power, integral, started_at, ended_at) if timed else None
    if work.basis in ("register", "interval"):
        work.flags |= against_power(work, power, integral, power_wh)
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


def _pace_w(plug: PlugLimit, power: Sequence[Point], timed: bool) -> Decimal | None:
    """The most that one step may show, in W: a session whose power was measured went no faster."""
    if not timed:
        return None
    measured = [point.value for point in power]
    if len(measured) < _POWER_POINTS or max(measured) <= 0:
        return plug.power_w
    return min(plug.power_w, max(max(measured), LEAST_MEASURED_W) * ABOVE_MEASURED)


def _resolution(facts: EnergyFacts, readings: Sequence[Reading]) -> Decimal:
    shown = [reading.value for reading in readings if reading.measurand == REGISTER]
    ends = (facts.meter_start_wh, facts.meter_stop_wh)
    return resolution_of([*shown, *(value for value in ends if value is not None)])


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
