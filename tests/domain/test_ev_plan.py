"""Plans for cars: how much power, when, and why; and which limit holds when."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.ev_plan import Needs, planned
from app.domain.profile_times import rate_at
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
