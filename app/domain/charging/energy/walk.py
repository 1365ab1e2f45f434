"""Walk a register from the first to the last reading: resets, slips and jumps.

Every step counts, the first and the last too: none may be more than the plug
can give in its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from app.domain.charging.energy.facts import EnergyFlag, Segment
from app.domain.charging.energy.plausibility import (
    JITTER_S,
    RESOLUTION_WH,
    limit_wh,
    seconds_between,
    step_limit_wh,
)
from app.domain.charging.energy.readings import END, Point

#: Where times say nothing: more than this in one step is no step.
UNTIMED_STEP_WH = Decimal(100_000)
#: A register that is told in bursts may stand still for so long before it rises.
LONGEST_BURST = timedelta(minutes=30)

#: A step is far above the session's others from this ratio on, if so many others charge.
OTHERS_RATIO = Decimal("2.5")
#: And the first step, where its begin is sure, from so many times that.
SURE_RATIO = Decimal(2)
_OTHERS = 3
_OTHERS_FAST = 2
_FAST_W = Decimal(22_000)
_CHARGING_W = Decimal(500)
#: A register that begins with 0 is believed less: its first step is no faster than the others.
_FIRST_RATIO = Decimal("1.4")
#: A time between two readings is not taken to be shorter than this where they are held against it.
_SHORT_S = Decimal(10)
#: And if it holds so much more, in Wh.
_OTHERS_SLACK_WH = Decimal(500)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the register may rise.  `power_w` None: times say nothing.

    `resolution_wh` is the step in which it counts; `bursts`: it is told late,
    so a rise may have begun when it last moved.  For the first step alone are
    `first_w`, where that is doubtful, and `begin_w`, where its begin is sure.
    """

    power_w: Decimal | None
    resolution_wh: Decimal = RESOLUTION_WH
    bursts: bool = False
    first_w: Decimal | None = None
    begin_w: Decimal | None = None

    def limit_wh(self, from_at: datetime, to_at: datetime) -> Decimal:
        """The most that the register may rise between two instants."""
        if self.power_w is None:
            return UNTIMED_STEP_WH
        return step_limit_wh(self.power_w, from_at, to_at, self.resolution_wh)

    def least_limit_wh(self) -> Decimal:
        """No limit between two instants is below this: what may flow in no time."""
        if self.power_w is None:
            return UNTIMED_STEP_WH
        return limit_wh(self.power_w, JITTER_S, self.resolution_wh)

    def first_limit_wh(self, from_at: datetime, to_at: datetime) -> Decimal:
        """The same for the first step."""
        if self.begin_w is not None:
            return step_limit_wh(self.begin_w, from_at, to_at, self.resolution_wh)
        limit = self.limit_wh(from_at, to_at)
        if self.first_w is None:
            return limit
        slack = _OTHERS_SLACK_WH + 2 * self.resolution_wh
        return min(limit, self.first_w * seconds_between(from_at, to_at) / 3600 + slack)


@dataclass(slots=True)
class Walk:
    """What the walk found; `curve` is cumulative Wh at each accepted point."""

    total_wh: Decimal = Decimal(0)
    flags: set[EnergyFlag] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    curve: list[tuple[datetime, Decimal]] = field(default_factory=list)
    accepted: list[Point] = field(default_factory=list)
    ignored: list[Point] = field(default_factory=list)


def pace_of(
    points: Sequence[Point],
    power_w: Decimal | None,
    resolution_wh: Decimal,
    begin_w: Decimal | None = None,
    *,
    plug_known: bool = False,
) -> Pace:
    """How fast this register may rise: what the plug allows, and the session's own other steps.

    `begin_w` is for a first step whose begin is sure; `plug_known`: so is what the plug gives.
    """
    steps_wh = [after.value - before.value for before, after in pairwise(points)]
    rises = [step_wh > 0 for step_wh in steps_wh]
    bursts = sum(not flat and rise for flat, rise in pairwise(rises)) > 1
    if power_w is None or bursts:
        return Pace(power_w, resolution_wh, bursts, begin_w=begin_w)
    slack_wh = _OTHERS_SLACK_WH + 2 * resolution_wh
    if points[0].value != 0 and all(step_wh <= slack_wh for step_wh in steps_wh):
        # No step holds so much that the others could speak against it.
        return Pace(power_w, resolution_wh, begin_w=begin_w)
    rates = _rates(points)
    own = _own_power_w(points, rates, resolution_wh)
    first = _first_power_w(points, rates) if begin_w is None else None
    if own is not None:
        power_w = min(power_w, own)
        if begin_w is not None and not plug_known:
            begin_w = min(begin_w, own * SURE_RATIO)
    return Pace(power_w, resolution_wh, first_w=first, begin_w=begin_w)


def _rates(points: Sequence[Point], least_s: Decimal = JITTER_S) -> list[tuple[Decimal, Decimal]]:
    """How fast the register rose from point to point, in W, and for how many seconds."""
    found = []
    for before, after in pairwise(points):
        seconds = max(seconds_between(before.at, after.at), least_s)
        found.append(((after.value - before.value) * 3600 / seconds, seconds))
    return found


def _own_power_w(
    points: Sequence[Point], rates: Sequence[tuple[Decimal, Decimal]], resolution_wh: Decimal
) -> Decimal | None:
    """What the session's other steps make of its fastest one; None where it is not far above.

    Of the others a short one, such as the last, is no slower for being short,
    but for the step of the register that it may hold.
    """
    charging = [rate for rate in rates if rate[0] > _CHARGING_W]
    if len(charging) < 1 + _OTHERS_FAST:
        return None
    top, seconds = fastest = max(charging)
    others = []
    for (rate, _), (short, seconds_s) in zip(rates, _rates(points, _SHORT_S), strict=True):
        others.append(max(rate, short - resolution_wh * 3600 / seconds_s))
    del others[rates.index(fastest)]
    allowed = max(others) * OTHERS_RATIO
    needed = _OTHERS_FAST if top >= _FAST_W else _OTHERS
    excess_wh = (top - allowed) * seconds / 3600
    if len(charging) <= needed or excess_wh <= _OTHERS_SLACK_WH + 2 * resolution_wh:
        return None
    return allowed


def _first_power_w(
    points: Sequence[Point], rates: Sequence[tuple[Decimal, Decimal]]
) -> Decimal | None:
    """What the other steps make of the first one, where the register began with 0."""
    if points[0].value != 0:
        return None
    others = [rate for rate, _ in rates[1:] if rate > _CHARGING_W]
    return max(others) * _FIRST_RATIO if len(others) >= _OTHERS_FAST else None


def walk(points: Sequence[Point], pace: Pace, *, stop_told: bool = False) -> Walk:
    """Sum the rises of a register over `points`, the first of which is the start.

    A fall that lasts is a reset: what follows counts as a new segment, from
    zero if that much can have flowed since, else from the first reading after it.
    A reading that its neighbours contradict is left out.  A small fall, within
    the register's resolution, is no fall.  A rise that the pace forbids and that
    stays is not counted: then the start was no register, or the last point (a
    stop that was told) is no end, or the register jumped.
    """
    found = Walk()
    stretch = _Stretch(found, points[0])
    skip_to, doubted = 0, 1 if pace.first_w is not None else 0
    allowed_wh = pace.least_limit_wh()
    for index, point in enumerate(points[1:], start=1):
        if index < skip_to:
            continue
        level = stretch.level
        slack = _slack_wh(stretch, point, pace)
        if index != doubted and -slack <= point.value - level <= allowed_wh:
            stretch.accept(point)  # within any limit
            continue
        is_first = index == 1 or (pace.begin_w is not None and not stretch.moved)
        limit_of = pace.first_limit_wh if is_first else pace.limit_wh
        limit = limit_of(stretch.since(pace), point.at)
        if point.value < level - slack:
            back = _comes_back(points, index, level, pace)
            if back:
                found.ignored.extend(points[index:back])
                found.flags.add(EnergyFlag.OUTLIER_IGNORED)
                skip_to = back
                continue
            found.flags.add(EnergyFlag.REGISTER_RESET)
            from_zero = Decimal(0) <= point.value <= limit
            stretch.begin_anew(stretch.last, Decimal(0) if from_zero else point.value)
        elif point.value - level > limit:
            if _is_spike(points, index, level, pace):
                found.ignored.append(point)
                found.flags.add(EnergyFlag.OUTLIER_IGNORED)
                continue
            is_stop = stop_told and index == len(points) - 1
            if not _forbidden(stretch, index, point, is_stop=is_stop):
                continue
        stretch.accept(point)
    found.segments.append(stretch.segment())
    return found


def _slack_wh(stretch: "_Stretch", point: Point, pace: Pace) -> Decimal:
    """By how much the register may fall and has not fallen: an end that is told finer than what
    lies between may lie above the reading after it, or below the one before.
    """
    ends = [] if stretch.moved else [stretch.level]
    ends += [point.value] if point.context == END else []
    finer = any(value % pace.resolution_wh for value in ends)
    return pace.resolution_wh if finer else RESOLUTION_WH


def _forbidden(stretch: "_Stretch", index: int, point: Point, *, is_stop: bool) -> bool:
    """Deal with a rise that no plug explains; tell whether the point counts as a register."""
    flags = stretch.found.flags
    if index == 1 and is_stop:
        return True  # nothing but two ends: the limit of the whole session judges them
    if is_stop:
        flags.add(EnergyFlag.END_UNEXPLAINED)
        stretch.found.ignored.append(point)
        return False
    if index == 1 or not stretch.moved:
        zero = stretch.level == 0
        flags.add(EnergyFlag.BEGIN_ZERO_PLACEHOLDER if zero else EnergyFlag.BEGIN_UNEXPLAINED)
        stretch.restart(point)
        return True
    flags.add(EnergyFlag.STEP_UNEXPLAINED)
    stretch.begin_anew(point, point.value)
    return True


class _Stretch:
    """The part of the walk since the register last began anew."""

    def __init__(self, found: Walk, first: Point) -> None:
        self.found = found
        self.opened = self.last = first
        self.base = self.level = first.value
        self.moved_at = first.at
        self.moved = False
        self._note(first)

    def since(self, pace: Pace) -> datetime:
        """When the rise to the next point may have begun."""
        if not pace.bursts:
            return self.last.at
        return max(self.moved_at, self.last.at - LONGEST_BURST)

    def segment(self) -> Segment:
        return Segment(self.opened.at, self.last.at, self.base, self.level)

    def begin_anew(self, at: Point, base: Decimal) -> None:
        """Close the segment; the next one begins with the register at `base`."""
        self.found.segments.append(self.segment())
        self.opened, self.base, self.level = at, base, base

    def restart(self, point: Point) -> None:
        """Forget the start: this point is the first register."""
        self.found.accepted.clear()
        self.found.curve.clear()
        self.opened, self.base, self.level = point, point.value, point.value

    def accept(self, point: Point) -> None:
        if point.value > self.level:
            self.found.total_wh += point.value - self.level
            self.level, self.moved_at, self.moved = point.value, point.at, True
        self.last = point
        self._note(point)

    def _note(self, point: Point) -> None:
        self.found.accepted.append(point)
        self.found.curve.append((point.at, self.found.total_wh))


def _comes_back(points: Sequence[Point], index: int, level: Decimal, pace: Pace) -> int:
    """The index at which the register stands at its old level again, 0 if it was a reset.

    Low readings between good ones are a slip if the way back up is steeper than
    the plug can deliver; if it is not, the register may have counted all the way.
    """
    for after in range(index + 1, len(points)):
        if points[after].value >= level - RESOLUTION_WH:
            before = points[after - 1]
            rise = points[after].value - before.value
            steep = rise > pace.limit_wh(before.at, points[after].at)
            return after if steep else 0
    return 0


def _is_spike(points: Sequence[Point], index: int, level: Decimal, pace: Pace) -> bool:
    """Whether a later reading continues plausibly from `level`, far below this one."""
    start = points[index - 1]
    return any(
        level - RESOLUTION_WH <= later.value < points[index].value - RESOLUTION_WH
        and later.value - level <= pace.limit_wh(start.at, later.at)
        for later in points[index + 1 :]
    )
