"""What is priced (`Usage`), what it costs (`Quote`), and why: as phrases.

A phrase is a key of `words.TEMPLATES` with values of text and whole numbers
only, so that it can be stored beside the bill and said in another language later.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.domain.money.tariffs.document import clock_text, plain
from app.domain.money.tariffs.tariff import Component, Kind, Tariff, TaxMode, price_text

Interval = tuple[datetime, datetime]
Phrase = tuple[str, dict[str, object]]  # a key of `words.TEMPLATES` and its values


@dataclass(frozen=True, slots=True)
class Usage:
    """A session as far as its price is concerned; all instants are aware UTC.

    `curve` is cumulative energy since the session's start in Wh, each point a
    meter reading, not falling.  `ended_at` is now for a session that still
    runs.  `charging` and `idle` are the intervals in which the vehicle took
    energy and in which it only occupied the plug; `idle_by_meter` is the part of
    the idle time that only the readings show.  `no_show`: it is no session, but an
    unused reservation.
    """

    started_at: datetime
    ended_at: datetime
    timezone: str  # IANA name of the site's zone
    curve: tuple[tuple[datetime, Decimal], ...] = ()
    charging: tuple[Interval, ...] = ()
    idle: tuple[Interval, ...] = ()
    idle_by_meter: tuple[Interval, ...] = ()  # evidence only
    no_show: bool = False


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
    quantity: Decimal  # kWh, minutes, sessions or reservations, as `unit` says
    unit: str  # "kWh", "min", "session", "reservation", "" for minimum and maximum
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


@dataclass(slots=True)
class Tally:
    """What one component has to charge for: Wh of an energy price, else seconds."""

    amount: int = 0
    evidence: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Count:
    """The session as the tariff sees it, before money.

    `last` is the component that counted last in each dimension of steps.
    """

    tallies: dict[int, Tally] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    roundings: tuple[Rounding, ...] = ()
    energy_wh: int = 0
    unpriced_wh: int = 0
    idle_s: int = 0
    idle_charged_s: int = 0
    free_s: int = 0


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


# The names of a bill's lines and the facts of the "why this price" box.


def component_name(component: Component) -> str:
    """The component's own name, or its window as 22:00–08:00; empty if it has neither."""
    when = component.when
    if component.name or when.from_minute is None or when.until_minute is None:
        return component.name
    return f"{clock_text(when.from_minute)}–{clock_text(when.until_minute)}"


def line_label(component: Component) -> Phrase:
    """What the line of a component is called."""
    key = f"line.{component.kind.value}"
    values: dict[str, object] = {}
    if component.grace_minutes:
        key += ".grace"
        values["minutes"] = component.grace_minutes
    name = component_name(component)
    if name:
        key += ".named"
        values["name"] = name
    return key, values


def limit_label(kind: str, limit: Decimal, currency: str) -> Phrase:
    """What the line of a minimum or a maximum is called."""
    return f"line.{kind}", {"amount": price_text(limit, currency), "currency": currency}


def instant_text(instant: datetime) -> str:
    """An instant as text that sorts and parses."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def explain(
    tariff: Tariff, usage: Usage, lines: Sequence[Line], count: Count
) -> tuple[Phrase, ...]:
    """Why the price is what it is, in the order in which it is told."""
    facts: list[Phrase] = []
    if usage.no_show:
        kept = {"at": instant_text(usage.started_at), "until_at": instant_text(usage.ended_at)}
        facts.append(("why.no_show", {**kept, "zone": usage.timezone}))
    elif not count.energy_wh:
        facts.append(("why.no_energy", {}))
    facts.extend(_changes(tariff, usage, lines))
    if count.unpriced_wh:
        facts.append(("why.unpriced", {"kwh": plain(Decimal(count.unpriced_wh) / 1000)}))
    if count.energy_wh:
        facts.extend(_times(tariff, usage, count))
    if count.energy_wh or usage.no_show:
        facts.extend(_steps(lines, count.roundings))
    for line in lines:
        if line.kind in ("minimum", "maximum"):
            fact = (f"why.{line.kind}", dict(line.label[1]))
            if fact not in facts:
                facts.append(fact)
    if lines and any(line.tax_percent for line in lines):
        facts.append((f"why.tax.{tariff.tax_mode.value}", {}))
    return tuple(facts)


def _changes(tariff: Tariff, usage: Usage, lines: Sequence[Line]) -> Iterator[Phrase]:
    """Where one energy price took over from another, and what stood on the meter there."""
    parts: list[tuple[Part, Line]] = [
        (part, line) for line in lines if line.kind == Kind.ENERGY for part in line.evidence
    ]
    parts.sort(key=lambda pair: (pair[0].from_at, pair[0].from_wh))
    for (before, old), (after, new) in itertools.pairwise(parts):
        if before.to_at != after.from_at or old is new:
            continue
        names = [_name_of(tariff, line) for line in (old, new)]
        at: dict[str, object] = {"at": instant_text(after.from_at), "zone": usage.timezone}
        if all(names) and names[0] != names[1]:
            yield "why.change.named", {**at, "before": names[0], "after": names[1]}
        else:
            yield "why.change", at
        if after.from_between:
            first, second = (instant_text(each) for each in after.from_between)
            yield "why.interpolated", {**at, "from_at": first, "to_at": second}


def _name_of(tariff: Tariff, line: Line) -> str:
    index = line.component_index
    return component_name(tariff.components[index]) if index is not None else ""


def _times(tariff: Tariff, usage: Usage, count: Count) -> Iterator[Phrase]:
    if count.free_s:
        yield "why.free_minutes", {"minutes": tariff.free_minutes}
    if count.idle_s and any(component.kind is Kind.IDLE for component in tariff.components):
        values: dict[str, object] = {
            "at": instant_text(min(usage.idle)[0]),
            "zone": usage.timezone,
            "minutes": plain(_minutes(count.idle_s)),
            "free": plain(_minutes(count.idle_s - count.idle_charged_s)),
        }
        yield "why.idle" if count.idle_charged_s else "why.idle.free", values
        if usage.idle_by_meter:
            seen_s = sum((until - since).total_seconds() for since, until in usage.idle_by_meter)
            yield "why.idle.seen", {"minutes": plain(_minutes(int(seen_s)))}


def _steps(lines: Sequence[Line], roundings: Sequence[Rounding]) -> Iterator[Phrase]:
    """What was rounded up to whole steps, and on which of several lines the rest stands."""
    for rounding in roundings:
        key, step = f"why.rounded.{rounding.kind.value}", rounding.step
        per = Decimal(1000 if rounding.kind is Kind.ENERGY else 60)
        names = ("kwh", "to_kwh") if rounding.kind is Kind.ENERGY else ("minutes", "to_minutes")
        amounts = (Decimal(each) / per for each in (rounding.total, rounding.rounded))
        short = [plain(each.quantize(Decimal("0.001")).normalize()) for each in amounts]
        yield key, {"step": step, **dict(zip(names, short, strict=True))}
        same = [line for line in lines if line.kind == rounding.kind]
        if len(same) > 1:
            where = next(e for e in same if e.component_index == rounding.component_index)
            yield "why.rounded.line", {"label": [where.label]}


def _minutes(seconds: int) -> Decimal:
    """Seconds as minutes, to a tenth where it is not whole."""
    minutes = (Decimal(seconds) / 60).quantize(Decimal("0.1"))
    return minutes.to_integral_value() if minutes == minutes.to_integral_value() else minutes
