"""Steps as OCPI counts them: the examples of its 2.2.1 specification (tariffs, `step_size`, and
CDRs), and what must hold for every session."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.money.tariffs import (
    Component,
    Kind,
    Quote,
    Restriction,
    Tariff,
    Usage,
    price,
    say,
    to_minor,
)
from tests.money.tariff_cases import tariff, usage
from tests.money.test_tariffs_properties import tariffs, usages
from tests.support.chance import tries

BEFORE_17 = {"from": "00:00", "until": "17:00"}

# Tariff example 14: 1.20 and 2.40 an hour of charging, 1.00 an hour of parking before 20:00.
# A tenth of a cent per minute would round the hour of parking, so it is 1.20 here.
TARIFF_14 = tariff(
    {"kind": "charging_time", "price": "0.02", "step": 1800, "when": BEFORE_17},
    {"kind": "charging_time", "price": "0.04", "step": 900},
    {"kind": "idle", "price": "0.02", "step": 900, "when": {"from": "00:00", "until": "20:00"}},
)


def lines_of(quote: Quote) -> list[tuple[str, str, int]]:
    return [(e.kind, format(e.quantity.normalize(), "f"), e.gross_minor) for e in quote.lines]


def charged(start: str, end: str, charging_until: str | None = None) -> Usage:
    day = "2026-03-02 "
    until = day + charging_until if charging_until else None
    return usage(day + start, day + end, [(until or day + end, 5000)], until)


def test_charging_is_not_rounded_where_parking_follows():
    """Example 1: 5 and 5 minutes of charging, 2 of parking."""
    assert lines_of(price(TARIFF_14, charged("16:55", "17:07", "17:05"))) == [
        ("charging_time", "5", 10),
        ("charging_time", "5", 20),
        ("idle", "15", 30),
    ]


def test_the_step_of_the_last_price_rounds_the_total_of_all():
    """Example 2: 35 minutes become 45, of which 25 are billed before 17:00."""
    quote = price(TARIFF_14, charged("16:35", "17:10"))
    assert lines_of(quote) == [("charging_time", "25", 50), ("charging_time", "20", 80)]
    assert quote.gross_minor == 130
    assert [say(fact) for fact in quote.explanation if fact[0] != "why.unpriced"] == [
        "Charging time counts in started steps of 900 seconds, once for the whole session: "
        "35 min count as 45 min.",
        "The rest is on the line “Charging time”, whose price held last.",
    ]


def test_the_last_price_is_the_last_that_cost_something_to_use():
    """Example 3: parking is free from 20:00 on; the 8 minutes before it count as 15."""
    assert lines_of(price(TARIFF_14, charged("19:40", "20:12", "19:52"))) == [
        ("charging_time", "12", 48),
        ("idle", "15", 30),
    ]


def test_energy_is_rounded_in_its_total():
    """CDRs: 4.3 and 1.1 kWh in steps of 500 Wh are 5.5 kWh, not 4.5 and 1.5."""
    both = {"kind": "energy", "step": 500}
    quote = price(
        tariff({**both, "price": "0.20", "when": BEFORE_17}, {**both, "price": "0.27"}),
        usage(
            "2026-03-02 16:00",
            "2026-03-02 18:00",
            [("2026-03-02 17:00", 4300), ("2026-03-02 18:00", 5400)],
        ),
    )
    assert lines_of(quote) == [("energy", "4.3", 86), ("energy", "1.2", 32)]
    assert quote.energy_wh == 5400


@pytest.mark.parametrize(
    ("charging", "parking", "step", "billed"),
    [(21, 7, 300, ("21", "10")), (21, 16, 600, ("21", "20")), (165, 42, 300, ("165", "45"))],
)
def test_only_the_parking_is_rounded_where_both_cost(charging, parking, step, billed):
    """CDRs, and the first reckoning of the complex tariff."""
    quote = price(
        tariff(
            {"kind": "charging_time", "price": "0.02", "step": step},
            {"kind": "idle", "price": "0.04", "step": step},
        ),
        charged(
            "06:00",
            f"{6 + (charging + parking) // 60:02}:{(charging + parking) % 60:02}",
            f"{6 + charging // 60:02}:{charging % 60:02}",
        ),
    )
    assert tuple(quantity for _, quantity, _ in lines_of(quote)) == billed


def test_minutes_of_charging_across_a_change_of_price():
    """CDRs: 6 minutes before and 22 after 17:00 in steps of ten are 6 and 24."""
    both = {"kind": "charging_time", "step": 600}
    quote = price(
        tariff({**both, "price": "0.05", "when": BEFORE_17}, {**both, "price": "0.07"}),
        charged("16:54", "17:22"),
    )
    assert lines_of(quote) == [("charging_time", "6", 30), ("charging_time", "24", 168)]


def test_idle_time_in_its_grace_is_no_last_price():
    quote = price(
        tariff(
            {"kind": "charging_time", "price": "0.02", "step": 600},
            {"kind": "idle", "price": "0.04", "step": 600, "grace_minutes": 10},
        ),
        charged("10:00", "10:33", "10:25"),
    )
    assert lines_of(quote) == [("charging_time", "30", 60)]


@given(usages(), st.integers(1, 1439), st.sampled_from([7, 60, 900, 1000]))
@settings(max_examples=tries(80), deadline=None)
def test_a_boundary_between_equal_prices_changes_no_quantity(
    session: Usage, minute: int, step: int
):
    kinds = (Kind.ENERGY, Kind.CONNECTED_TIME, Kind.CHARGING_TIME, Kind.IDLE)
    cuts = (Restriction(0, minute), Restriction(minute, 1440))
    whole = Tariff("EUR", tuple(Component(kind, Decimal(1), step=step) for kind in kinds))
    cut = Tariff(
        "EUR",
        tuple(Component(kind, Decimal(1), when=when, step=step) for kind in kinds for when in cuts),
    )
    assert _steps(cut, session) == _steps(whole, session)


def _steps(rates: Tariff, session: Usage) -> dict[str, int]:
    """Wh or seconds by kind."""
    found: dict[str, int] = {}
    for line in price(rates, session).lines:
        amount = line.quantity * (1000 if line.unit == "kWh" else 60)
        found[line.kind] = found.get(line.kind, 0) + round(amount)
    return found


@given(tariffs(), usages())
@settings(max_examples=tries(200), deadline=None)
def test_the_quantity_times_the_price_is_the_line(rates: Tariff, session: Usage):
    for line in price(rates, session).lines:
        assert to_minor(line.quantity * line.unit_price, rates.currency) == line.amount_minor
