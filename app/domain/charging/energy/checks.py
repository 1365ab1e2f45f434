"""Counter-checks of a session's energy: against power, time, and what is told after the end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter

from app.domain.charging.energy.facts import EnergyFacts, EnergyFlag, Work
from app.domain.charging.energy.plausibility import (
    COARSE_WH,
    DEFAULT_MAX_POWER_W,
    JITTER_S,
    RESOLUTION_WH,
    UNSEEN_POWER_W,
    PlugLimit,
    digits_of,
    limit_wh,
    seconds_between,
)
from app.domain.charging.energy.readings import REGISTER, Point, Reading, points_of
from app.domain.charging.energy.walk import SURE_RATIO

#: Register and measured power are compared as a whole only where power was measured this often.
_POWER_POINTS = 3
#: Two show already what flowed between them at least.
_PAIR = 2
#: And where it was measured through most of the session.
_COVERED = Decimal("0.8")
_LONGEST_GAP_S = Decimal(20 * 60)
_THOUSANDFOLD = (Decimal(500), Decimal(2000))
_STUCK_WH = Decimal(1000)
#: The two may differ by half, and by so much, in Wh; less where power shows more.
_HALF = Decimal("0.5")
_POWER_SLACK_WH = Decimal(500)
_LOW_SLACK_WH = Decimal(150)

#: A reading so close to an end was taken with it.
WITH_END = timedelta(seconds=5)
#: What a register that arrives and is dated after the end may still have risen, in Wh.
_FAR_WH = Decimal(250)

#: Less than this, on average, is no charging, in W.
_HARDLY_W = Decimal(50)
#: And for a plug that gives much more, less than this share of it.
_HARDLY_SHARE = Decimal("0.003")
#: While readings of a plug of which nothing is known rise, a car takes more than this.
_LEAST_CAR_W = Decimal(400)
_SEEN = 2
_HARDLY_FROM_S = Decimal(600)
_NOTHING_FROM_S = Decimal(3600)
#: More than any road vehicle but a lorry takes at once, in Wh.
_MORE_THAN_A_CAR_WH = Decimal(300_000)
#: Most plugs of a kind give half of what the strongest gives.
#: Two halves of a session whose pace differs by no more than this show it.
_ALIKE = Decimal("2.5")
_OF_ITS_KIND = Decimal("0.5")
_FAST_KIND_W = Decimal(40_000)


def under_power(
    points: Sequence[Point], integral: Decimal, started_at: datetime, ended_at: datetime
) -> Decimal | None:
    """The energy under the measured power, in Wh; None where it was not measured throughout.

    `integral` is what lies between the first and the last measurement.
    Before the first and after the last measurement the nearest one stands in.
    """
    if len(points) < _POWER_POINTS:
        return None
    whole = seconds_between(started_at, ended_at)
    seen = seconds_between(points[0].at, points[-1].at)
    before, after = max(pairwise(points), key=lambda pair: pair[1].at - pair[0].at)
    gap = seconds_between(before.at, after.at)
    if seen < whole * _COVERED or gap > max(_LONGEST_GAP_S, whole / 10):
        return None
    head = points[0].value * seconds_between(started_at, points[0].at) / 3600
    tail = points[-1].value * seconds_between(points[-1].at, ended_at) / 3600
    return max(head, Decimal(0)) + integral + max(tail, Decimal(0))


def sustained_w(readings: Sequence[Reading]) -> Decimal:
    """The power that the register shows in more than one step, in W; 0 where it shows none."""
    return sorted([Decimal(0), Decimal(0), *_rates(points_of(readings, REGISTER))])[-2]


def rises_alike_from_zero(facts: EnergyFacts) -> bool:
    """Whether the first step of a register that began with 0 is not far above those after it."""
    path = [Point(facts.started_at, Decimal(0)), *points_of(facts.readings, REGISTER)]
    if facts.ended_at and facts.meter_stop_wh:
        path.append(Point(facts.ended_at, facts.meter_stop_wh))
    rises = [rate for rate in _rates(path) if rate > 0]
    return len(rises) > 1 and rises[0] <= max(rises[1:]) * _ALIKE


def _rates(points: Sequence[Point]) -> list[Decimal]:
    """How fast the register rose from point to point, in W."""
    return [
        (after.value - before.value) * 3600 / max(seconds_between(before.at, after.at), JITTER_S)
        for before, after in pairwise(points)
    ]


def against_power(
    work: Work, facts: EnergyFacts, points: Sequence[Point], integral: Decimal,
    power_wh: Decimal | None, *, timed: bool,
) -> set[EnergyFlag]:  # fmt: skip
    """What the measured power says of the register: a wrong unit, one that stands still, a lie.

    Power that was not measured throughout (`power_wh` None) tells how much flowed at least.
    """
    if len(points) < _PAIR:
        return set()
    energy = work.wh
    if len(points) >= _POWER_POINTS:
        if energy <= 0:
            return {EnergyFlag.REGISTER_STUCK} if integral >= _STUCK_WH else set()
        low, high = _THOUSANDFOLD
        if integral > 0 and low <= max(integral / energy, energy / integral) <= high:
            return {EnergyFlag.UNIT_MISLABELLED}
    if not timed:
        return set()
    # Between two measurements it was the lower one at least, unless there was time for a pause,
    # and in one place, as where the car stops, it may have been the higher one all the time.
    low = higher = Decimal(0)
    for before, after in pairwise(points):
        seconds = seconds_between(before.at, after.at)
        if power_wh is not None or seconds <= _LONGEST_GAP_S:
            low += max(min(before.value, after.value), Decimal(0)) * seconds / 3600
        higher = max(higher, abs(after.value - before.value) / 2 * seconds / 3600)
    if energy < low * (1 - _HALF) - max(_LOW_SLACK_WH, digits_of([energy])):
        return {EnergyFlag.POWER_DISAGREES}
    if power_wh is None:
        return set()
    edges = max(point.value for point in points)
    most = max(power_wh, integral + higher + _edge_wh(work, points, edges)) * (1 + _HALF)
    if facts.goes_on_from(work.initial, RESOLUTION_WH):
        # The car may have charged, and stopped, before its power was first measured.
        most += max((wh for at, wh in work.curve if at <= points[0].at), default=Decimal(0))
    return {EnergyFlag.POWER_DISAGREES} if energy > most + _POWER_SLACK_WH else set()


def _edge_wh(work: Work, points: Sequence[Point], power_w: Decimal) -> Decimal:
    """What may have flowed before power was first measured, in Wh."""
    if not work.curve:
        return Decimal(0)
    head = seconds_between(work.curve[0][0], points[0].at)
    tail = seconds_between(points[-1].at, work.curve[-1][0])
    return power_w * (head + tail) / 3600


def against_time(
    work: Work,
    facts: EnergyFacts,
    plug: PlugLimit,
    duration_s: Decimal,
    power: Sequence[Point],
    resolution_wh: Decimal,
) -> set[EnergyFlag]:
    """What the session's length says: too much for what is known of the plug, or hardly any."""
    found = set()
    if work.basis == "register" and _too_fast(work, facts, plug, duration_s, power, resolution_wh):
        found.add(EnergyFlag.RATE_UNEXPLAINED)
    explained = {EnergyFlag.UNIT_MISLABELLED, EnergyFlag.REGISTER_STUCK}
    if (
        work.basis == "register"
        and not work.flags & explained
        and _hardly_any(work, facts, plug, duration_s)
    ):
        found.add(EnergyFlag.HARDLY_ANY_ENERGY)
    return found


def _too_fast(
    work: Work,
    facts: EnergyFacts,
    plug: PlugLimit,
    duration_s: Decimal,
    power: Sequence[Point],
    resolution_wh: Decimal,
) -> bool:
    """Whether nobody can say that this plug gives so much: neither its owner nor its readings."""
    if facts.max_power_w:
        return False
    if work.wh > _MORE_THAN_A_CAR_WH and plug.power_w <= DEFAULT_MAX_POWER_W:
        return True
    between = [point for point in work.used if point.readings]
    if facts.greatest_power_w or len(power) >= _POWER_POINTS or _alike(between, work, facts):
        return False
    believed = UNSEEN_POWER_W
    if plug.known:
        fast = plug.power_w > _FAST_KIND_W
        most = max(plug.power_w * _OF_ITS_KIND, UNSEEN_POWER_W)
        believed = most if fast else plug.power_w
    if work.wh > limit_wh(believed, duration_s + JITTER_S, resolution_wh):
        return True
    return any(
        after.value - before.value
        > limit_wh(believed, seconds_between(before.at, after.at) + JITTER_S, resolution_wh)
        for before, after in pairwise(work.used)
    )


def _alike(between: Sequence[Point], work: Work, facts: EnergyFacts) -> bool:
    """Whether readings on the way show the session's pace: two of them, or one that halves it.

    A step from where the last session ended is one to go by: a car may take less after it,
    yet not hardly any.
    """
    if len(between) != 1:
        return len(between) > 1
    rates = [
        (after.value - before.value) / max(seconds_between(before.at, after.at), JITTER_S)
        for before, after in pairwise(work.used)
    ]
    if len(rates) < 2:
        return False
    sure = facts.goes_on_from(work.initial, RESOLUTION_WH)
    first = rates[0] / SURE_RATIO if sure else rates[0]
    return max(first, rates[-1]) <= min(rates) * _ALIKE


def _hardly_any(work: Work, facts: EnergyFacts, plug: PlugLimit, duration_s: Decimal) -> bool:
    """Whether the energy is next to nothing for the time in which it was charging."""
    if facts.ended_at is None or work.wh >= 10 * RESOLUTION_WH or duration_s < _HARDLY_FROM_S:
        return False
    said = facts.said_charging_s()
    charging_s = duration_s if said is None else min(Decimal(said), duration_s)
    values = [value for value in (work.initial, work.final) if value]
    coarse = bool(values) and all(value % COARSE_WH == 0 for value in values)
    if work.wh <= 0:
        return said is not None and charging_s >= _NOTHING_FROM_S * (2 if coarse else 1)
    active_s = min(charging_s, _active_s(work, duration_s))
    if active_s < _HARDLY_FROM_S or coarse:
        return False
    least_w = _HARDLY_W
    if plug.known and plug.power_w > UNSEEN_POWER_W:
        least_w = max(_HARDLY_W, plug.power_w * _HARDLY_SHARE)
    elif not plug.known and len(work.used) > _SEEN:
        least_w = _LEAST_CAR_W
    return work.wh < least_w * active_s / 3600


def _active_s(work: Work, duration_s: Decimal) -> Decimal:
    """How long the register rose, in seconds, as far as its readings tell."""
    if len(work.used) < 3:
        return duration_s
    rises = [b.at for a, b in pairwise(work.used) if b.value > a.value]
    return seconds_between(work.used[0].at, rises[-1]) if rises else duration_s


def _is_shown(facts: EnergyFacts, least: Decimal) -> bool:
    """Whether a register above `least` may be among the readings: of the whole, or of a phase."""
    return any(
        reading.value > least or reading.phase
        for reading in facts.readings
        if reading.measurand == REGISTER
    )


def _against_end(facts: EnergyFacts, ended_at: datetime, most: Decimal) -> list[Point]:
    """The register readings that had arrived when the stop did, are dated before it, or show far
    more: its transaction went on.
    """
    heard, started = facts.readings_before_stop, facts.started_at - WITH_END
    return [
        point
        for point in points_of(facts.readings, REGISTER)
        if (point.at >= started or facts.clock_doubtful)
        and (
            point.at <= ended_at
            or (heard is not None and (point.received < heard or point.value > most + _FAR_WH))
        )
    ]


def stays_above(facts: EnergyFacts, ended_at: datetime, most: Decimal) -> bool:
    """Whether the register was above `most` at last, by arrival or by its own clock."""
    points = _against_end(facts, ended_at, most) if _is_shown(facts, most) else []
    orders = (attrgetter("received", "at"), attrgetter("at", "received"))
    return any(max(points, key=order).value > most for order in orders) if points else False
