"""When a car is idle: the meter decides, a status marks the instant, and neither is believed alone.

Times are minutes since the start of a session.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.money.billing.flow import Flow, joined, steps_of, without
from app.domain.money.billing.idle import (
    BY_METER,
    REFUTED,
    TOLD_ONLY,
    UNCLEAR,
    Says,
    Witness,
    Word,
    carried_over,
    stood,
)
from tests.support.chance import tries
from tests.support.charging import STARTED

CHARGING, IDLE, WITHHELD, NOTHING = Says.CHARGING, Says.IDLE, Says.WITHHELD, Says.NOTHING


def at(minute):
    return STARTED + timedelta(minutes=minute)


def span(since, until):
    return at(since), at(until)


def curve(*points):
    return [(at(minute), Decimal(wh)) for minute, wh in points]


def steadily(power_w, since, until, every, wh=0):
    """Readings at a steady power, in (minute, Wh)."""
    return [
        (minute, wh + power_w * (minute - since) // 60) for minute in range(since, until + 1, every)
    ]


def session(until, points=(), words=(), power=(), **given):
    """What is said of a session of so many minutes."""
    billed = given.pop("billed", True)
    witness = Witness(
        at(0),
        at(until),
        steps_of(curve(*points), [(at(minute), Decimal(watts)) for minute, watts in power]),
        [Word(at(minute), says) for minute, says in words],
        **given,
    )
    found = stood(witness, billed=billed)
    return minutes(found.charging), minutes(found.idle), minutes(found.by_meter), found.codes


def minutes(intervals):
    return [
        tuple(round((instant - STARTED).total_seconds() / 60, 1) for instant in interval)
        for interval in intervals
    ]


def test_a_car_that_draws_power_is_not_idle_whatever_the_last_status_says():
    points = steadily(6_600, 0, 120, 15)
    charging, idle, _, codes = session(120, points, [(0, CHARGING), (20, IDLE)])
    assert idle == [(20, 30)] or idle == []
    assert charging[-1][1] == 120
    assert codes == (REFUTED,)


def test_a_full_car_is_idle_also_while_the_charger_says_charging():
    points = [*steadily(7_200, 0, 60, 10), *((minute, 7_200) for minute in range(90, 361, 30))]
    charging, idle, by_meter, codes = session(360, points, [(0, CHARGING)])
    assert (charging, idle, by_meter) == ([(0, 60)], [(60, 360)], [(60, 360)])
    assert codes == (BY_METER,)


def test_idle_time_that_only_the_meter_shows_is_told_where_the_rule_says_so():
    points = [*steadily(7_200, 0, 60, 10), (120, 7_200)]
    charging, idle, by_meter, codes = session(120, points, [(0, CHARGING)], billed=False)
    assert (charging, idle, by_meter) == ([(0, 120)], [], [(60, 120)])
    assert codes == (TOLD_ONLY,)


@pytest.mark.parametrize("word", [62, 67, 74])
def test_a_status_between_two_readings_marks_the_instant(word):
    points = [*steadily(7_200, 0, 60, 15), (75, 7_201), (90, 7_201)]
    found = session(90, points, [(0, CHARGING), (word, IDLE)])
    assert found == ([(0, word)], [(word, 90)], [], ())


def test_a_status_within_the_last_step_that_rises_marks_the_instant():
    points = [*steadily(7_200, 0, 60, 15), (75, 8_041), (90, 8_041)]
    found = session(90, points, [(0, CHARGING), (67, IDLE)])
    assert found == ([(0, 67)], [(67, 90)], [], ())


def test_where_only_readings_speak_the_last_that_rises_ends_charging():
    points = [*steadily(7_200, 0, 60, 15), (75, 8_041), (90, 8_041), (105, 8_041)]
    assert session(105, points)[:2] == ([(0, 75)], [(75, 105)])


def test_a_pause_that_the_charger_makes_is_never_idle():
    points = [(0, 0), (30, 3_601), (60, 3_601), (90, 7_203)]
    found = session(90, points, [(30, WITHHELD), (60, CHARGING)])
    assert found == ([(0, 30), (60, 90)], [], [], ())


def test_a_plug_that_cannot_serve_is_never_idle():
    points = [(0, 0), (30, 3_601), (90, 3_601)]
    found = session(90, points, [(0, CHARGING)], closed=[span(40, 80)])
    assert found[1] == [(30, 40), (80, 90)]


def test_the_handshake_is_not_idle():
    points = [(0, 0), (4, 0), (60, 6_721)]
    assert session(60, points, [(0, NOTHING), (4, CHARGING)])[1] == []


def test_a_status_may_call_the_handshake_idle():
    points = [(0, 0), (4, 0), (60, 6_721)]
    assert session(60, points, [(0, IDLE), (4, CHARGING)])[1] == [(0, 4)]


def test_a_long_time_before_the_first_energy_is_idle_but_for_the_handshake():
    points = [(0, 0), (60, 0), (120, 7_201)]
    assert session(120, points, [(0, NOTHING), (60, CHARGING)])[1] == [(5, 60)]


def test_several_pauses_are_idle_each():
    points = [(0, 0), (30, 3_601), (60, 3_601), (90, 7_203), (120, 7_203), (150, 9_001)]
    found = session(150, points, [(0, CHARGING)])
    assert found[:2] == ([(0, 30), (60, 90), (120, 150)], [(30, 60), (90, 120)])


def test_a_car_that_goes_on_without_a_word_charges_again():
    points = [(0, 0), (30, 3_601), (60, 3_601), *steadily(7_200, 75, 120, 15, 5_401)]
    found = session(120, points, [(0, CHARGING), (30, IDLE)])
    assert found == ([(0, 30), (60, 120)], [(30, 60)], [], (REFUTED,))


def test_no_idle_time_comes_after_the_register_rises_again_offline():
    points = [(0, 0), *((60 + 15 * n, 5_000 + 2_500 * n) for n in range(12)), (250, 35_000)]
    charging, idle, _, codes = session(250, points, [(0, CHARGING), (30, IDLE)])
    assert idle == [(30, 60)]
    assert charging == [(0, 30), (60, 250)]
    assert codes == (REFUTED,)


def test_after_the_authorisation_ends_a_connected_car_is_idle():
    points = [(0, 0), (30, 3_601), (31, 3_601), (90, 3_601)]
    found = session(90, points, [(0, CHARGING), (30, NOTHING)])
    assert found[:3] == ([(0, 30)], [(30, 90)], [(30, 90)])


def test_a_register_of_whole_kilowatt_hours_still_tells():
    charged = [(15 * n, 1_000 * (15 * n * 3_700 // 60_000)) for n in range(13)]
    stood_still = [(180 + 15 * n, charged[-1][1]) for n in range(1, 21)]
    charging, idle, by_meter, _ = session(480, [*charged, *stood_still], [(0, CHARGING)])
    assert (charging, idle) == ([(0, 180)], [(180, 480)])
    assert by_meter == idle


def test_a_coarse_register_that_stands_for_one_reading_proves_nothing():
    points = [(0, 0), (15, 1_000), (30, 1_000), (45, 2_000), (60, 3_000)]
    assert session(60, points, [(0, CHARGING)])[:2] == ([(0, 60)], [])


def test_standby_draw_is_not_charging():
    points = [*steadily(7_200, 0, 60, 15), *steadily(20, 60, 240, 15, 7_200)[1:]]
    assert session(240, points, [(0, CHARGING)])[1] == [(60, 240)]


@pytest.mark.parametrize("every", [1, 5, 15])
def test_a_slow_trickle_is_charging(every):
    points = [*steadily(7_200, 0, 60, 15), *steadily(60, 60, 240, every, 7_200)[1:]]
    assert session(240, points, [(0, CHARGING)])[:2] == ([(0, 240)], [])


def test_direct_current_at_the_end_of_a_charge_is_charging():
    powers = [150_000, 90_000, 40_000, 12_000, 4_000, 2_000]
    points, wh = [(0, 0)], 0
    for index, watts in enumerate(powers):
        wh += watts // 12
        points.append((5 * index + 5, wh))
    points += [(35, wh), (40, wh), (45, wh)]
    assert session(45, points, [(0, CHARGING)])[:2] == ([(0, 30)], [(30, 45)])


def test_power_speaks_where_the_register_is_too_coarse_to():
    points = [(0, 0), (15, 1_000), (30, 1_000), (45, 1_000), (60, 2_000)]
    flowing = [(minute, 1_500) for minute in range(0, 61, 15)]
    assert session(60, points, power=flowing)[:2] == ([(0, 60)], [])
    paused = [(0, 1_500), (15, 0), (30, 0), (45, 1_500), (60, 1_500)]
    assert session(60, points, power=paused)[1] == [(15, 30)]


def test_a_flowing_power_is_not_idle_although_the_register_stands():
    points = [(0, 0), (30, 0), (60, 0)]
    power = [(0, 7_000), (30, 7_000), (60, 7_000)]
    assert session(60, points, [(10, IDLE)], power)[1] == [(10, 30)]


@pytest.mark.parametrize("off", [-1, 1])
def test_a_status_by_a_clock_a_minute_off_is_still_the_one_that_tells(off):
    points = [*steadily(7_200, 0, 60, 1), *((minute, 7_200) for minute in range(61, 121))]
    charging, idle, by_meter, codes = session(120, points, [(0, CHARGING), (60 + off, IDLE)])
    assert charging[-1][1] == idle[0][0] == pytest.approx(60, abs=1)
    assert (by_meter, codes) == ([], ())


def test_without_readings_the_words_count():
    points = [(0, 0), (60, 10_000)]
    words = [(1, CHARGING), (20, WITHHELD), (25, CHARGING), (40, IDLE)]
    found = session(60, points, words, greatest_w=Decimal(22_000))
    assert found == ([(0, 20), (25, 40)], [(40, 60)], [], ())


def test_words_that_cannot_explain_the_energy_are_held():
    points = [(0, 0), (240, 40_000)]
    found = session(240, points, [(0, CHARGING), (20, IDLE)], greatest_w=Decimal(22_000))
    assert found == ([(0, 240)], [], [], (UNCLEAR,))


@pytest.mark.parametrize(
    ("believed", "held"), [({}, True), ({"believed_w": Decimal(150_000)}, False)]
)
def test_a_plug_of_which_nothing_is_known_gives_alternating_current(believed, held):
    found = session(120, [(0, 0), (120, 14_000)], [(0, CHARGING), (10, IDLE)], **believed)
    assert found[1:] == (([], [], (UNCLEAR,)) if held else ([(10, 120)], [], ()))


def test_readings_show_that_a_plug_gives_more():
    points = [(0, 0), (15, 25_000), (30, 50_000), (45, 53_000)]
    found = session(90, [*points, (90, 53_000)], [(0, CHARGING), (32, IDLE)])
    assert found == ([(0, 32)], [(32, 90)], [], ())


def test_a_status_of_before_a_time_offline_says_nothing_of_it():
    points = [(0, 0), (240, 10_000)]
    words = [(0, CHARGING), (30, IDLE)]
    given = {"greatest_w": Decimal(22_000), "blind": [span(40, 230)]}
    charging, idle, _, codes = session(240, points, words, **given)
    assert (charging, idle, codes) == ([(0, 30), (40, 240)], [(30, 40)], (UNCLEAR,))


def test_a_still_register_confirms_a_status_of_before_a_time_offline():
    points = [(0, 0), (30, 5_001), (240, 5_001)]
    found = session(240, points, [(0, CHARGING), (30, IDLE)], blind=[span(40, 230)])
    assert found == ([(0, 30)], [(30, 240)], [], ())


def test_a_suspended_plug_is_carried_over_only_while_the_station_is_connected():
    word = Word(at(-5), IDLE)
    assert carried_over(word, (), (), at(0)) is IDLE
    assert carried_over(word, (), [span(-3, -1)], at(0)) is CHARGING
    assert carried_over(word, (), [span(0, 300)], at(0)) is CHARGING


def test_a_plug_that_prepares_is_carried_over_where_it_goes_on_to_tell_when_it_charges():
    word, charges = Word(at(-5), NOTHING), [Word(at(3), CHARGING)]
    assert carried_over(word, charges, (), at(0)) is NOTHING
    assert carried_over(word, charges, [span(-3, -1)], at(0)) is CHARGING
    assert carried_over(word, [Word(at(3), IDLE)], (), at(0)) is CHARGING
    assert carried_over(word, (), (), at(0)) is CHARGING


def test_a_running_session_goes_on_as_its_last_reading_shows():
    points = [*steadily(7_200, 0, 60, 15), (75, 7_200)]
    assert session(85, points, [(0, CHARGING)], running=True)[:2] == ([(0, 60)], [(60, 85)])
    assert session(65, points[:5], [(0, CHARGING)], running=True)[:2] == ([(0, 65)], [])


SAYS = st.sampled_from(Says)
RISES = st.sampled_from([0, 0, 0, 1, 15, 100, 500, 1_800])


@settings(max_examples=tries(200), deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(1, 40), RISES), min_size=1, max_size=12),
    words=st.lists(st.tuples(st.integers(-5, 300), SAYS), max_size=6),
    blind=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=2),
    more=st.integers(0, 40),
    billed=st.booleans(),
)
def test_charging_and_idle_never_overlap_never_leave_and_idle_never_flows(
    steps, words, blind, more, billed
):
    points = [(0, 0)]
    for length, wh in steps:
        points.append((points[-1][0] + length, points[-1][1] + wh))
    judged = steps_of(curve(*points))
    witness = Witness(
        at(0),
        at(points[-1][0] + more),
        judged,
        [Word(at(minute), says) for minute, says in sorted(words, key=lambda word: word[0])],
        blind=[span(since, since + length) for since, length in sorted(blind)],
    )
    found = stood(witness, billed=billed)
    edges = [edge for part in sorted((*found.charging, *found.idle)) for edge in part]
    assert edges == sorted(edges)
    assert all(witness.started_at <= edge <= witness.ended_at for edge in edges)
    told = [word.at for word in witness.words]
    for step in judged:
        if step.flow is not Flow.FLOWS:
            continue
        for since, until in found.idle:
            overlap = max(since, step.since), min(until, step.until)
            if overlap[0] < overlap[1]:
                # Only where a status within the step splits it.
                assert any(step.since <= instant <= step.until for instant in told)
                assert any(a < step.until and b > step.since for a, b in found.charging), (
                    "all of a step that flows is idle"
                )


def test_a_step_in_which_a_coarse_register_stood_says_nothing_of_how_fast_it_went():
    power = [(at(minute), Decimal(3000)) for minute in (0, 5, 10)]
    steps = steps_of(curve((0, 0), (10, 0), (30, 30_000)), power)
    words = [Word(at(1), IDLE), Word(at(11), IDLE)]
    found = stood(Witness(at(0), at(30), steps, words, dark=[span(12, 20)]))
    assert found.charging[-1][1] == at(30), "energy flowed in the last step, whatever was said"


STRETCHES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12)


@given(STRETCHES, STRETCHES)
@settings(max_examples=tries(300), deadline=None)
def test_stretches_without_others_are_what_lies_in_none_of_them(told, shut):
    kept, closed = ([span(since, since + lasts) for since, lasts in some] for some in (told, shut))
    left = without(joined(kept), closed)
    assert list(left) == sorted(left) and all(since < until for since, until in left)
    for minute in range(90):
        moment = at(minute + 0.5)
        within = [any(a <= moment < b for a, b in some) for some in (kept, closed, left)]
        assert within[2] == (within[0] and not within[1])
