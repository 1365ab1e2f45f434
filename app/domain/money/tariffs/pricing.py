"""The price of a session: one function for the running cost and the final bill.

How it counts.  Energy and time are shared out over the prices.  Steps count as
OCPI counts them (2.2.1 CDRs, `step_size`): once for all the energy of a session
and once for all its charging and idle time together, never once for each price.
The step is that of the last price that counted; the total of its kind is rounded
up and the rest goes to that price.  So charging time is not rounded where idle
time follows.  Connected time, which OCPI does not know, runs beside both and is
counted by itself.

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
time, no idle time, no minimum.  An unused reservation costs its own
prices and nothing else, up to the maximum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from app.domain.money.tariffs.quote import (
    Count,
    Line,
    Part,
    Quote,
    Rounding,
    Tally,
    TaxTotal,
    Usage,
    explain,
    limit_label,
    line_label,
)
from app.domain.money.tariffs.slices import Slice, slices
from app.domain.money.tariffs.tariff import (
    EXACT,
    MINUTE_US,
    NO_SHOW_KINDS,
    Kind,
    Tariff,
    TaxMode,
    first_match,
    from_minor,
    round_minor,
    to_minor,
)

#: The kinds whose steps count together.
_DIMENSIONS = {
    Kind.ENERGY: "energy",
    Kind.CHARGING_TIME: "time",
    Kind.IDLE: "time",
    Kind.CONNECTED_TIME: "connected",
    Kind.NO_SHOW_TIME: "kept",
}


def count_up(tariff: Tariff, usage: Usage) -> Count:
    """Share out the session's energy and time over the components, in whole steps."""
    zone = ZoneInfo(usage.timezone)
    count = Count()
    once = Kind.NO_SHOW if usage.no_show else Kind.START
    start = first_match(tariff, once, usage.started_at.astimezone(zone), Decimal(0), 0)
    if start is not None:
        count.tallies[start] = Tally(1)
    for part in slices(tariff, usage):
        if usage.no_show:
            _count_kept(tariff, zone, count, part)
            continue
        if part.energy_wh:
            _count_energy(tariff, zone, count, part)
        if part.seconds:
            _count_time(tariff, zone, count, part)
    count.roundings = tuple(_round_up(tariff, count))
    return count


def _round_up(tariff: Tariff, count: Count) -> Iterator[Rounding]:
    """Bring the total of each dimension to whole steps of the price that counted last."""
    for index in count.last.values():
        component = tariff.components[index]
        total = sum(
            tally.amount
            for each, tally in count.tallies.items()
            if tariff.components[each].kind is component.kind
        )
        missing = -total % component.step
        if missing:
            count.tallies[index].amount += missing
            yield Rounding(component.kind, index, component.step, total, total + missing)


def _match(tariff: Tariff, kind: Kind, zone: ZoneInfo, part: Slice) -> int | None:
    local = part.from_at.astimezone(zone)
    return first_match(tariff, kind, local, part.exact_wh, part.elapsed_us)


def _count_energy(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    count.energy_wh += part.energy_wh
    index = _match(tariff, Kind.ENERGY, zone, part)
    if index is None:
        count.unpriced_wh += part.energy_wh
        return
    _add(tariff, count, index, part, part.energy_wh)


def _count_kept(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    index = _match(tariff, Kind.NO_SHOW_TIME, zone, part)
    if index is not None and part.seconds:
        _add(tariff, count, index, part, part.seconds)


def _count_time(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    free = part.elapsed_us < tariff.free_minutes * MINUTE_US
    for kind, counts in ((Kind.CHARGING_TIME, part.charging), (Kind.CONNECTED_TIME, True)):
        index = _match(tariff, kind, zone, part) if counts else None
        if index is None:
            continue
        if free:
            count.free_s += part.seconds
        else:
            _add(tariff, count, index, part, part.seconds)
    if not part.idle:
        return
    count.idle_s += part.seconds
    index = _match(tariff, Kind.IDLE, zone, part)
    if index is None or part.idle_us < tariff.components[index].grace_minutes * MINUTE_US:
        return
    count.idle_charged_s += part.seconds
    _add(tariff, count, index, part, part.seconds)


def _add(tariff: Tariff, count: Count, index: int, part: Slice, amount: int) -> None:
    """Count an amount for a component, with the stretch as its evidence."""
    tally = count.tallies.setdefault(index, Tally())
    tally.amount += amount
    count.last[_DIMENSIONS[tariff.components[index].kind]] = index
    evidence = Part(
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


#: How much of what is counted makes one unit that has a price, and what that is called.
_PER = {Kind.START: (1, "session"), Kind.ENERGY: (1000, "kWh"), Kind.NO_SHOW: (1, "reservation")}
#: What needs no energy to be charged.
_ENERGY_OR_NOT = {Kind.START, *NO_SHOW_KINDS}
_FEWEST_PLACES, _MOST_PLACES = 3, 20


def price(tariff: Tariff, usage: Usage) -> Quote:
    """The lines of a bill for `usage`, with totals and the facts behind them."""
    count = count_up(tariff, usage)
    amounts = [
        _amount(tariff, index, count.tallies[index])
        for index in sorted(count.tallies)
        if count.energy_wh or tariff.components[index].kind in _ENERGY_OR_NOT
    ]
    amounts += _limits(tariff, amounts, bool(count.energy_wh))
    lines, taxes = _with_tax(tariff.tax_mode, amounts)
    return Quote(
        currency=tariff.currency,
        tax_mode=tariff.tax_mode,
        lines=lines,
        taxes=taxes,
        net_minor=sum(line.net_minor for line in lines),
        tax_minor=sum(line.tax_minor for line in lines),
        gross_minor=sum(line.gross_minor for line in lines),
        energy_wh=Decimal(count.energy_wh),
        explanation=explain(tariff, usage, lines, count),
    )


def _amount(tariff: Tariff, index: int, tally: Tally) -> Line:
    """What a component costs: its quantity times its price, rounded once."""
    component = tariff.components[index]
    per, unit = _PER.get(component.kind, (60, "min"))
    cost = EXACT.divide(EXACT.multiply(component.price, Decimal(tally.amount)), Decimal(per))
    minor = to_minor(cost, tariff.currency)
    quantity = EXACT.divide(Decimal(tally.amount), Decimal(per))
    return Line(
        kind=component.kind.value,
        label=line_label(component),
        quantity=_told_quantity(quantity, component.price, minor, tariff.currency),
        unit=unit,
        unit_price=component.price,
        amount_minor=minor,
        tax_percent=tariff.tax_percent_of(component),
        component_index=index,
        evidence=tuple(tally.evidence),
    )


def _told_quantity(quantity: Decimal, price: Decimal, minor: int, currency: str) -> Decimal:
    """The quantity with as many places as make it, times the price, the line's amount.

    Three do for energy, whose watt-hours are whole.  A minute has 60 seconds, so
    time may need more, and at an exact half the last place is rounded up.
    """
    for places in range(_FEWEST_PLACES, _MOST_PLACES):
        for rounding in (ROUND_HALF_UP, ROUND_CEILING):
            told = quantity.quantize(Decimal(1).scaleb(-places), rounding, EXACT)
            if to_minor(EXACT.multiply(told, price), currency) == minor:
                return told
    return quantity


def _limits(tariff: Tariff, amounts: Sequence[Line], charged: bool) -> list[Line]:
    """The lines that lift the sum to the minimum or bring it down to the maximum."""
    total = sum(amount.amount_minor for amount in amounts)
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
    sums = [sum(a.amount_minor for a in amounts if a.tax_percent == rate) for rate in rates]
    weights = [EXACT.divide(Decimal(excess * each), Decimal(total)) for each in sums]
    parts = zip(rates, _share(excess, weights), strict=True)
    return [_limit(tariff, "maximum", -part, rate) for rate, part in parts if part]


def _limit(tariff: Tariff, kind: str, minor: int, percent: Decimal) -> Line:
    limit = tariff.minimum if kind == "minimum" else tariff.maximum
    return Line(
        kind=kind,
        label=limit_label(kind, limit or Decimal(0), tariff.currency),
        quantity=Decimal(1),
        unit="",
        unit_price=from_minor(minor, tariff.currency),
        amount_minor=minor,
        tax_percent=percent,
    )


def _share(total: int, weights: Sequence[Decimal]) -> list[int]:
    """`total` cut into whole parts that add up to it, each nearest to its weight.

    `weights` add up to about `total`; what flooring leaves goes to the largest
    remainders, the earlier part first.
    """
    floors = [int(weight.to_integral_value(rounding=ROUND_FLOOR)) for weight in weights]
    left = total - sum(floors)
    by_remainder = sorted(range(len(weights)), key=lambda i: (floors[i] - weights[i], i))
    for index in by_remainder[:left]:
        floors[index] += 1
    return floors


def _with_tax(
    mode: TaxMode, lines: Sequence[Line]
) -> tuple[tuple[Line, ...], tuple[TaxTotal, ...]]:
    """The lines with their tax, and the sums per tax rate, lowest rate first."""
    taxed = list(lines)
    totals = []
    for percent in sorted({line.tax_percent for line in lines}):
        members = [i for i, line in enumerate(lines) if line.tax_percent == percent]
        base = sum(lines[i].amount_minor for i in members)
        tax = round_minor(_tax(mode, base, percent))
        parts = _share(tax, [_tax(mode, lines[i].amount_minor, percent) for i in members])
        for i, part in zip(members, parts, strict=True):
            net, gross = _split(mode, lines[i].amount_minor, part)
            taxed[i] = replace(lines[i], net_minor=net, tax_minor=part, gross_minor=gross)
        net, gross = _split(mode, base, tax)
        totals.append(TaxTotal(percent, net, tax, gross))
    return tuple(taxed), tuple(totals)


def _tax(mode: TaxMode, minor: int, percent: Decimal) -> Decimal:
    """The exact tax in an amount, or on top of it."""
    whole = Decimal(100) + percent if mode is TaxMode.INCLUSIVE else Decimal(100)
    return EXACT.divide(EXACT.multiply(Decimal(minor), percent), whole)


def _split(mode: TaxMode, minor: int, tax: int) -> tuple[int, int]:
    """Net and gross of an amount."""
    return (minor - tax, minor) if mode is TaxMode.INCLUSIVE else (minor, minor + tax)
