"""Tax per rate, shared out over the lines so that every line and every sum adds up."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from app.domain.money.tariffs.currencies import EXACT, round_minor
from app.domain.money.tariffs.quote import Evidence, Line, Phrase, TaxTotal
from app.domain.money.tariffs.tariff import TaxMode


@dataclass(frozen=True, slots=True)
class Amount:
    """A line before its tax is known; `minor` is net or gross, as the tariff's prices are."""

    kind: str
    label: Phrase
    quantity: Decimal
    unit: str
    unit_price: Decimal
    minor: int
    tax_percent: Decimal
    component_index: int | None = None
    evidence: tuple[Evidence, ...] = ()


def share(total: int, weights: Sequence[Decimal]) -> list[int]:
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


def with_tax(
    mode: TaxMode, amounts: Sequence[Amount]
) -> tuple[tuple[Line, ...], tuple[TaxTotal, ...]]:
    """The lines with their tax, and the sums per tax rate, lowest rate first."""
    taxes: dict[int, int] = {}
    totals = []
    for percent in sorted({amount.tax_percent for amount in amounts}):
        members = [i for i, amount in enumerate(amounts) if amount.tax_percent == percent]
        base = sum(amounts[i].minor for i in members)
        tax = round_minor(_tax(mode, base, percent))
        parts = share(tax, [_tax(mode, amounts[i].minor, percent) for i in members])
        taxes.update(zip(members, parts, strict=True))
        net = base - tax if mode is TaxMode.INCLUSIVE else base
        totals.append(TaxTotal(percent, net, tax, net + tax))
    lines = tuple(_line(mode, amount, taxes[i]) for i, amount in enumerate(amounts))
    return lines, tuple(totals)


def _tax(mode: TaxMode, minor: int, percent: Decimal) -> Decimal:
    """The exact tax in an amount, or on top of it."""
    whole = Decimal(100) + percent if mode is TaxMode.INCLUSIVE else Decimal(100)
    return EXACT.divide(EXACT.multiply(Decimal(minor), percent), whole)


def _line(mode: TaxMode, amount: Amount, tax: int) -> Line:
    net = amount.minor - tax if mode is TaxMode.INCLUSIVE else amount.minor
    return Line(
        kind=amount.kind,
        label=amount.label,
        quantity=amount.quantity,
        unit=amount.unit,
        unit_price=amount.unit_price,
        amount_minor=amount.minor,
        net_minor=net,
        tax_minor=tax,
        gross_minor=net + tax,
        tax_percent=amount.tax_percent,
        component_index=amount.component_index,
        evidence=amount.evidence,
    )
