"""Prices that follow the site's wall clock: midnight, weekdays and clock changes."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.money.tariffs import Usage, price
from tests.money.tariff_cases import BERLIN, at, tariff, usage

NIGHT = {
    "kind": "connected_time",
    "name": "night",
    "price": "1",
    "when": {"from": "22:00", "until": "06:00"},
}
DAY = {"kind": "connected_time", "name": "day", "price": "0.01"}
SOME = 1000  # Wh: enough that time is charged


def minutes(quote_of: Usage, *components: dict[str, object]) -> dict[int | None, int]:
    quote = price(tariff(*components), quote_of)
    return {line.component_index: int(line.quantity) for line in quote.lines}


def stay(start: datetime, end: datetime, zone: str = BERLIN) -> Usage:
    return Usage(start, end, zone, ((end, Decimal(SOME)),))


def test_dst_spring():
    """The night of 29 March 2026 has seven hours in Berlin."""
    night = stay(at("2026-03-28 20:00"), at("2026-03-29 08:00"))
    assert minutes(night, NIGHT, DAY) == {0: 7 * 60, 1: 4 * 60}


def test_dst_fall():
    """The night of 25 October 2026 has nine."""
    night = stay(at("2026-10-24 20:00"), at("2026-10-25 08:00"))
    assert minutes(night, NIGHT, DAY) == {0: 9 * 60, 1: 4 * 60}


def test_a_boundary_in_the_hour_that_spring_leaves_out_is_passed_by_the_jump():
    late = {**NIGHT, "when": {"from": "02:30", "until": "06:00"}}
    night = stay(at("2026-03-29 01:00"), at("2026-03-29 07:00"))
    assert minutes(night, late, DAY) == {0: 3 * 60, 1: 2 * 60}


def test_a_window_in_the_hour_that_autumn_repeats_holds_twice():
    twice = {**NIGHT, "when": {"from": "02:15", "until": "02:45"}}
    night = stay(at("2026-10-25 01:00"), at("2026-10-25 04:00"))
    assert minutes(night, twice, DAY) == {0: 60, 1: 180}


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_day_has_the_hours_that_its_clock_shows(day: str, hours: int):
    follows = {"2026-03-29": "2026-03-30", "2026-10-25": "2026-10-26", "2026-06-01": "2026-06-02"}
    only = {"kind": "connected_time", "price": "1", "when": {"date_from": day, "date_to": day}}
    long = stay(at(f"{day} 00:00"), at(f"{follows[day]} 00:00"))
    assert minutes(long, only, DAY) == {0: hours * 60}


def test_midnight():
    """Sunday ends at 24:00 site time, which is 23:00 UTC in winter."""
    sunday = {"kind": "energy", "price": "1", "when": {"weekdays": ["sun"]}}
    rest = {"kind": "energy", "price": "2"}
    quote = price(
        tariff(sunday, rest),
        usage("2026-03-01 23:30", "2026-03-02 00:30", [("2026-03-02 00:30", 6000)]),
    )
    assert [line.quantity for line in quote.lines] == [3, 3]
    assert quote.lines[0].evidence[0].to_at == datetime(2026, 3, 1, 23, 0, tzinfo=UTC)


def test_a_window_over_midnight_takes_the_weekday_of_the_instant():
    friday = {**NIGHT, "when": {"from": "22:00", "until": "06:00", "weekdays": ["fri"]}}
    # Friday 6 March 2026, 21:00, to Saturday 07:00.
    assert minutes(stay(at("2026-03-06 21:00"), at("2026-03-07 07:00")), friday, DAY) == {
        0: 2 * 60,
        1: 8 * 60,
    }


def test_a_zone_that_changes_its_clock_at_midnight():
    """Cairo leaves out the first hour of 24 April 2026."""
    cairo = "Africa/Cairo"
    only = {
        "kind": "connected_time",
        "price": "1",
        "when": {"date_from": "2026-04-24", "date_to": "2026-04-24"},
    }
    long = stay(at("2026-04-23 12:00", cairo), at("2026-04-25 12:00", cairo), cairo)
    assert minutes(long, only, DAY) == {0: 23 * 60, 1: 24 * 60}


def test_the_same_window_on_two_nights_is_one_line_with_two_stretches():
    long = stay(at("2026-03-02 20:00"), at("2026-03-04 08:00"))
    quote = price(tariff(NIGHT, DAY), long)
    assert [len(line.evidence) for line in quote.lines] == [2, 3]
    assert quote.lines[0].quantity == 16 * 60
