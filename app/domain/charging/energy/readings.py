"""Readings of a meter, brought to base units, and which of them may be billed."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
NET = "Energy.Active.Net"
POWER = "Power.Active.Import"

BEGIN = "Transaction.Begin"
END = "Transaction.End"

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
        if number is not None:
            phases.setdefault(number, value)
    if not phases:
        return None
    if 0 in phases:
        return phases[0], False
    return sum(phases.values(), Decimal(0)), True


def billing_register(samples: Iterable[Sampled]) -> Decimal | None:
    """The energy register, in Wh, that one frame of samples shows; None if it shows none."""
    total = total_of(samples, REGISTER)
    return None if total is None else total[0]
