"""Readings of a meter: brought to base units, and gathered by instant into points."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple, Protocol

from app.domain.charging.energy.plausibility import RESOLUTION_WH, digits_of, seconds_between

REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
NET = "Energy.Active.Net"
EXPORT = "Energy.Active.Export.Register"
POWER = "Power.Active.Import"

BEGIN = "Transaction.Begin"
END = "Transaction.End"

#: An energy beyond this (a terawatt-hour, in Wh) is none that a meter shows.
LARGEST_WH = Decimal(10) ** 12

_ZERO = Decimal(0)

# How many base units one of the named unit is, keyed without case and spaces.
_PREFIXED = {
    "wh": ("Wh", 1),
    "kwh": ("Wh", 1000),
    "mwh": ("Wh", 1_000_000),
    "varh": ("varh", 1),
    "kvarh": ("varh", 1000),
    "vah": ("VAh", 1),
    "kvah": ("VAh", 1000),
    "w": ("W", 1),
    "kw": ("W", 1000),
    "va": ("VA", 1),
    "kva": ("VA", 1000),
    "var": ("var", 1),
    "kvar": ("var", 1000),
    "a": ("A", 1),
    "v": ("V", 1),
    "kv": ("V", 1000),
    "hz": ("Hz", 1),
    "percent": ("Percent", 1),
    "%": ("Percent", 1),
    "k": ("K", 1),
    # One of the two is the standard's own slip of the pen; both are on the wire.
    "celsius": ("Celsius", 1),
    "celcius": ("Celsius", 1),
    "fahrenheit": ("Fahrenheit", 1),
}

#: The same as the standards spell them, which most chargers do.
_SPELT = {base: (base, 1) for base, _ in _PREFIXED.values()} | {
    name: _PREFIXED[name.casefold()] for name in ("kWh", "kW", "kvarh", "kvar", "kVA", "kVAh")
}

_DEFAULTS = (
    ("Energy.Reactive", "varh"),
    ("Energy.Apparent", "VAh"),
    ("Energy.", "Wh"),
    ("Power.Reactive", "var"),
    ("Power.Factor", ""),
    ("Power.", "W"),
    ("Current.", "A"),
    ("Voltage", "V"),
    ("Frequency", "Hz"),
    ("SoC", "Percent"),
    ("Temperature", "Celsius"),
)


#: Chargers use few words, and each thousands of times.
_remembered = lru_cache(256)


class Sampled(Protocol):
    """What a sampled value must tell; `Reading` and the vocabulary's `Sample` both do."""

    @property
    def measurand(self) -> str: ...
    @property
    def value(self) -> Decimal | None: ...
    @property
    def phase(self) -> str | None: ...
    @property
    def location(self) -> str | None: ...


class Reading(NamedTuple):
    """One sampled value in its base unit (Wh, W, A, V).

    `taken_at` is aware UTC; `received` is the order in which it reached us.
    """

    taken_at: datetime
    value: Decimal
    measurand: str = REGISTER
    phase: str | None = None
    location: str | None = None
    context: str | None = None
    received: int = 0


def base_unit_of(measurand: str) -> str:
    """The unit a measurand has when none is named: Wh for energy, "" if unknown."""
    return next((unit for start, unit in _DEFAULTS if measurand.startswith(start)), "")


def can_be_in(base: str, measurand: str) -> bool:
    """Whether a measurand can be told in a base unit: an energy in W says nothing of one."""
    return not measurand.startswith("Energy.") or base in ("Wh", base_unit_of(measurand))


def to_base_unit(
    value: Decimal, unit: str | None, measurand: str = REGISTER, multiplier: int = 0
) -> tuple[Decimal, str]:
    """`value` in the base unit, and that unit's name.

    No unit means the measurand's own (Wh for energy).  Case and stray spaces in
    `unit` do not matter; an unknown unit passes through with its value.
    `multiplier` is the power of ten of OCPP 2.x.
    """
    scaled = value.scaleb(multiplier) if multiplier else value
    base, factor = _SPELT.get(unit or "") or _base_of(unit, measurand)
    return (scaled * factor if factor != 1 else scaled), base


@_remembered
def _base_of(unit: str | None, measurand: str) -> tuple[str, int]:
    """The base unit behind a unit's name, and how many of it are one of those."""
    name = (unit or "").strip()
    if not name:
        return base_unit_of(measurand), 1
    return _PREFIXED.get(name.replace(" ", "").casefold(), (name, 1))


@_remembered
def at_outlet(location: str | None) -> bool:
    """Whether a reading was taken where the driver is served: the outlet, or unsaid."""
    return location in (None, "Outlet") or location.strip().casefold() in ("", "outlet")


@_remembered
def phase_number(phase: str | None) -> int | None:
    """0 for an unphased reading, 1..3 for L1..L3 (L1-N too), None for all else."""
    if phase is None:
        return 0
    name = phase.strip().upper()
    if not name:
        return 0
    if name.endswith("-N"):
        name = name[:-2]
    return {"L1": 1, "L2": 2, "L3": 3}.get(name)


def total_of(samples: Iterable[Sampled], measurand: str) -> tuple[Decimal, bool] | None:
    """The whole value of a measurand at one instant, and whether phases were summed.

    The unphased value wins; else the sum of L1..L3; the two are never mixed.
    None if the samples say nothing about it: that is not a zero.
    """
    phases: dict[int, Decimal] = {}
    for sample in samples:
        value = sample.value
        if value is None or sample.measurand != measurand or not at_outlet(sample.location):
            continue
        number = phase_number(sample.phase)
        if number is not None and _is_finer(value, phases.setdefault(number, value)):
            phases[number] = value
    if not phases:
        return None
    if 0 in phases:
        return phases[0], False
    return sum(phases.values(), _ZERO), True


def _is_finer(value: Decimal, other: Decimal) -> bool:
    """Whether a value is told in finer steps than another one that was told for it first."""
    return value is not other and digits_of([value]) < digits_of([other])


def on_the_way(readings: Iterable["Reading"]) -> list[Decimal]:
    """What the register showed between the ends, which may be told finer; zeros only if alone."""
    own = [each for each in readings if each.measurand == REGISTER]
    between = [reading.value for reading in own if reading.context not in (BEGIN, END)]
    return [value for value in between if value] or between


def billing_register(samples: Iterable[Sampled]) -> Decimal | None:
    """The energy register, in Wh, that one frame of samples shows; None if it shows none."""
    total = total_of(samples, REGISTER)
    return None if total is None else total[0]


class Point(NamedTuple):
    """One value of a measurand at one instant, with the readings that make it."""

    at: datetime
    value: Decimal
    readings: tuple[Reading, ...] = ()
    summed: bool = False
    context: str | None = None
    received: int = 0


def distinct(readings: Iterable[Reading]) -> list[Reading]:
    """The readings without repetitions, whatever order they come in.

    A replayed reading is known by its instant, measurand, phase, location and
    context; of two with different values the first received counts, in one message the finer.
    """
    kept: dict[tuple[object, ...], Reading] = {}
    for reading in sorted(readings, key=attrgetter("received", "value")):
        phase, location = reading.phase, reading.location
        key = (
            reading.taken_at,
            reading.measurand,
            phase.strip().upper() if phase else "",
            location.strip().casefold() if location else "",
            reading.context or "",
        )
        before = kept.setdefault(key, reading)
        if before.received == reading.received and _is_finer(reading.value, before.value):
            kept[key] = reading
    return list(kept.values())


def told_beside(readings: Iterable[Reading]) -> list[Point]:
    """What single frames say twice of the register, and differently."""
    frames: dict[tuple[object, ...], list[Reading]] = {}
    for reading in readings:
        if reading.measurand == REGISTER and at_outlet(reading.location) and not reading.phase:
            key = reading.received, reading.taken_at, reading.context
            frames.setdefault(key, []).append(reading)
    return [
        Point(reading.taken_at, reading.value, (reading,), False, reading.context)
        for frame in frames.values()
        if not _the_same([reading.value for reading in frame])
        for reading in frame
    ]


def _the_same(values: Sequence[Decimal]) -> bool:
    """Whether registers of one moment are one, told once more as rounded (Wh beside kWh)."""
    least, most = min(values), max(values)
    return least == most or most - least < max(digits_of([least]), digits_of([most]))


def points_of(readings: Iterable[Reading], measurand: str) -> list[Point]:
    """One point per instant and context at which the measurand was told, in order of time."""
    frames: dict[tuple[datetime, str | None], list[Reading]] = {}
    for reading in readings:
        if reading.measurand == measurand:
            key = (reading.taken_at, reading.context or None)
            frames.setdefault(key, []).append(reading)
    points = []
    for (at, context), members in frames.items():
        total = total_of(members, measurand)
        if total is not None:
            received = members[0].received
            if len(members) > 1:
                received = min(member.received for member in members)
            points.append(Point(at, total[0], tuple(members), total[1], context, received))
    if any(after.at <= before.at for before, after in pairwise(points)):
        points.sort(key=_in_time)
    return points


_RANKS = {BEGIN: 0, END: 2}


def _in_time(point: Point) -> tuple[datetime, int, Decimal]:
    return point.at, _RANKS.get(point.context or "", 1), point.value


def in_order(points: Sequence[Point]) -> tuple[list[Point], bool]:
    """Points (as `points_of` gives them) in the order they were taken, and whether the clock
    contradicts them.

    Where the register falls in the order of the charger's clock but never in
    the order of arrival, the clock jumped and the order of arrival is the true one.
    """
    if _falls(points):
        arrived = sorted(points, key=lambda point: (point.received, *_in_time(point)))
        if not _falls(arrived):
            return arrived, True
    return list(points), False


def _falls(points: Sequence[Point]) -> bool:
    return any(
        after.value < before.value and after.value < before.value - RESOLUTION_WH
        for before, after in pairwise(points)
    )


def intervals_of(readings: Iterable[Reading]) -> tuple[list[Point], list[Point]]:
    """The interval energies of the longest series of one context, and those of the others.

    Two contexts may tell the same energy twice, or one go on where the other ends.
    """
    series: dict[str, list[Point]] = {}
    for point in points_of(readings, INTERVAL):
        series.setdefault(point.context or "", []).append(point)
    if not series:
        return [], []
    longest = max(series, key=lambda context: (len(series[context]), context))
    others = [point for context, points in series.items() if context != longest for point in points]
    return series[longest], others


def power_of(readings: Iterable[Reading]) -> list[Point]:
    """The measured power, one point per instant."""
    points = {point.at: point for point in points_of(readings, POWER)}
    return list(points.values())


def integral_wh(points: Sequence[Point]) -> Decimal:
    """The energy under a series of powers in W, in Wh, straight lines between them."""
    total = _ZERO
    for before, after in pairwise(points):
        mean = max((before.value + after.value) / 2, _ZERO)
        total += mean * seconds_between(before.at, after.at) / 3600
    return total
