"""What is priced (`Usage`) and what it costs (`Quote`)."""

from dataclasses import dataclass
from datetime import datetime
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
    meter_start_wh: Decimal | None = None  # evidence only
    meter_stop_wh: Decimal | None = None  # evidence only


@dataclass(frozen=True, slots=True)
class Evidence:
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

    @property
    def interpolated(self) -> bool:
        """Whether the energy at either end stands between two readings."""
        return self.from_between is not None or self.to_between is not None

    def to_json(self) -> dict[str, object]:
        """The stretch as text, to be stored beside a bill's line."""
        return {
            "from_at": self.from_at.isoformat(),
            "to_at": self.to_at.isoformat(),
            "from_wh": str(self.from_wh),
            "to_wh": str(self.to_wh),
            "from_between": _texts(self.from_between),
            "to_between": _texts(self.to_between),
        }


def _texts(interval: Interval | None) -> list[str] | None:
    return None if interval is None else [instant.isoformat() for instant in interval]


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
    net_minor: int
    tax_minor: int
    gross_minor: int
    tax_percent: Decimal
    component_index: int | None = None  # from 0, in the tariff's list
    evidence: tuple[Evidence, ...] = ()

    @property
    def interpolated(self) -> bool:
        """Whether any of its energy was split between two readings."""
        return self.kind == Kind.ENERGY and any(part.interpolated for part in self.evidence)


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

    @property
    def total_minor(self) -> int:
        """What the driver pays, tax included."""
        return self.gross_minor

    @property
    def free(self) -> bool:
        """Whether there is nothing to pay."""
        return self.gross_minor == 0
