"""Sessions that contradict their own evidence: the right figure, and held (docs/money.md)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.charging.energy import INTERVAL, POWER, EnergyFacts, EnergyFlag, Reading
from app.domain.money.billing.evidence import PlugHistory, Weighed, weigh
from tests.charging.energy_cases import START, minute, registers

BEGIN, END = "Transaction.Begin", "Transaction.End"


def weighed(start, stop, readings=(), *, minutes=60, past=None, **known) -> Weighed:
    """A session of an hour at a plug of which only what is `known` is known."""
    facts = EnergyFacts(
        meter_start_wh=None if start is None else Decimal(start),
        started_at=START,
        meter_stop_wh=None if stop is None else Decimal(stop),
        ended_at=minute(minutes),
        readings=tuple(readings),
        **known,
    )
    return weigh(facts, past)


def powers(watts, *, every=10, count=7):
    return [
        Reading(minute(every * i), Decimal(watts), POWER, received=50 + i) for i in range(count)
    ]


def intervals(values, *, every=10, first=10, **rest):
    return [
        Reading(minute(first + every * i), Decimal(value), INTERVAL, received=i, **rest)
        for i, value in enumerate(values)
    ]


def doubted(found: Weighed, *flags: EnergyFlag) -> bool:
    """Whether the bill is held, and for these reasons among others."""
    return found.energy.held and found.energy.flags.issuperset(flags)


# The begin


@pytest.mark.parametrize("begin", [0, 17])
def test_a_begin_far_below_a_lifetime_register_is_no_register(begin):
    readings = registers([936_000, 939_500, 945_800], every=100, first=1)
    found = weighed(begin, 945_830, readings, minutes=240)
    flag = EnergyFlag.BEGIN_UNEXPLAINED if begin else EnergyFlag.BEGIN_ZERO_PLACEHOLDER
    assert doubted(found, flag)
    assert 9_830 <= found.energy.energy_wh <= 9_930


@pytest.mark.parametrize("minutes", [10, 60, 600, 6000])
def test_a_zero_before_a_lifetime_register_is_none_however_long_the_session(minutes):
    readings = registers([5_000_000, 5_000_900], every=minutes // 2, first=1)
    found = weighed(0, 5_001_000, readings, minutes=minutes)
    assert doubted(found, EnergyFlag.BEGIN_ZERO_PLACEHOLDER)
    assert found.energy.energy_wh < 2_000


def test_a_zero_after_a_register_that_ran_on_is_none_even_where_the_plug_could_explain_it():
    past = PlugHistory(Decimal(9_000), "lifetime")
    found = weighed(0, 14_000, past=past, max_power_w=Decimal(22_000))
    assert doubted(found, EnergyFlag.BEGIN_ZERO_PLACEHOLDER)
    assert found.energy.energy_wh == 5_000


def test_a_true_zero_of_a_plug_that_starts_anew_is_billed():
    past = PlugHistory(Decimal(9_000), "session")
    found = weighed(0, 9_000, registers([3000, 6000], every=20, first=20), past=past)
    assert (found.energy.energy_wh, found.energy.held) == (9_000, False)


@pytest.mark.parametrize("known", [{"plug_type": "CCS"}, {"max_power_w": Decimal(150_000)}, {}])
@pytest.mark.parametrize("previous", [31_000, 31_437])
def test_a_register_that_was_not_started_anew_this_once_holds(previous, known):
    past = PlugHistory(Decimal(previous), "session")
    readings = registers([31_000, 32_000, 33_000, 34_000], every=10, first=10)
    found = weighed(0, 35_000, readings, minutes=50, past=past, **known)
    assert doubted(found, EnergyFlag.BEGIN_ZERO_PLACEHOLDER)
    assert found.energy.energy_wh == 5_000


@pytest.mark.parametrize("habit", [None, "lifetime", "session"])
@pytest.mark.parametrize("previous", [0, 1_000])
def test_a_zero_is_no_surer_for_the_session_before_that_ended_with_hardly_more(previous, habit):
    readings = registers([31_000, 32_000, 33_000, 34_000], every=10, first=10)
    past = PlugHistory(Decimal(previous), habit)
    found = weighed(0, 35_000, readings, minutes=50, past=past, max_power_w=Decimal(150_000))
    assert doubted(found, EnergyFlag.BEGIN_ZERO_PLACEHOLDER)


@pytest.mark.parametrize("known", [{"plug_type": "CCS"}, {}])
@pytest.mark.parametrize(
    ("told", "flag"),
    [
        ([150_000, 150_750, 151_500], EnergyFlag.BEGIN_UNEXPLAINED),
        ([180_000], EnergyFlag.RATE_UNEXPLAINED),
    ],
)
def test_a_first_step_far_above_the_others_is_none_of_a_plug_whose_power_nobody_knows(
    told, flag, known
):
    past, readings = PlugHistory(Decimal(100_000), "lifetime"), registers(told, every=15, first=15)
    given = (100_000, told[-1] + 750, readings)
    assert doubted(weighed(*given, past=past, **known), flag)
    past = PlugHistory(Decimal(100_000), "lifetime", Decimal(200_000))
    assert not weighed(*given, past=past, **known).energy.held


def test_energy_before_a_late_first_reading_is_estimated_and_not_given_away():
    readings = registers([503_000, 506_000, 509_000], every=15, first=15)
    found = weighed(None, 512_000, readings)
    assert doubted(found, EnergyFlag.BEGIN_MISSING)
    assert (found.energy.energy_wh, found.energy.before_wh) == (12_000, 3_000)


def test_where_the_last_session_ended_is_better_than_the_pace():
    past = PlugHistory(Decimal(501_500), "lifetime")
    readings = registers([503_000, 506_000, 509_000], every=15, first=15)
    found = weighed(None, 512_000, readings, past=past)
    assert doubted(found, EnergyFlag.BEGIN_MISSING)
    assert found.energy.energy_wh == 10_500


@pytest.mark.parametrize("other", [98_700, 100_600])
@pytest.mark.parametrize("context", [None, BEGIN])
@pytest.mark.parametrize("doubtful", [True, False])
def test_an_opening_reading_beside_another_start_holds(other, context, doubtful):
    beside = Reading(minute(0), Decimal(other), context=context, received=9)
    readings = [beside, *registers([103_000, 107_000], every=20, first=20)]
    found = weighed(100_000, 110_000, readings, clock_doubtful=doubtful)
    differs = EnergyFlag.OPENING_DIFFERS in found.energy.flags
    assert differs == (not doubtful or context == BEGIN)


@pytest.mark.parametrize("at, shown", [(0, 100_000), (0, 100_009), (2, 100_700)])
def test_an_opening_reading_that_agrees_or_comes_late_holds_nothing(at, shown):
    opening = Reading(minute(at), Decimal(shown), context=BEGIN, received=0)
    readings = [opening, *registers([103_000, 107_000], every=20, first=20)]
    assert not weighed(100_000, 110_000, readings).energy.held


# The end


@pytest.mark.parametrize("extra", [60_000, 800_000])
def test_a_stop_that_no_step_explains_is_no_end(extra):
    readings = registers([103_000, 106_000, 109_000], every=15, first=15)
    found = weighed(100_000, 112_000 + extra, readings, max_power_w=Decimal(22_000))
    assert doubted(found, EnergyFlag.END_UNEXPLAINED)
    assert found.energy.energy_wh == 9_000
    assert {int(each.energy_wh) for each in found.candidates} >= {9_000, 12_000 + extra}


@pytest.mark.parametrize("other", [105_000, 115_000])
def test_a_closing_reading_beside_another_stop_holds(other):
    closing = Reading(minute(60), Decimal(other), context=END, received=9)
    found = weighed(100_000, 110_000, [*registers([103_000], first=20), closing])
    assert doubted(found, EnergyFlag.CLOSING_DIFFERS)


@pytest.mark.parametrize("words", [(110_000, 114_000), (114_000, 110_000), (110_000, 106_000)])
@pytest.mark.parametrize(("at", "told"), [(60, True), (0, True), (0, False)])
def test_two_registers_in_one_frame_at_an_end_hold(words, at, told):
    both = [Reading(minute(at), Decimal(word), received=9) for word in words]
    begin, end = (words[0], 118_000) if at == 0 else (100_000, words[0])
    found = weighed(
        begin if told else None,
        end,
        [*registers([114_500 if at == 0 else 103_000], first=20), *both],
    )
    assert found.energy.held


@pytest.mark.parametrize(("step", "up"), [(10, 0), (10, 1), (100, 0), (100, 1), (1000, 1)])
def test_a_register_told_once_more_in_rounded_kilowatt_hours_is_one(step, up):
    begin, end = 1_234_567, 1_241_983
    ends = [
        Reading(minute(at), Decimal(word), received=at)
        for at, exact in ((0, begin), (60, end))
        for word in (exact, exact // step * step + up * step)
    ]
    found = weighed(None, end, [*registers([1_238_111], first=20), *ends])
    assert not found.energy.held


@pytest.mark.parametrize("more", [{"location": "Inlet"}, {"phase": "L1"}, {}])
def test_other_registers_in_the_frame_of_the_stop_hold_nothing(more):
    told = Decimal("110000.4") if not more else Decimal(114_000)
    both = [Reading(minute(60), Decimal(110_000), received=9)]
    both.append(Reading(minute(60), told, received=9, **more))
    found = weighed(100_000, 110_000, [*registers([103_000], first=20), *both])
    assert not found.energy.held


@pytest.mark.parametrize("context", [None, END])
@pytest.mark.parametrize("doubtful", [True, False])
def test_a_reading_in_the_second_of_the_stop_differs_from_it_if_the_clock_can_tell(
    doubtful, context
):
    beside = Reading(minute(60), Decimal(106_000), context=context, received=9)
    readings = [*registers([103_000], first=20), beside]
    found = weighed(100_000, 110_000, readings, clock_doubtful=doubtful)
    differs = EnergyFlag.CLOSING_DIFFERS in found.energy.flags
    assert differs == (not doubtful or context == END)


def test_a_closing_reading_that_agrees_holds_nothing():
    closing = Reading(minute(60), Decimal(110_000), context=END, received=9)
    readings = [*registers([103_000, 107_000], every=20, first=20), closing]
    assert not weighed(100_000, 110_000, readings).energy.held


@pytest.mark.parametrize("dated", [50, 70, 600])
def test_a_reading_that_arrived_before_the_stop_and_lies_above_it_holds_whatever_its_clock(dated):
    readings = [*registers([102_000, 104_000], every=15, first=15)]
    readings.append(Reading(minute(dated), Decimal(112_000), received=2))
    found = weighed(100_000, 106_000, readings, readings_before_stop=3)
    assert doubted(found, EnergyFlag.READING_ABOVE_END)


@pytest.mark.parametrize(
    ("dated", "shown", "held"),
    [(80, 106_200, False), (80, 109_000, True), (50, 106_200, True), (50, 105_000, False)],
)
def test_a_reading_that_arrived_after_the_stop_holds_where_its_transaction_went_on(
    dated, shown, held
):
    readings = registers([102_000, 104_000], every=20, first=20)
    readings.append(Reading(minute(dated), Decimal(shown), received=2))
    found = weighed(100_000, 106_000, readings, readings_before_stop=2)
    assert (EnergyFlag.READING_ABOVE_END in found.energy.flags) is held


@pytest.mark.parametrize("seconds", [0, 1, 90])
def test_two_registers_where_no_start_told_one_hold(seconds):
    first = minute(0) + timedelta(seconds=seconds)
    both = [Reading(first, Decimal(word), received=0) for word in (100_000, 104_000)]
    found = weighed(None, 112_000, [*both, *registers([109_000], first=30)])
    assert EnergyFlag.OPENING_DIFFERS in found.energy.flags


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("begin", [1_000, 1_234_567])
def test_of_a_register_and_its_double_in_kilowatt_hours_the_finer_counts(order, begin):
    told = [begin + 1_437 * minutes for minutes in range(60)]
    readings = [
        Reading(minute(at), Decimal(word), context=context, received=at)
        for at, exact in enumerate(told)
        for word in (exact, exact // 1_000 * 1_000)[::order]
        for context in [{0: BEGIN, 59: END}.get(at, "Sample.Periodic")]
    ]
    found = weighed(None, None, readings).energy
    assert (found.energy_wh, found.flags) == (1_437 * 59, frozenset())


# On the way


def test_a_jump_that_stays_is_not_counted():
    values = [100_300, 103_600, 903_650, 907_700]
    readings = registers(values, every=20, first=20)
    found = weighed(100_000, 911_000, readings, minutes=100, max_power_w=Decimal(11_000))
    assert doubted(found, EnergyFlag.STEP_UNEXPLAINED)
    assert found.energy.energy_wh == 3_600 + 7_350


def test_a_jump_far_above_the_sessions_own_steps_is_none_of_a_strong_plug():
    values = [103_000 + 500 * i for i in range(6)] + [140_000 + 500 * i for i in range(5)]
    readings = registers(values, every=10, first=10)
    found = weighed(102_500, 142_500, readings, minutes=120, max_power_w=Decimal(350_000))
    assert found.energy.held
    assert found.energy.energy_wh < 6_000


def test_one_step_of_the_register_in_a_few_seconds_shows_no_pace():
    readings = registers([100_900, 101_800, 107_700, 108_600, 109_500], every=15, first=15)
    found = weighed(100_000, 109_600, readings, minutes=75.1, max_power_w=Decimal(22_000))
    assert doubted(found, EnergyFlag.STEP_UNEXPLAINED)
    assert found.energy.energy_wh == 3_700


def test_one_reading_left_out_is_told_and_many_hold():
    values = [100_000 + 1_000 * i for i in range(11)]
    one = registers([*values[:5], 9_000_000, *values[6:]], every=5)
    found = weighed(100_000, 111_000, one)
    assert (found.energy.energy_wh, found.energy.held) == (11_000, False)
    wild = [value if i % 3 else 9_000_000 + i for i, value in enumerate(values)]
    assert doubted(weighed(100_000, 111_000, registers(wild, every=5)), EnergyFlag.MANY_OUTLIERS)


@pytest.mark.parametrize("stop", [102_000, 150_000])
def test_a_register_that_the_measured_power_contradicts_is_held(stop):
    found = weighed(100_000, stop, powers(11_000), max_power_w=Decimal(50_000))
    assert doubted(found)
    assert found.energy.flags & {
        EnergyFlag.POWER_DISAGREES,
        EnergyFlag.END_UNEXPLAINED,
        EnergyFlag.IMPLAUSIBLE_POWER,
    }
    assert found.energy.power_wh == 11_000


def test_a_begin_at_a_thousandth_of_where_the_last_session_ended_is_in_another_unit():
    past = PlugHistory(Decimal(4_393_917), "lifetime")
    assert doubted(weighed("4393.917", "4397.2", past=past), EnergyFlag.UNIT_MISLABELLED)
    assert not weighed(4_500, 7_500, past=past).energy.held  # another meter


@pytest.mark.parametrize(("every", "stop", "held"), [(15, 101_013, True), (25, 101_013, False)])
def test_two_measurements_of_power_show_what_flowed_between_them_at_least(every, stop, held):
    """Over more than 20 minutes the car may have paused."""
    measured = powers(11_000, every=every, count=2)
    found = weighed(100_000, stop, measured, max_power_w=Decimal(22_000))
    assert (EnergyFlag.POWER_DISAGREES in found.energy.flags) is held
    true = weighed(100_000, 102_800, measured, max_power_w=Decimal(22_000))
    assert not true.energy.held


def test_two_measurements_of_power_within_seconds_say_nothing_of_the_unit():
    measured = powers(7_000, every=1 / 6, count=2)
    readings = registers([100_900 + 900 * n for n in range(11)], every=5, first=5)
    found = weighed(100_000, 110_800, [*readings, *measured], max_power_w=Decimal(22_000))
    assert (found.energy.energy_wh, found.energy.flags) == (10_800, frozenset())


@pytest.mark.parametrize("said_s", [None, 6 * 3600])
def test_hardly_any_energy_while_it_said_charging_is_a_wrong_unit(said_s):
    found = weighed(100_000, 100_040, minutes=360, said_charging_s=lambda: said_s)
    assert doubted(found, EnergyFlag.HARDLY_ANY_ENERGY)


def test_hardly_any_energy_of_a_plug_that_never_said_charging_is_none():
    found = weighed(100_000, 100_040, minutes=360, said_charging_s=lambda: 0)
    assert not found.energy.held


@pytest.mark.parametrize(("stop", "minutes"), [(101_000, 360), (100_040, 9)])
def test_where_energy_flowed_or_hardly_any_time_passed_nobody_asks_the_plug(stop, minutes):
    found = weighed(100_000, stop, minutes=minutes, said_charging_s=pytest.fail)
    assert EnergyFlag.HARDLY_ANY_ENERGY not in found.energy.flags


@pytest.mark.parametrize(
    ("told_wh", "every", "minutes"),
    [
        (395, 0.5, 12),  # of 1.3 kWh: little, but power was measured throughout
        (1_000, 15, 85),  # of 9.3 kWh: for the last quarter it was not
    ],
)
def test_power_shows_how_much_flowed_at_least(told_wh, every, minutes):
    measured = powers(6_600, every=every, count=int(minutes / every))
    assert doubted(
        weighed(100_000, 100_000 + told_wh, measured, minutes=minutes, max_power_w=Decimal(7_400)),
        EnergyFlag.POWER_DISAGREES,
    )


def test_power_that_comes_and_goes_was_not_always_the_higher_one():
    """A register of 15 kW, and 11 kW or nothing each time that somebody looks."""
    measured = [
        Reading(minute(15 * n), Decimal(n % 2 * 11_000), POWER, received=n) for n in range(9)
    ]
    readings = registers([100_000 + 3_750 * n for n in range(9)], every=15)
    found = weighed(
        100_000, 130_000, [*readings, *measured], minutes=120, max_power_w=Decimal(22_000)
    )
    assert doubted(found, EnergyFlag.POWER_DISAGREES)


# A plug of which nothing is known


def test_an_unknown_plug_is_believed_as_much_as_something_shows():
    assert doubted(weighed(100_000, 150_000), EnergyFlag.RATE_UNEXPLAINED)
    assert not weighed(100_000, 111_000).energy.held
    assert not weighed(100_000, 150_000, max_power_w=Decimal(150_000)).energy.held
    past = PlugHistory(greatest_power_w=Decimal(60_000))
    assert not weighed(100_000, 150_000, past=past).energy.held


@pytest.mark.parametrize(
    ("kind", "held"), [("Schuko", True), ("Type 1", True), ("Type 2", False), ("CCS", False)]
)
def test_the_kind_of_plug_limits_what_is_believed(kind, held):
    assert weighed(100_000, 124_000, plug_type=kind).energy.held is held


# Intervals and phases


def test_whole_intervals_hold_nothing():
    found = weighed(0, 0, intervals([2_000] * 6))
    assert (found.energy.energy_wh, found.energy.held) == (12_000, False)


@pytest.mark.parametrize("lost", [(0,), (2,), (5,), (2, 3), (1, 3)])
def test_an_interval_that_is_lost_is_noticed(lost):
    readings = [each for each in intervals([2_000] * 6) if each.received not in lost]
    assert doubted(weighed(0, 0, readings), EnergyFlag.INTERVAL_LOST)


def test_an_interval_sent_again_a_second_later_counts_once():
    readings = intervals([2_000, 2_001, 2_002, 2_003, 2_004, 2_005])
    again = Reading(minute(30 + 1 / 60), readings[2].value, INTERVAL, received=9)
    found = weighed(0, 0, [*readings, again])
    assert doubted(found, EnergyFlag.INTERVAL_REPEATED)
    assert found.energy.energy_wh == 12_015


def test_a_last_interval_of_another_context_is_not_dropped():
    readings = intervals([2_000] * 5, context="Sample.Periodic")
    last = Reading(minute(60), Decimal(2_000), INTERVAL, context=END, received=9)
    found = weighed(0, 0, [*readings, last])
    assert doubted(found, EnergyFlag.INTERVAL_MIXED)
    assert found.energy.energy_wh == 12_000


@pytest.mark.parametrize("at", [0, 60])
def test_a_phase_that_is_lost_at_an_end_holds(at):
    readings = [
        Reading(minute(each), Decimal(100_000 + 50 * each), phase=phase, received=each)
        for each in (0, 20, 40, 60)
        for phase in ("L1", "L2", "L3")
        if (each, phase) != (at, "L2")
    ]
    assert doubted(weighed(None, None, readings), EnergyFlag.PHASE_LOST)


# What is proposed


def test_a_figure_that_is_only_the_limit_of_the_plug_is_not_proposed():
    found = weighed(100_000, 900_000, max_power_w=Decimal(11_000))
    assert doubted(found, EnergyFlag.IMPLAUSIBLE_POWER)
    assert found.proposed_wh is None


def test_where_clocks_are_in_doubt_no_time_caps_the_energy():
    found = weighed(100_000, 108_000, minutes=0, clock_doubtful=True)
    assert found.proposed_wh == 8_000
