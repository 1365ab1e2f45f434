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
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from app.domain.money.tariffs.counting import Tally, count_up
from app.domain.money.tariffs.currencies import EXACT, from_minor, round_minor, to_minor
from app.domain.money.tariffs.explanation import explain, limit_label, line_label
from app.domain.money.tariffs.quote import Line, Quote, TaxTotal, Usage
from app.domain.money.tariffs.tariff import Kind, Tariff, TaxMode

#: How much of what is counted makes one unit that has a price, and what that is called.
_PER = {Kind.START: (1, "session"), Kind.ENERGY: (1000, "kWh")}
_FEWEST_PLACES, _MOST_PLACES = 3, 20


def price(tariff: Tariff, usage: Usage) -> Quote:
    """The lines of a bill for `usage`, with totals and the facts behind them."""
    count = count_up(tariff, usage)
    amounts = [
        _amount(tariff, index, count.tallies[index])
        for index in sorted(count.tallies)
        if count.energy_wh or tariff.components[index].kind is Kind.START
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
