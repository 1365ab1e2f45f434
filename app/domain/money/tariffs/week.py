"""The picture of a week: what a kilowatt-hour costs, hour by hour."""

import itertools
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import gcd

from app.domain.money.tariffs.tariff import Kind, Tariff, first_match

_DAY_MIN = 24 * 60
_SOME_MONDAY = date(2001, 1, 1)


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a day with one price; None where the tariff has none.

    Minutes count from midnight of the site's wall clock.
    """

    from_minute: int
    until_minute: int
    price: Decimal | None
    component_index: int | None


@dataclass(frozen=True, slots=True)
class WeekPicture:
    """Monday to Sunday, each as the runs of one price that fill it."""

    days: tuple[tuple[Run, ...], ...]

    @property
    def prices(self) -> tuple[Decimal, ...]:
        """The different prices, lowest first."""
        return tuple(
            sorted({run.price for day in self.days for run in day if run.price is not None})
        )

    @property
    def step_min(self) -> int:
        """The longest step, of an hour at most, that all boundaries fall on."""
        return gcd(60, *(run.until_minute for day in self.days for run in day))


def week_picture(
    tariff: Tariff, monday: date | None = None, kind: Kind = Kind.ENERGY
) -> WeekPicture:
    """The price of one kind over the week that begins on `monday`.

    It is the price at a session's first watt-hour and first minute.  Without
    `monday` components that hold for some dates only are left out.
    """
    limits = {0, _DAY_MIN}
    for component in tariff.components:
        for minute in (component.when.from_minute, component.when.until_minute):
            if component.kind is kind and minute is not None:
                limits.add(minute)
    shown = tariff if monday else _undated(tariff)
    edges = sorted(limits)
    days = []
    for number in range(7):
        day = (monday or _SOME_MONDAY) + timedelta(days=number)
        runs: list[Run] = []
        for start, until in itertools.pairwise(edges):
            local = datetime.combine(day, time(start // 60, start % 60))
            index = first_match(shown, kind, local, Decimal(0), 0)
            if runs and runs[-1].component_index == index:
                runs[-1] = Run(runs[-1].from_minute, until, runs[-1].price, index)
            else:
                price = None if index is None else tariff.components[index].price
                runs.append(Run(start, until, price, index))
        days.append(tuple(runs))
    return WeekPicture(tuple(days))


def _undated(tariff: Tariff) -> Tariff:
    """The tariff with dated components made impossible, so that the others keep their places."""
    never = date.min
    components = tuple(
        replace(each, when=replace(each.when, date_from=never, date_to=never))
        if each.when.date_from or each.when.date_to
        else each
        for each in tariff.components
    )
    return replace(tariff, components=components)
