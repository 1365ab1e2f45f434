"""Prices that are worked out twice: by the product, and from the words of a tariff alone."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from app.domain.money.tariffs import Usage, from_json, price
from tests.support import chances
from tests.support.priced import half_up, price_of


def usage(used):
    """The same session as the product is told of it."""
    curve = [(at, Decimal(wh.numerator) / wh.denominator) for at, wh in map(_exact, used.readings)]
    return Usage(
        *(used.began, used.ended, used.zone, tuple(curve)),
        charging=tuple(used.charging),
        idle=tuple(used.idle),
        no_show=used.unused,
    )


def _exact(reading):
    return reading[0], Fraction(reading[1])


def compared(seed):
    rng = random.Random(seed)
    zone, days = rng.choice(list(chances.CHANGES.items()))
    day = rng.choice(days)
    tariff, used = chances.tariff(rng, day=day), chances.used(rng, zone, day)
    ours, quote = price_of(tariff, used), price(from_json(tariff), usage(used))
    told = (quote.net_minor, quote.tax_minor, quote.gross_minor)
    assert told == (ours.net, ours.tax, ours.gross), f"seed {seed}"
    found = {}
    for line in quote.lines:
        name = line.kind if line.component_index is None else line.component_index
        found[name] = found.get(name, 0) + abs(line.amount_minor)
        assert line.net_minor + line.tax_minor == line.gross_minor
        if line.component_index is not None:
            whole = half_up(Fraction(line.quantity) * Fraction(line.unit_price) * _unit(quote))
            assert whole == line.amount_minor, f"seed {seed}: what a line says, it comes to"
    assert found == ours.amounts, f"seed {seed}"
    return quote


def _unit(quote):
    return 10 ** chances.PLACES[quote.currency]


NIGHT = [pytest.param(n, marks=pytest.mark.nightly) for n in range(1, 100)]


@pytest.mark.parametrize("forty", [0, *NIGHT])
def test_every_price_comes_to_what_the_words_of_its_tariff_say(forty):
    quotes = [compared(40 * forty + n) for n in range(40)]
    assert sum(bool(quote.gross_minor) for quote in quotes) > 12
