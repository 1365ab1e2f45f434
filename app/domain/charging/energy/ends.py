"""Do the ends of a session agree with each other, whatever the clocks say?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.charging.energy.facts import EnergyFacts, EnergyFlag
from app.domain.charging.energy.frames import Point, points_of
from app.domain.charging.energy.plausibility import digits_of, seconds_between
from app.domain.charging.energy.readings import END, REGISTER
from app.domain.charging.energy.walk import Pace

#: Registers that differ by less are the same, in Wh: one is rounded.
_SAME_WH = Decimal(10)
#: A reading so close to the stop was taken with it.
_WITH_STOP = timedelta(seconds=5)


def doubts_of_ends(
    facts: EnergyFacts, points: Sequence[Point], stop: Decimal, ended_at: datetime, pace: Pace
) -> set[EnergyFlag]:
    """What the readings say against the register of the stop."""
    values = [point.value for point in points]
    same = max(digits_of(values) if len(values) > 1 else _SAME_WH, _SAME_WH)
    found = set()
    since, until = ended_at - _WITH_STOP, ended_at + _WITH_STOP
    # A clock that lost the date says of no ordinary reading that it was taken with the stop.
    closing = [
        point
        for point in points
        if point.context == END or (not facts.clock_doubtful and since <= point.at <= until)
    ]
    if any(_contradicts(point, stop, ended_at, same, pace) for point in closing):
        found.add(EnergyFlag.CLOSING_DIFFERS)
    if _is_shown(facts, stop + same) and _stays_above(
        _arrived_before(facts, ended_at), stop + same
    ):
        found.add(EnergyFlag.READING_ABOVE_END)
    return found


def _is_shown(facts: EnergyFacts, least: Decimal) -> bool:
    """Whether a register above `least` may be among the readings: of the whole, or of a phase."""
    return any(
        reading.value > least or reading.phase
        for reading in facts.readings
        if reading.measurand == REGISTER
    )


def _contradicts(
    point: Point, stop: Decimal, ended_at: datetime, same: Decimal, pace: Pace
) -> bool:
    """Whether a closing reading, or one taken with the stop, names another register."""
    with_stop = abs(point.at - ended_at) <= _WITH_STOP
    seconds = max(
        seconds_between(point.at, ended_at),
        Decimal(1) if with_stop else Decimal(0),
    )
    rest = (pace.power_w or Decimal(0)) * seconds / 3600
    return not stop - same - rest <= point.value <= stop + same


def _arrived_before(facts: EnergyFacts, ended_at: datetime) -> list[Point]:
    """The register readings that had arrived when the stop did.

    Where that is not known, those that are dated before it.
    """
    points = points_of(facts.readings, REGISTER)
    known = facts.readings_before_stop
    if known is None:
        points = [point for point in points if point.at <= ended_at]
    else:
        points = [point for point in points if point.received < known]
    started = facts.started_at - _WITH_STOP
    return [point for point in points if point.at >= started or facts.clock_doubtful]


def _stays_above(points: Sequence[Point], most: Decimal) -> bool:
    """Whether the register was above `most` at last, by arrival or by its own clock."""
    if not points:
        return False
    arrived = max(points, key=lambda point: (point.received, point.at))
    dated = max(points, key=lambda point: (point.at, point.received))
    return arrived.value > most or dated.value > most
