"""What is priced (`Usage`) and what it costs (`Quote`)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.money.tariffs.tariff import Kind, TaxMode

Interval = tuple[datetime, datetime]
Phrase = tuple[str, dict[str, object]]  # a key of `words.TEMPLATES` and its values


@dataclass(frozen=True, slots=True)
class Usage:
    """A session as far as its price is concerned; all instants are aware UTC.

    `curve` is cumulative energy since the session's start in Wh, each point a
    meter reading, not falling.  `ended_at` is now for a session that still
    runs.  `charging` and `idle` are the intervals in which the vehicle took
    energy and in which it only occupied the plug; `idle_by_meter` is the part of
    the idle time that only the readings show.
    """

    started_at: datetime
    ended_at: datetime
    timezone: str  # IANA name of the site's zone
    curve: tuple[tuple[datetime, Decimal], ...] = ()
    charging: tuple[Interval, ...] = ()
    idle: tuple[Interval, ...] = ()
    idle_by_meter: tuple[Interval, ...] = ()  # evidence only


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of the session that a line charges for.

    `from_between` and `to_between` name the two readings between which the
    energy at that end was interpolated, None where a reading stands there.
    """

    from_at: datetime
    to_at: datetime
    from_wh: Decimal  # whole Wh since the session's start
    to_wh: Decimal
    from_between: Interval | None = None
    to_between: Interval | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill; net + tax = gross, in minor units.

    `amount_minor` is the figure that was rounded: net for a tariff with tax on
    top, gross for one that includes it.
    """

    kind: str  # a Kind, or "minimum", "maximum"
    label: Phrase
    quantity: Decimal  # kWh, minutes or sessions, as `unit` says
    unit: str  # "kWh", "min", "session", "" for minimum and maximum
    unit_price: Decimal  # in the currency's major unit
    amount_minor: int
    net_minor: int = 0
    tax_minor: int = 0
    gross_minor: int = 0
    tax_percent: Decimal = Decimal(0)
    component_index: int | None = None  # from 0, in the tariff's list
    evidence: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Rounding:
    """What whole steps added: Wh of energy, else seconds, all of it to one component."""

    kind: Kind
    component_index: int
    step: int
    total: int
    rounded: int


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """The sums of all lines of one tax rate, in minor units."""

    percent: Decimal
    net_minor: int
    tax_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a session so far or in the end; every total is the sum of the lines."""

    currency: str
    tax_mode: TaxMode
    lines: tuple[Line, ...]
    taxes: tuple[TaxTotal, ...]
    net_minor: int
    tax_minor: int
    gross_minor: int
    energy_wh: Decimal  # whole Wh that were priced
    explanation: tuple[Phrase, ...]  # for the "why this price" box


def example_usage(
    started_at: datetime,
    *,
    energy_kwh: Decimal,
    charging_min: int,
    idle_min: int = 0,
    timezone: str = "UTC",
) -> Usage:
    """A session that takes its energy evenly over `charging_min` minutes and then stands idle."""
    full_at = started_at + timedelta(minutes=charging_min)
    ended_at = full_at + timedelta(minutes=idle_min)
    return Usage(
        started_at=started_at,
        ended_at=ended_at,
        timezone=timezone,
        curve=((started_at, Decimal(0)), (full_at, energy_kwh * 1000)),
        charging=((started_at, full_at),) if charging_min else (),
        idle=((full_at, ended_at),) if idle_min else (),
    )
