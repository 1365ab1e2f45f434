"""The price of a session: one function for the running cost and the final bill.

How it rounds.  A line is what one component costs over the whole session.  Its
amount (net or gross, whichever the tariff's prices are) is rounded half up
once, to the currency's minor unit.  Tax is calculated once per tax rate from
the sum of those rounded amounts, and then shared out over the lines by largest
remainder.  So the amounts of the lines add up to the total that is shown, the
tax is the one that the rate gives on that total, and net + tax = gross holds on
every line and in every sum.

Minimum and maximum are lines of their own, compared with the sum of the amounts
(net or gross, as the prices are).  A maximum takes off each tax rate in
proportion.  A session without energy costs its start fee and nothing else: no
time, no idle time, no minimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.domain.tariffs.currencies import EXACT, from_minor, to_minor
from app.domain.tariffs.explanation import explain, limit_label, line_label
from app.domain.tariffs.matching import first_match
from app.domain.tariffs.quote import Evidence, Quote, Usage
from app.domain.tariffs.slices import Slice, slices
from app.domain.tariffs.tariff import Kind, Tariff
from app.domain.tariffs.tax import Amount, share, with_tax

_MINUTE_US = 60_000_000
_THREE_PLACES = Decimal("0.001")


@dataclass(slots=True)
class Tally:
    """What one component has to charge for."""

    energy_wh: int = 0
    seconds: int = 0
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(slots=True)
class Count:
    """The session as the tariff sees it, before money."""

    tallies: dict[int, Tally] = field(default_factory=dict)
    energy_wh: int = 0
    unpriced_wh: int = 0
    idle_s: int = 0
    idle_charged_s: int = 0
    free_s: int = 0


def price(tariff: Tariff, usage: Usage) -> Quote:
    """The lines of a bill for `usage`, with totals and the facts behind them."""
    count = _count(tariff, usage)
    amounts = [
        _amount(tariff, index, count.tallies[index])
        for index in sorted(count.tallies)
        if count.energy_wh or tariff.components[index].kind is Kind.START
    ]
    amounts += _limits(tariff, amounts, bool(count.energy_wh))
    lines, taxes = with_tax(tariff.tax_mode, amounts)
    return Quote(
        currency=tariff.currency,
        tax_mode=tariff.tax_mode,
        lines=lines,
        taxes=taxes,
        net_minor=sum(line.net_minor for line in lines),
        tax_minor=sum(line.tax_minor for line in lines),
        gross_minor=sum(line.gross_minor for line in lines),
        energy_wh=Decimal(count.energy_wh),
        explanation=explain(
            tariff,
            usage,
            lines,
            energy_wh=count.energy_wh,
            unpriced_wh=count.unpriced_wh,
            idle_s=count.idle_s,
            idle_charged_s=count.idle_charged_s,
            free_s=count.free_s,
        ),
    )


def _count(tariff: Tariff, usage: Usage) -> Count:
    """Share out the session's energy and time over the components."""
    zone = ZoneInfo(usage.timezone)
    count = Count()
    start = first_match(tariff, Kind.START, usage.started_at.astimezone(zone), Decimal(0), 0)
    if start is not None:
        count.tallies[start] = Tally()
    for part in slices(tariff, usage):
        if part.energy_wh:
            _count_energy(tariff, zone, count, part)
        if part.seconds:
            _count_time(tariff, zone, count, part)
    return count


def _match(tariff: Tariff, kind: Kind, zone: ZoneInfo, part: Slice) -> int | None:
    local = part.from_at.astimezone(zone)
    return first_match(tariff, kind, local, part.exact_wh, part.elapsed_us)


def _count_energy(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    count.energy_wh += part.energy_wh
    index = _match(tariff, Kind.ENERGY, zone, part)
    if index is None:
        count.unpriced_wh += part.energy_wh
        return
    tally = _tally(count, index, part)
    tally.energy_wh += part.energy_wh


def _count_time(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    free = part.elapsed_us < tariff.free_minutes * _MINUTE_US
    for kind, counts in ((Kind.CHARGING_TIME, part.charging), (Kind.CONNECTED_TIME, True)):
        index = _match(tariff, kind, zone, part) if counts else None
        if index is None:
            continue
        if free:
            count.free_s += part.seconds
        else:
            _tally(count, index, part).seconds += part.seconds
    if not part.idle:
        return
    count.idle_s += part.seconds
    index = _match(tariff, Kind.IDLE, zone, part)
    if index is None or part.idle_us < tariff.components[index].grace_minutes * _MINUTE_US:
        return
    count.idle_charged_s += part.seconds
    _tally(count, index, part).seconds += part.seconds


def _tally(count: Count, index: int, part: Slice) -> Tally:
    """The component's tally, with the stretch added to its evidence."""
    tally = count.tallies.setdefault(index, Tally())
    evidence = Evidence(
        part.from_at,
        part.to_at,
        Decimal(part.from_wh),
        Decimal(part.to_wh),
        part.from_between,
        part.to_between,
    )
    if tally.evidence and tally.evidence[-1].to_at == part.from_at:
        evidence = replace(
            evidence,
            from_at=tally.evidence[-1].from_at,
            from_wh=tally.evidence[-1].from_wh,
            from_between=tally.evidence[-1].from_between,
        )
        tally.evidence.pop()
    tally.evidence.append(evidence)
    return tally


def _amount(tariff: Tariff, index: int, tally: Tally) -> Amount:
    """What a component costs: its quantity in started steps, times its price, rounded once."""
    component = tariff.components[index]
    per, unit, measured = {
        Kind.START: (1, "session", 1),
        Kind.ENERGY: (1000, "kWh", tally.energy_wh),
    }.get(component.kind, (60, "min", tally.seconds))
    if component.step > 1:
        measured = -(-measured // component.step) * component.step
    cost = EXACT.divide(EXACT.multiply(component.price, Decimal(measured)), Decimal(per))
    return Amount(
        kind=component.kind.value,
        label=line_label(component),
        quantity=EXACT.divide(Decimal(measured), Decimal(per)).quantize(_THREE_PLACES),
        unit=unit,
        unit_price=component.price,
        minor=to_minor(cost, tariff.currency),
        tax_percent=tariff.tax_percent_of(component),
        component_index=index,
        evidence=tuple(tally.evidence),
    )


def _limits(tariff: Tariff, amounts: Sequence[Amount], charged: bool) -> list[Amount]:
    """The lines that lift the sum to the minimum or bring it down to the maximum."""
    total = sum(amount.minor for amount in amounts)
    if tariff.minimum is not None and charged:
        missing = to_minor(tariff.minimum, tariff.currency) - total
        if missing > 0:
            return [_limit(tariff, "minimum", missing, tariff.tax_percent)]
    if tariff.maximum is None:
        return []
    excess = total - to_minor(tariff.maximum, tariff.currency)
    if excess <= 0:
        return []
    rates = sorted({amount.tax_percent for amount in amounts})
    sums = [sum(a.minor for a in amounts if a.tax_percent == rate) for rate in rates]
    weights = [EXACT.divide(Decimal(excess * each), Decimal(total)) for each in sums]
    parts = zip(rates, share(excess, weights), strict=True)
    return [_limit(tariff, "maximum", -part, rate) for rate, part in parts if part]


def _limit(tariff: Tariff, kind: str, minor: int, percent: Decimal) -> Amount:
    limit = tariff.minimum if kind == "minimum" else tariff.maximum
    return Amount(
        kind=kind,
        label=limit_label(kind, limit or Decimal(0), tariff.currency),
        quantity=Decimal(1),
        unit="",
        unit_price=from_minor(minor, tariff.currency),
        minor=minor,
        tax_percent=percent,
    )
