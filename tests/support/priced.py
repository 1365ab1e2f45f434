"""What a session costs, worked out in another way than the product does.

Written from the words of docs/money.md, of a tariff's document and of OCPI's `step_size`, in
fractions.  It does not ask when a clock passes a limit, or is put on: it looks at the tariff anew
at every minute, at every reading, and wherever else something might change.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

PLACES = {"EUR": 2, "CHF": 2, "JPY": 0, "KWD": 3}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: What a price is for, and of what one unit of it has so many.
PER = {"start": 1, "energy": 1000, "no_show": 1}
#: What steps count together; connected time runs beside.
TIMES = ("charging_time", "idle")

DURATIONS = ("duration_from_min", "duration_to_min")
ENERGIES = ("energy_from_kwh", "energy_to_kwh")

Span = tuple[datetime, datetime]
Document = dict[str, Any]


@dataclass(frozen=True)
class Used:
    """A session: its energy as it was read (Wh, from 0), when the car charged and only stood."""

    began: datetime
    ended: datetime
    zone: str
    readings: Sequence[tuple[datetime, Fraction]] = ()
    charging: Sequence[Span] = ()
    idle: Sequence[Span] = ()
    unused: bool = False  # a reservation that ran out

    def second(self, at: datetime) -> Fraction:
        """An instant of it, counted from its start."""
        return Fraction((at - self.began) // timedelta(microseconds=1), 1_000_000)

    @property
    def points(self) -> list[tuple[Fraction, Fraction]]:
        """Its readings by the second, from its start to its end."""
        told = [(self.second(at), Fraction(wh)) for at, wh in self.readings]
        last = told[-1][1] if told else Fraction(0)
        return [(Fraction(0), Fraction(0)), *told, (self.second(self.ended), last)]


@dataclass
class Price:
    """The amounts by component, what a `minimum` adds or a `maximum` takes off, and what they
    come to; minor units.
    """

    amounts: dict[Any, int] = field(default_factory=dict)
    net: int = 0
    tax: int = 0
    gross: int = 0


def half_up(value: Fraction) -> int:
    """The nearest whole number; a half goes up, also below zero away from it."""
    return -half_up(-value) if value < 0 else (2 * value + 1) // 2


def price_of(tariff: Document, used: Used) -> Price:
    """The price of a session, or of a reservation that nobody used."""
    counted, energy = _count(tariff, used)
    parts = tariff["components"]
    amounts: dict[Any, int] = {}
    unit = 10 ** PLACES[tariff["currency"]]
    for number, amount in sorted(counted.items()):
        kind = parts[number]["kind"]
        if energy or kind in ("start", "no_show", "no_show_time"):
            cost = Fraction(parts[number]["price"]) * amount / PER.get(kind, 60)
            amounts[number] = half_up(cost * unit)
    sums: defaultdict[Fraction, int] = defaultdict(int)
    for number, minor in amounts.items():
        sums[_rate(tariff, parts[number])] += minor
    total = sum(amounts.values())
    least, most = (_minor(tariff, name, unit) for name in ("minimum", "maximum"))
    if energy and least is not None and total < least:
        amounts["minimum"] = least - total
        sums[_rate(tariff, {})] += least - total
    elif most is not None and total > most:
        amounts["maximum"] = total - most
        for rate, off in _shared(total - most, sums, total).items():
            sums[rate] -= off
    return _taxed(tariff, amounts, sums)


def _minor(tariff: Document, name: str, unit: int) -> int | None:
    told = tariff.get(name)
    return None if told is None else half_up(Fraction(told) * unit)


def _rate(tariff: Document, part: Document) -> Fraction:
    own = part.get("tax_percent")
    return Fraction(tariff["tax"]["percent"] if own is None else own)


def _shared(excess: int, sums: dict[Fraction, int], total: int) -> dict[Fraction, int]:
    """What each rate gives of what a maximum takes off; the largest remainders give one more."""
    exact = {rate: Fraction(excess * sums[rate], total) for rate in sorted(sums)}
    found = {rate: share // 1 for rate, share in exact.items()}
    missing = excess - sum(found.values())
    for rate in sorted(exact, key=lambda each: (found[each] - exact[each], each))[:missing]:
        found[rate] += 1
    return found


def _taxed(tariff: Document, amounts: dict[Any, int], sums: dict[Fraction, int]) -> Price:
    price = Price(amounts)
    within = tariff["tax"]["mode"] == "inclusive"
    for rate, minor in sums.items():
        tax = half_up(Fraction(minor) * rate / (100 + rate if within else 100))
        price.net += minor - tax if within else minor
        price.tax += tax
        price.gross += minor if within else minor + tax
    return price


def _count(tariff: Document, used: Used) -> tuple[dict[int, int], int]:
    """Watt-hours and seconds (and starts) of each component, in whole steps; and the energy."""
    found: defaultdict[int, int] = defaultdict(int)
    last: dict[str, int] = {}
    once = "no_show" if used.unused else "start"
    first = _held(tariff, once, _clock(used, Fraction(0)), Fraction(0), Fraction(0))
    if first is not None:
        found[first] = 1
    idle_s, energy = Fraction(0), 0
    charging, idle = (
        [(used.second(since), used.second(until)) for since, until in spans]
        for spans in (used.charging, used.idle)
    )
    free_s = 60 * tariff.get("free_minutes", 0)
    for (since, wh), (until, more) in pairwise(_marks(tariff, used, idle)):
        flowed, passed = half_up(more) - half_up(wh), half_up(until) - half_up(since)
        stands = _within(idle, since)
        kinds = {"no_show_time": passed} if used.unused else {"energy": flowed}
        if not used.unused and since >= free_s:
            kinds["connected_time"] = passed
            if _within(charging, since):
                kinds["charging_time"] = passed
        if stands and not used.unused:
            kinds["idle"] = passed
        energy += 0 if used.unused else flowed
        clock = _clock(used, since)
        for kind, amount in kinds.items():
            number = _held(tariff, kind, clock, since, wh) if amount else None
            if number is None:
                continue
            if kind == "idle" and idle_s < 60 * tariff["components"][number].get(
                "grace_minutes", 0
            ):
                continue
            found[number] += amount
            last["time" if kind in TIMES else kind] = number
        idle_s += until - since if stands else 0
    for number in last.values():
        part = tariff["components"][number]
        alike = [n for n in found if tariff["components"][n]["kind"] == part["kind"]]
        found[number] += -sum(found[n] for n in alike) % part.get("step", 1)
    return found, energy


def _within(spans: Iterable[tuple[Fraction, Fraction]], at: Fraction) -> bool:
    return any(since <= at < until for since, until in spans)


def _marks(
    tariff: Document, used: Used, idle: Sequence[tuple[Fraction, Fraction]]
) -> list[tuple[Fraction, Fraction]]:
    """Seconds and watt-hours at which the tariff is looked at anew, in order."""
    points, end = used.points, used.second(used.ended)
    into = Fraction(used.began.second * 1_000_000 + used.began.microsecond, 1_000_000)
    times = {60 * n - into for n in range(1, int(end // 60) + 2)}
    times.add(Fraction(60 * tariff.get("free_minutes", 0)))
    for spans in (used.charging, used.idle):
        times |= {used.second(at) for span in spans for at in span}
    limits = set()
    for part in tariff["components"]:
        stood = Fraction(0)
        for since, until in idle:
            times.add(since + 60 * part.get("grace_minutes", 0) - stood)
            stood += until - since
        when = part.get("when", {})
        times |= {Fraction(60 * when[name]) for name in DURATIONS if name in when}
        limits |= {1000 * Fraction(when[name]) for name in ENERGIES if name in when}
    marks = set()
    ordered = sorted(times)
    for (since, wh), (until, more) in pairwise(points):
        slope = (more - wh) / (until - since) if until > since else Fraction(0)
        marks |= {(since, wh), (until, more)}
        within = ordered[bisect_right(ordered, since) : bisect_left(ordered, until)]
        marks |= {(at, wh + slope * (at - since)) for at in within}
        for limit in limits:
            if wh < limit < more:
                marks.add((since + (limit - wh) / slope if slope else since, limit))
    return sorted(mark for mark in marks if 0 <= mark[0] <= end)


def _clock(used: Used, at: Fraction) -> datetime:
    """What the site's clock shows."""
    instant = used.began.astimezone(UTC) + timedelta(microseconds=int(at * 1_000_000))
    return instant.astimezone(ZoneInfo(used.zone))


def _held(tariff: Document, kind: str, clock: datetime, at: Fraction, wh: Fraction) -> int | None:
    """The first component of a kind whose every condition holds."""
    for number, part in enumerate(tariff["components"]):
        if part["kind"] == kind and _holds(part.get("when", {}), clock, at, wh):
            return number
    return None


def _holds(when: Document, clock: datetime, at: Fraction, wh: Fraction) -> bool:
    if not when:
        return True
    text, day = clock.isoformat()[11:16], clock.date()
    since, until = when.get("from", "00:00"), when.get("until", "24:00")
    if not (since <= text < until if since < until else text >= since or text < until):
        return False
    if when.get("weekdays") and DAYS[day.weekday()] not in when["weekdays"]:
        return False
    if not date.fromisoformat(when.get("date_from", "0001-01-01")) <= day:
        return False
    if not day <= date.fromisoformat(when.get("date_to", "9999-12-31")):
        return False
    low, high = (Fraction(when[name]) if name in when else None for name in ENERGIES)
    if (low is not None and wh < 1000 * low) or (high is not None and wh >= 1000 * high):
        return False
    first, last = when.get("duration_from_min", 0), when.get("duration_to_min")
    return at >= 60 * first and (last is None or at < 60 * last)
