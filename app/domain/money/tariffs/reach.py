"""Prices that no session can ever come to, and why.

The first component of a kind that holds gives the price, so one that stands
below another which always holds is never reached: a night rate under a day rate
without hours.  Others contradict themselves or the tariff.  The answer is exact:
days, minutes of the day, energy and duration are each cut at every limit that
the tariff names; within a cell nothing changes, so a component is a set of cells
in each direction and what is left of it under those above is counted out.  Only
a tariff more entangled than any in use is given the benefit of the doubt.

No zone is known here: an hour that a clock leaves out in spring counts as one
that can come.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from app.domain.money.tariffs.tariff import (
    MINUTE_US,
    Component,
    Kind,
    Restriction,
    Tariff,
    day_holds,
    duration_holds,
    energy_holds,
    hour_holds,
)

_Value = TypeVar("_Value")

#: Cells in which a component holds, a bit each: days, minutes, energy, duration.
Box = tuple[int, int, int, int]

_TIME_KINDS = (Kind.CHARGING_TIME, Kind.CONNECTED_TIME)
_MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A component that never gives the price; places count from 0.

    `hidden_by` names those above it that hold whenever it does; it is empty
    where the component contradicts itself or the tariff.
    """

    index: int
    hidden_by: tuple[int, ...]
    sentence: str


class _Entangled(Exception):
    """Counting out would take too long."""


def unreachable(tariff: Tariff, today: date | None = None) -> list[Unreachable]:
    """The components that no session can come to, in order.

    With `today` days before it no longer count, so that a price whose dates are
    over is among them.
    """
    grid = _Grid(tariff, today)
    found = []
    for index, component in enumerate(tariff.components):
        box = grid.charged(component)
        if not all(box):
            found.append(
                Unreachable(index, (), _sentence(tariff, index, _contradiction(grid, index)))
            )
            continue
        hiders = _hiders(grid, index, box)
        if hiders:
            found.append(
                Unreachable(index, hiders, _sentence(tariff, index, _hidden(tariff, hiders)))
            )
    return [_with_mend(tariff, each, today) if each.hidden_by else each for each in found]


class _Grid:
    """The cells of a tariff: one value of each direction stands for all of its cell."""

    def __init__(self, tariff: Tariff, today: date | None) -> None:
        self.tariff = tariff
        self.today = today
        limits = [component.when for component in tariff.components]
        self.days = list(_days(limits, today))
        self.minutes = _starts(
            minute % 1440 for when in limits for minute in (when.from_minute, when.until_minute)
            if minute is not None
        )  # fmt: skip
        self.energies = _starts(
            int(kwh * 1000) for when in limits for kwh in (when.energy_from_kwh, when.energy_to_kwh)
            if kwh is not None
        )  # fmt: skip
        spans = [tariff.free_minutes, *(each.grace_minutes for each in tariff.components)]
        for when in limits:
            spans += [
                each for each in (when.duration_from_min, when.duration_to_min) if each is not None
            ]
        self.durations = _starts(spans)

    def matched(self, when: Restriction) -> Box:
        """Where a restriction holds, so that those below it do not count."""
        return (
            _cells(self.days, lambda day: day_holds(when, day)),
            _cells(self.minutes, lambda minute: hour_holds(when, minute)),
            _cells(self.energies, lambda energy_wh: energy_holds(when, Decimal(energy_wh))),
            _cells(self.durations, lambda minutes: duration_holds(when, minutes * MINUTE_US)),
        )

    def charged(self, component: Component) -> Box:
        """Where a component would cost something if nothing stood above it."""
        free = component.grace_minutes if component.kind is Kind.IDLE else 0
        if component.kind in _TIME_KINDS:
            free = self.tariff.free_minutes
        days, minutes, energies, durations = self.matched(component.when)
        return days, minutes, energies, durations & _cells(self.durations, lambda at: at >= free)


def _days(limits: Sequence[Restriction], today: date | None) -> Iterator[date]:
    """One day for each weekday of each stretch between two dates that the tariff names."""
    edges = {when.date_from.toordinal() for when in limits if when.date_from}
    edges |= {when.date_to.toordinal() + 1 for when in limits if when.date_to}
    first = today.toordinal() if today else max(min(edges, default=8) - 7, 1)
    end = date.max.toordinal() + 1
    starts = sorted({first, *(edge for edge in edges if first < edge < end)})
    for start, until in zip(starts, [*starts[1:], end], strict=True):
        for number in range(start, min(start + 7, until)):
            yield date.fromordinal(number)


def _starts(values: Iterable[int]) -> list[int]:
    return sorted({0, *values})


def _cells(values: Sequence[_Value], inside: Callable[[_Value], bool]) -> int:
    return sum(1 << place for place, value in enumerate(values) if inside(value))


def _hiders(grid: _Grid, index: int, box: Box) -> tuple[int, ...]:
    """The fewest components above that hold wherever this one does; empty where it is reached."""
    kind = grid.tariff.components[index].kind
    above = {
        place: grid.matched(component.when)
        for place, component in enumerate(grid.tariff.components[:index])
        if component.kind is kind
    }
    if not _covered(box, list(above.values())):
        return ()
    for place, other in above.items():
        if _covered(box, [other]):
            return (place,)
    for place in list(above):
        rest = [other for each, other in above.items() if each != place]
        if _covered(box, rest):
            del above[place]
    return tuple(above)


def _covered(box: Box, others: Sequence[Box]) -> bool:
    try:
        return _fills(box, others, [_MOST_STEPS])
    except _Entangled:
        return False


def _fills(box: Box, others: Sequence[Box], left: list[int]) -> bool:
    """Whether nothing of a box is left once all others are taken out of it."""
    left[0] -= 1
    if left[0] < 0:
        raise _Entangled
    for place, other in enumerate(others):
        if all(mine & theirs for mine, theirs in zip(box, other, strict=True)):
            return all(_fills(piece, others[place + 1 :], left) for piece in _without(box, other))
    return False


def _without(box: Box, other: Box) -> Iterator[Box]:
    """What is left of a box beside another, as boxes that do not overlap."""
    common = list(box)
    for axis in range(4):
        rest = box[axis] & ~other[axis]
        if rest:
            piece = [*common[:axis], rest, *common[axis + 1 :]]
            yield piece[0], piece[1], piece[2], piece[3]
        common[axis] = box[axis] & other[axis]


def _contradiction(grid: _Grid, index: int) -> str:
    """Why a component does not even hold alone, and the mend."""
    component = grid.tariff.components[index]
    when = component.when
    if not grid.charged(component)[0]:
        if grid.today and when.date_to and when.date_to < grid.today:
            return f"its last day, {when.date_to}, is over. Remove it."
        return "none of its weekdays lies between its first and its last day. Change one of them."
    last = when.duration_to_min
    if component.kind is Kind.IDLE:
        return (
            f"it ends with minute {last} of the session, "
            f"and its first {component.grace_minutes} idle minutes are free. Change one of them."
        )
    return (
        f"it ends with minute {last} of the session, and the first "
        f"{grid.tariff.free_minutes} minutes are free of time charges. Change one of them."
    )


def _hidden(tariff: Tariff, hiders: Sequence[int]) -> str:
    names = [_name(tariff, place) for place in hiders]
    if len(names) == 1:
        return f"{names[0]} stands above it and holds whenever it does."
    return (
        f"{', '.join(names[:-1])} and {names[-1]} stand above it, "
        "and one of them holds whenever it does."
    )


def _with_mend(tariff: Tariff, found: Unreachable, today: date | None) -> Unreachable:
    """The sentence with what to do: move it up where that hides none of the others."""
    first = found.hidden_by[0]
    order = [place for place in range(len(tariff.components)) if place != found.index]
    order.insert(order.index(first), found.index)
    grid = _Grid(replace(tariff, components=tuple(tariff.components[p] for p in order)), today)
    hidden = [
        place
        for place in (found.index, *found.hidden_by)
        if _hiders(grid, order.index(place), grid.charged(tariff.components[place]))
    ]
    if not hidden:
        mend = f"Move it above price {first + 1}."
    elif len(found.hidden_by) == 1:
        mend = "Remove one of the two, or change when they hold."
    else:
        mend = "Remove it, or change when they hold."
    return replace(found, sentence=f"{found.sentence} {mend}")


def _sentence(tariff: Tariff, index: int, reason: str) -> str:
    name = _name(tariff, index)
    return f"{name[:1].upper()}{name[1:]} can never apply: {reason}"


def _name(tariff: Tariff, index: int) -> str:
    name = tariff.components[index].name
    return f"price {index + 1} ({name})" if name else f"price {index + 1}"
