"""When energy flowed, by the meter alone: each step between two readings, judged.  Pure.

A step flows, is still, or is open: then the meter does not say.  What counts is
the register; measured power speaks where the register is too coarse to.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple, TypeVar

from app.domain.charging.energy import CurvePoint
from app.domain.charging.energy.plausibility import seconds_between

#: What a station and a car at rest may draw, in W: less than this is no charging.
STANDBY_W = Decimal(50)
#: The least a car charges with, in W: 6 A at 230 V (IEC 61851-1).  A coarse register
#: must stand still for as long as this power takes to move it, or it proves nothing.
LEAST_CHARGING_W = Decimal(1380)

_STEPS_WH = (Decimal(1000), Decimal(100), Decimal(10))
_ZERO, _FINE = Decimal(0), Decimal(1)
At = TypeVar("At", int, datetime)


class Flow(Enum):
    """What the meter says of a step."""

    FLOWS = "flows"
    STILL = "still"
    OPEN = "open"


class Step(NamedTuple):
    """From one reading to the next; `rise_wh` is what the register rose by."""

    since: datetime
    until: datetime
    rise_wh: Decimal
    flow: Flow = Flow.OPEN

    @property
    def seconds(self) -> Decimal:
        """How long it took; always more than nothing."""
        return seconds_between(self.since, self.until)

    @property
    def power_w(self) -> Decimal:
        return mean_w(self.rise_wh, self.seconds)


def mean_w(energy_wh: Decimal, seconds: Decimal) -> Decimal:
    return energy_wh * 3600 / seconds


def steps_of(
    curve: Sequence[CurvePoint],
    power: Sequence[tuple[datetime, Decimal]] = (),
    told_wh: Decimal = _FINE,
) -> tuple[Step, ...]:
    """Judge the steps of a cumulative curve (Wh), with the measured power (W) beside it.

    `told_wh` is the step in which the register is told between the ends, which may be finer.

    - It flows where the register rises by more than one of its own steps, and by
      more than the standby draw; also where power was measured at every reading.
    - It is still where the register stands (or rises by the standby draw only)
      for long enough to prove it, or where no power was measured at any reading.
    - A rise by one step of the register counts as flow, unless the register
      stood so long around it that it is the standby draw.  One by a part of a step, to or
      from a finer end, may have come at any time before, and says nothing.
    """
    levels = _one_per_instant(curve)
    fine = _tick_of(levels)
    tick = max(fine, told_wh)
    steps = (Step(a, b, high - low) for (a, low), (b, high) in pairwise(levels))
    looked = [_as(step, _first_look(step, tick)) for step in steps]
    judged = _ticks(looked, tick if tick > fine else None)
    return tuple(_by_power(_proven(judged, tick), power))


def runs_of(
    steps: Sequence[Step], span: tuple[datetime, datetime], *, running: bool
) -> Iterator[list[Step]]:
    """The steps over a whole session, still ones together; where there is none, all is open.

    `running`: its end is now, and a last step that is still goes on.
    """
    run: list[Step] = []
    for step in _gapless(steps, span, running):
        if run and not (run[-1].flow is step.flow is Flow.STILL):
            yield run
            run = []
        run.append(step)
    if run:
        yield run


def _gapless(
    steps: Sequence[Step], span: tuple[datetime, datetime], running: bool
) -> Iterator[Step]:
    at, ended_at = span
    last = None
    for step in steps:
        if step.since > at:
            yield Step(at, step.since, _ZERO)
        if step.until > at:
            yield step
        at, last = max(at, step.until), step
    if at < ended_at:
        goes_on = running and last is not None and last.flow is Flow.STILL
        yield Step(at, ended_at, _ZERO, Flow.STILL if goes_on else Flow.OPEN)


def _one_per_instant(curve: Sequence[CurvePoint]) -> list[CurvePoint]:
    """The curve with the last level of each instant only."""
    levels: dict[datetime, Decimal] = {}
    for at, level in curve:
        levels[at] = level
    return sorted(levels.items())


def _tick_of(levels: Sequence[CurvePoint]) -> Decimal:
    """The step in which the register counts, judged by what it showed; 1 Wh if it is fine."""
    shown = {level for _, level in levels if level}
    return next((tick for tick in _STEPS_WH if all(v % tick == 0 for v in shown)), _FINE)


def _first_look(step: Step, tick: Decimal) -> Flow:
    if step.power_w < STANDBY_W:
        return Flow.STILL
    return Flow.FLOWS if step.rise_wh > tick else Flow.OPEN


def _ticks(judged: Sequence[Step], whole: Decimal | None) -> list[Step]:
    """Judge each rise by a single step of the register by how long it stood around it.

    `whole` is that step where the ends are told finer.
    """
    found = list(judged)
    for index, step in enumerate(judged):
        if step.flow is not Flow.OPEN or (whole and step.rise_wh % whole):
            continue
        around = step.seconds + _stood(judged, index, -1) + _stood(judged, index, 1)
        flow = Flow.STILL if mean_w(step.rise_wh, around) < STANDBY_W else Flow.FLOWS
        found[index] = _as(step, flow)
    return found


def _stood(judged: Sequence[Step], index: int, way: int) -> Decimal:
    """For how many seconds nothing flowed before (-1) or after (1) a step."""
    seconds = _ZERO
    index += way
    while 0 <= index < len(judged) and judged[index].flow is Flow.STILL:
        seconds += judged[index].seconds
        index += way
    return seconds


def _proven(judged: list[Step], tick: Decimal) -> list[Step]:
    """Leave open what stands still too shortly for the register to prove it.

    So does a stretch that ends in a single step of the register which a trickle
    would have filled in that time.
    """
    start = 0
    while start < len(judged):
        end = start
        while end < len(judged) and judged[end].flow is Flow.STILL:
            end += 1
        run = judged[start:end]
        if run and not _proves(run, judged[end] if end < len(judged) else None, tick):
            judged[start:end] = [_as(step, Flow.OPEN) for step in run]
        start = end + 1
    return judged


def _proves(run: Sequence[Step], after: Step | None, tick: Decimal) -> bool:
    stood = sum((step.seconds for step in run), _ZERO)
    if mean_w(tick, stood) > LEAST_CHARGING_W:
        return False
    if after is None or after.rise_wh > tick:
        return True
    return mean_w(after.rise_wh, stood + after.seconds) < STANDBY_W


def _by_power(judged: Sequence[Step], power: Sequence[tuple[datetime, Decimal]]) -> list[Step]:
    """Let the measured power speak of steps in which the register did not rise beyond doubt."""
    measured = sorted(power)
    instants = [at for at, _ in measured]
    values = [value for _, value in measured]
    found = []
    for step in judged:
        low, high = bisect_left(instants, step.since), bisect_right(instants, step.until)
        found.append(_as(step, _with_power(step, values[low:high])))
    return found


def _as(step: Step, flow: Flow) -> Step:
    """A step with another judgement; the same where it is no other."""
    return step if step.flow is flow else Step(step.since, step.until, step.rise_wh, flow)


def _with_power(step: Step, watts: Sequence[Decimal]) -> Flow:
    if not watts:
        return step.flow
    sure = len(watts) > 1 or step.flow is Flow.OPEN
    if sure and all(value >= STANDBY_W for value in watts):
        return Flow.FLOWS
    if len(watts) > 1 and not step.rise_wh and all(value < STANDBY_W for value in watts):
        return Flow.STILL
    return step.flow


def joined(stretches: Iterable[tuple[At, At]]) -> tuple[tuple[At, At], ...]:
    """Stretches in order, those that touch made one."""
    found: list[tuple[At, At]] = []
    for since, until in sorted(stretches):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return tuple(found)


def without(
    stretches: Sequence[tuple[At, At]], closed: Iterable[tuple[At, At]]
) -> tuple[tuple[At, At], ...]:
    """Some stretches, of which none overlap, without what lies in others.

    Both are gone through once: a meter may have told of thousands.
    """
    left: list[tuple[At, At]] = []
    shut, first = joined(closed), 0
    for since, until in sorted(stretches):
        first = bisect_right(shut, since, first, key=itemgetter(1))
        for number in range(first, len(shut)):
            low, high = shut[number]
            if low >= until:
                break
            if since < low:
                left.append((since, low))
            since = high
        if since < until:
            left.append((since, until))
    return tuple(left)
