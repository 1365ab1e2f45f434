"""Prices that no session can come to are found, named and told how to mend."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.money.tariffs import Component, Kind, Restriction, Tariff, Usage, price, unreachable
from deploy.demo_site import TARIFF
from tests.money.tariff_cases import BERLIN, tariff, usage
from tests.support.chance import tries

NIGHT = {"from": "22:00", "until": "06:00"}
DAY = {"from": "06:00", "until": "22:00"}


def energy(price="0.40", name="", **when):
    document = {"kind": "energy", "price": price, "name": name}
    return {**document, "when": when} if when else document


def sentences(*components, today=None, **rest):
    return [each.sentence for each in unreachable(tariff(*components, **rest), today)]


def test_a_night_rate_under_a_day_rate_without_hours_is_told_to_move_up():
    assert sentences(energy(name="day rate"), energy("0.30", "night rate", **NIGHT)) == [
        "Price 2 (night rate) can never apply: price 1 (day rate) stands above it and holds "
        "whenever it does. Move it above price 1."
    ]
    assert sentences(energy("0.30", **NIGHT), energy()) == []


def test_what_two_prices_fill_together_hides_a_third():
    [told] = sentences(energy(**DAY), energy(**NIGHT), energy("0.50", "rest"))
    assert told == (
        "Price 3 (rest) can never apply: price 1 and price 2 stand above it, and one of them "
        "holds whenever it does. Remove it, or change when they hold."
    )
    [told] = sentences(energy(**DAY), energy(**NIGHT), energy("0.50", weekdays=["sat", "sun"]))
    assert told.endswith("Move it above price 1.")


def test_the_same_price_twice_is_to_be_removed_once():
    [told] = sentences(energy(**NIGHT), energy("0.20", **NIGHT))
    assert told.endswith("Remove one of the two, or change when they hold.")


@pytest.mark.parametrize(
    "above",
    [
        {"from": "22:00", "until": "05:59"},
        {**NIGHT, "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat"]},
        {**NIGHT, "date_from": "2026-01-01"},
        {**NIGHT, "energy_from_kwh": "0.001"},
        {**NIGHT, "duration_to_min": 600},
    ],
)
def test_one_minute_one_day_one_watt_hour_more_is_enough_to_be_reached(above):
    assert sentences(energy(**above), energy("0.20", **NIGHT)) == []


def test_tiers_are_reached_in_either_order_unless_the_lower_one_is_open():
    low, high = energy("0.40", energy_to_kwh="20"), energy("0.30", energy_from_kwh="20")
    assert sentences(low, high) == sentences(high, low) == []
    assert len(sentences(energy("0.40"), high)) == 1
    first, second = energy(energy_to_kwh="20"), energy(energy_from_kwh="10", energy_to_kwh="15")
    assert len(sentences(first, second)) == 1
    assert sentences(second, first) == []


def test_kinds_do_not_hide_each_other():
    assert sentences(energy(), {"kind": "connected_time", "price": "0.01", "when": NIGHT}) == []


def test_dates_that_are_over_are_told_from_the_day_after_on():
    summer = energy("0.30", "summer", date_from="2026-06-01", date_to="2026-08-31")
    assert sentences(summer, energy(), today=date(2026, 8, 31)) == []
    assert sentences(summer, energy(), today=date(2026, 9, 1)) == [
        "Price 1 (summer) can never apply: its last day, 2026-08-31, is over. Remove it."
    ]
    assert sentences(summer, energy()) == []


def test_a_price_hidden_from_now_on_is_told_though_it_once_applied():
    new = energy("0.50", date_from="2026-07-01")
    old = energy("0.40")
    assert sentences(new, old) == []
    assert len(sentences(new, old, today=date(2026, 7, 1))) == 1


def test_a_weekday_that_does_not_lie_between_the_dates_is_told():
    days = {"date_from": "2026-12-01", "date_to": "2026-12-04"}  # Tuesday to Friday
    assert sentences(energy(weekdays=["sat"], **days)) == [
        "Price 1 can never apply: none of its weekdays lies between its first and its last day. "
        "Change one of them."
    ]
    assert sentences(energy(weekdays=["fri"], **days)) == []
    assert sentences(energy(date_from="0001-01-01", date_to="9999-12-31")) == []


def test_free_minutes_and_grace_that_outlast_a_price_are_told():
    timed = {"kind": "charging_time", "price": "0.10", "when": {"duration_to_min": 30}}
    [told] = sentences(timed, free_minutes=30)
    assert "the first 30 minutes are free of time charges" in told
    assert sentences(timed, free_minutes=29) == []
    idle = {"kind": "idle", "price": "1", "grace_minutes": 60, "when": {"duration_to_min": 60}}
    [told] = sentences(idle)
    assert "its first 60 idle minutes are free" in told
    assert sentences({**idle, "grace_minutes": 59}) == []


def test_a_tariff_with_as_many_prices_as_may_be_is_judged():
    hours = [
        energy(**{"from": f"{hour:02d}:00", "until": f"{hour + 1:02d}:00"}, weekdays=[day])
        for day in ("mon", "tue")
        for hour in range(24)
    ]
    rest = [energy(energy_from_kwh=str(n), duration_from_min=n) for n in range(11, 0, -1)]
    assert sentences(*hours, *rest, energy()) == []
    assert len(sentences(*hours, energy(weekdays=["mon", "tue"]))) == 1


def test_a_night_at_the_demo_site_costs_the_night_rate():
    night = usage("2026-11-27 22:30", "2026-11-28 05:30", [("2026-11-28 05:30", 22_340)])
    demo = tariff(*TARIFF["components"], tax=TARIFF["tax"])
    quote = price(demo, night)
    assert [(line.kind, str(line.unit_price)) for line in quote.lines] == [
        ("start", "0.50"),
        ("energy", "0.35"),
    ]
    assert unreachable(demo) == []


# The judgement against the pricing engine itself, on a small world whose every cell is tried.

MONDAY = datetime(2026, 11, 30, tzinfo=ZoneInfo(BERLIN))
HOURS, DAYS, STEPS = (0, 6, 12, 18), (0, 2, 5), (0, 1, 2)


@st.composite
def components(draw: st.DrawFn) -> Component:
    kind = draw(st.sampled_from([Kind.ENERGY, Kind.ENERGY, Kind.IDLE, Kind.CONNECTED_TIME]))
    hours = draw(st.none() | st.tuples(st.sampled_from(HOURS), st.sampled_from(HOURS)))
    timed = hours is not None and hours[0] != hours[1]
    low, first = draw(st.sampled_from([None, 1, 2])), draw(st.sampled_from([None, 60, 120]))
    high, last = draw(st.sampled_from([None, 1, 2])), draw(st.sampled_from([None, 60, 120]))
    when = Restriction(
        from_minute=hours[0] * 60 if timed else None,
        until_minute=(hours[1] * 60 or 1440) if timed else None,
        weekdays=draw(st.sampled_from([frozenset(), frozenset({0, 1}), frozenset(range(2, 7))])),
        date_from=draw(st.sampled_from([None, (MONDAY + timedelta(days=2)).date()])),
        date_to=draw(st.sampled_from([None, (MONDAY + timedelta(days=4)).date()])),
        energy_from_kwh=None if low is None else Decimal(low),
        energy_to_kwh=None if high is None or high <= (low or 0) else Decimal(high),
        duration_from_min=first,
        duration_to_min=None if last is None or last <= (first or 0) else last,
    )
    grace = draw(st.sampled_from([0, 60])) if kind is Kind.IDLE else 0
    return Component(kind, Decimal(1), when=when, grace_minutes=grace)


def sessions():
    """A session through every cell: it reaches an energy at once and then stays a while."""
    for day in range(-1, 13):
        for hour in (1, 4, 7, 10, 13, 16, 19, 22):
            for energy_wh in (500, 1500, 2500):
                for before in (0, 1, 2):
                    start = MONDAY + timedelta(days=day, hours=hour - before)
                    yield _session(start.astimezone(UTC), before, energy_wh)


def _session(start: datetime, before: int, energy_wh: int) -> Usage:
    """Takes most of its energy at the start and the rest in its last ten minutes."""
    end = start + timedelta(hours=before, minutes=10)
    late = end - timedelta(minutes=10)
    most = Decimal(energy_wh - 400)
    curve = ((start, Decimal(0)), (start, most), (late, most), (end, Decimal(energy_wh)))
    return Usage(start, end, BERLIN, curve, charging=((start, end),), idle=((start, end),))


SESSIONS = list(sessions())


@pytest.mark.landing
@given(st.lists(components(), min_size=1, max_size=5), st.sampled_from([0, 60]))
@settings(max_examples=tries(25), deadline=None)
def test_a_price_is_called_unreachable_exactly_where_no_session_comes_to_it(parts, free):
    drawn = Tariff("EUR", tuple(parts), free_minutes=free)
    hit = {
        line.component_index
        for session in SESSIONS
        for line in price(drawn, session).lines
        if line.component_index is not None
    }
    called = {each.index for each in unreachable(drawn)}
    assert called == set(range(len(parts))) - hit


@pytest.mark.landing
@given(st.lists(components(), min_size=2, max_size=6))
@settings(max_examples=tries(200), deadline=None)
def test_a_price_that_is_told_to_move_up_is_reached_there(parts):
    drawn = Tariff("EUR", tuple(parts))
    for found in unreachable(drawn):
        if "Move it above" not in found.sentence:
            continue
        above = found.hidden_by[0]
        order = [part for place, part in enumerate(parts) if place != found.index]
        order.insert(above, parts[found.index])
        moved = {each.index for each in unreachable(replace(drawn, components=tuple(order)))}
        assert above not in moved
