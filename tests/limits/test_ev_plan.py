"""Plans for cars: how much power, when, and why; and which limit holds when."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.limits.ev_plan import Needs, planned
from app.domain.limits.profile_forms import rate_at
from app.domain.limits.supply import share
from tests.conftest import NOW

FOUR_H = NOW + timedelta(hours=4)
DAY = {
    "kind": "daily",
    "starts_at": "2026-03-01T23:00:00+00:00",
    "periods": [{"start_s": 0, "limit": "32.0"}, {"start_s": 25_200, "limit": "10.0"}],
}


def car(**facts):
    values = {"phases": 3, "most_w": Decimal(11_000), **facts}
    return Needs(**values)


@pytest.mark.parametrize(
    ("needs", "limit_w", "watts", "reason"),
    [
        (car(), 22_000, "11000.0", "did not say how much energy"),
        (car(energy_wh=Decimal(5000)), 7000, "7000.0", "named no departure: full power"),
        (
            car(energy_wh=Decimal(20_000), departure_at=FOUR_H),
            None,
            "6000.0",
            "evenly, with a sixth",
        ),
        (car(energy_wh=Decimal(90_000), departure_at=FOUR_H), None, "11000.0", "all the time"),
        (car(energy_wh=Decimal(1000), departure_at=FOUR_H), None, "4140.0", "the least power"),
        (
            car(energy_wh=Decimal(1000), departure_at=NOW + timedelta(minutes=5)),
            None,
            "11000.0",
            "leaves within 10 minutes",
        ),
        (
            car(energy_wh=Decimal(1000), departure_at=NOW - timedelta(hours=1)),
            None,
            "11000.0",
            "leaves within 10 minutes",
        ),
    ],
)
def test_a_plan_follows_the_needs_and_says_why(needs, limit_w, watts, reason):
    plan = planned(needs, None if limit_w is None else Decimal(limit_w), "W", NOW)
    assert plan.document["periods"] == [{"start_s": 0, "phases": 3, "limit": watts}]
    assert reason in plan.why


def test_a_plan_in_amperes_never_grants_more_than_was_meant():
    plan = planned(car(), None, "A", NOW)
    assert plan.document["periods"][0]["limit"] == "15.9"


def test_without_any_power_there_is_no_plan():
    assert planned(car(most_w=None), None, "W", NOW) is None


def test_the_limit_of_an_instant_is_that_of_its_period():
    assert rate_at(DAY, NOW) == "10.0"
    assert rate_at(DAY, NOW - timedelta(hours=4)) == "32.0"
    assert rate_at(DAY, NOW - timedelta(days=9)) is None
    assert rate_at({**DAY, "duration_s": 60}, NOW) is None
    assert rate_at({**DAY, "valid_to": NOW.isoformat()}, NOW) is None
    assert rate_at({**DAY, "valid_from": FOUR_H.isoformat()}, NOW) is None
    assert rate_at({"periods": [{"start_s": 0, "limit": "6.0"}]}, NOW) == "6.0"


LITTLE = car(energy_wh=Decimal(20_000), departure_at=FOUR_H)


@pytest.mark.parametrize(
    ("needs", "unit", "switches", "phases", "limit"),
    [
        (car(), "A", True, 1, "13.0"),
        (car(), "W", False, 1, "3000.0"),
        (LITTLE, "A", True, 1, "13.0"),
        (car(most_w=Decimal(3900)), "A", True, 1, "6.0"),
        (car(), "A", False, 3, "0.0"),
        (car(phases=1, least_w=Decimal(3200)), "A", True, 1, "0.0"),
    ],
)
def test_too_little_for_all_phases_is_given_on_one_or_not_at_all(
    needs, unit, switches, phases, limit
):
    """3 kW on three phases are 4.3 A, with which no car charges."""
    plan = planned(needs, Decimal(3000), unit, NOW, switches=switches)
    assert plan.document["periods"] == [{"start_s": 0, "phases": phases, "limit": limit}]


def test_nothing_on_any_phase_is_nothing():
    plan = planned(car(), Decimal(1000), "W", NOW, switches=True)
    assert plan.document["periods"][0]["limit"] == "0.0"
    assert "gets nothing until there is more" in plan.why


def test_a_car_that_names_less_than_any_takes_is_not_stopped_for_it():
    plan = planned(car(most_w=Decimal(3000)), Decimal(22_000), "A", NOW)
    assert plan.document["periods"] == [{"start_s": 0, "phases": 3, "limit": "6.0"}]


def test_direct_current_has_no_phases_to_charge_on():
    plan = planned(Needs(0, most_w=Decimal(50_000)), Decimal(900), "W", NOW)
    assert plan.document["periods"] == [{"start_s": 0, "limit": "900.0"}]


@pytest.mark.parametrize(
    ("plugs", "watts"),
    [
        ({1: None}, 22_000),
        ({1: None, 2: None}, 11_000),
        ({1: 22_000, 2: 3_700}, 18_300),
        ({1: 3_700, 2: None}, 3_700),
        ({1: 50_000, 2: 50_000, 3: 2_000}, 10_000),
    ],
)
def test_an_evse_gets_its_share_of_the_stations_power(plugs, watts):
    assert share(22_000, plugs, 1) == watts
