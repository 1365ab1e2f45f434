"""Placeholders, wrong units, phases, slips, substitutes and clocks (FIELD 1.4, 1.7)."""

from decimal import Decimal

import pytest

from app.domain.charging.energy import (
    INTERVAL,
    NET,
    POWER,
    EnergyFacts,
    EnergyFlag,
    Reading,
    measure,
)
from tests.charging.energy_cases import W_22K, minute, registers, session


def test_begin_zero_placeholder():
    """0 at the start, 910 kWh on the first reading, 83 Wh charged (Iocharger)."""
    found = session(0, 910_083, registers([910_000, 910_050], first=1), minutes=5)
    assert found.energy_wh == 83
    assert found.flags == {EnergyFlag.BEGIN_ZERO_PLACEHOLDER}


def test_a_negative_register_at_the_start_is_none():
    found = session(-1, 214_000, registers([207_000, 208_750, 210_500], first=60, every=15),
                    minutes=120)  # fmt: skip
    assert found.flags >= {EnergyFlag.BEGIN_MISSING}
    assert (found.energy_wh, found.before_wh, found.held) == (14_000, 7_000, True)


def test_readings_of_another_register_than_the_start_do_not_count_from_zero():
    found = session(900_000, 214_000, registers([202_000, 206_000, 210_000], every=30, first=15),
                    minutes=120)  # fmt: skip
    assert (found.energy_wh, found.held) == (12_000, True)


def test_a_true_zero_at_the_start_is_a_register():
    found = session(0, 9000, registers([0, 3000, 6000], every=20))
    assert (found.energy_wh, found.flags) == (9000, frozenset())


def test_mislabelled_unit_flagged():
    """A register that counts kilowatt-hours but says Wh, beside honest power."""
    power = [Reading(minute(i * 10), Decimal(20_000), POWER, received=i) for i in range(7)]
    found = session(1204, 1224, [*registers([1204, 1210, 1220], every=20), *power])
    assert found.energy_wh == 20
    assert found.flags == {EnergyFlag.UNIT_MISLABELLED}
    assert found.held


def test_honest_power_beside_honest_register_is_no_flag():
    power = [Reading(minute(i * 10), Decimal(20_000), POWER, received=i) for i in range(7)]
    assert not session(1000, 21_000, power).flags


def test_register_that_stands_still_while_power_flows_is_held():
    power = [Reading(minute(i * 10), Decimal(20_000), POWER, received=i) for i in range(7)]
    found = session(1000, 1000, power)
    assert found.flags == {EnergyFlag.REGISTER_STUCK}


def test_phase_energy_sum():
    readings = [
        Reading(minute(30), Decimal(1000 + i), phase=phase, received=i)
        for i, phase in enumerate(("L1", "L2-N", "L3"))
    ]
    found = session(0, None, readings)
    assert found.energy_wh == 3003
    assert EnergyFlag.SUMMED_PHASES in found.flags


def test_unphased_register_wins_over_phases():
    readings = registers([0, 3000], every=30)
    readings += [Reading(minute(30), Decimal(900), phase=p, received=9) for p in ("L1", "L2")]
    found = session(0, None, readings)
    assert found.energy_wh == 3000
    assert EnergyFlag.SUMMED_PHASES not in found.flags


def test_inlet_ignored():
    readings = [
        *registers([1000, 3000], every=30, location="Outlet"),
        *registers([9000, 9900], every=30, location="Inlet"),
    ]
    assert session(1000, 5000, readings).flags == frozenset()
    assert session(1000, None, readings).energy_wh == 2000


def test_reading_after_the_stop_does_not_count():
    found = session(1000, 5000, registers([1000, 3000, 9000], every=31))
    assert (found.energy_wh, found.flags) == (4000, frozenset())


def test_reading_after_an_assumed_end_extends_it():
    assert session(1000, None, registers([1000, 3000, 6000], every=35)).energy_wh == 5000


def test_mv_replay_no_double():
    readings = registers([1000, 3000, 6000], every=15)
    assert session(1000, None, readings * 3) == session(1000, None, readings)


def test_frame_without_energy_keeps_the_total():
    readings = [
        *registers([1000, 6000], every=15),
        Reading(minute(40), Decimal(7000), POWER, received=5),
        Reading(minute(41), Decimal(55), "SoC", received=6),
    ]
    assert session(1000, None, readings).energy_wh == 5000


def test_a_slip_to_zero_is_left_out():
    found = session(900_000, 905_000, registers([900_000, 0, 902_000, 904_000], every=12))
    assert found.energy_wh == 5000
    assert found.flags == {EnergyFlag.OUTLIER_IGNORED}
    assert not found.held
    assert [int(reading.value) for reading in found.ignored] == [0]


def test_a_spike_is_left_out():
    found = session(1000, 6000, registers([1000, 99_000_000, 3000, 5000], every=12))
    assert (found.energy_wh, found.flags) == (5000, {EnergyFlag.OUTLIER_IGNORED})


def test_stop_rounded_below_the_last_reading_is_final():
    found = session(1000, 5999, [*registers([1000]), *registers([6003], first=59)])
    assert (found.energy_wh, found.flags) == (4999, frozenset())


def test_intervals_are_added_where_there_is_no_register():
    readings = [
        Reading(minute(15 * (i + 1)), Decimal(2000), INTERVAL, context="Sample.Clock", received=i)
        for i in range(4)
    ]
    found = session(0, 0, readings)
    assert found.energy_wh == 8000
    assert found.flags == {EnergyFlag.INTERVAL_SUM}
    assert not found.held


@pytest.mark.parametrize("told", [(1, 2, 4), (1, 2, 4, 5), (1, 2, 3, 4, 5, 8, 9, 10)])
def test_intervals_of_which_some_are_lost_are_held(told):
    readings = [
        Reading(minute(15 * number), Decimal(2000), INTERVAL, received=number) for number in told
    ]
    found = session(0, 0, readings, minutes=15 * told[-1])
    assert found.flags == {EnergyFlag.INTERVAL_SUM, EnergyFlag.INTERVAL_LOST}
    assert found.held


def test_net_register_is_a_last_resort_and_held():
    readings = [Reading(minute(i * 20), Decimal(i * 2000), NET, received=i) for i in range(4)]
    found = session(0, 0, readings)
    assert (found.energy_wh, found.flags, found.held) == (6000, {EnergyFlag.NET_USED}, True)


def test_power_alone_is_an_estimate_and_held():
    power = [Reading(minute(i * 20), Decimal(9000), POWER, received=i) for i in range(4)]
    found = session(0, 0, power)
    assert found.energy_wh == 9000
    assert found.flags == {EnergyFlag.INTEGRATED_POWER}
    assert found.held


def test_no_energy_at_all_is_said_and_held():
    found = session(None, None)
    assert found.energy_wh == 0
    assert found.flags == {EnergyFlag.NO_ENERGY_REPORTED, EnergyFlag.ESTIMATED_END}
    assert found.held


def test_session_without_consumption_is_a_plain_zero():
    found = session(7000, 7000, registers([7000, 7000]))
    assert (found.energy_wh, found.flags) == (0, frozenset())


def test_stop_before_start():
    """A clock that was set back during the session: our own instants give its length."""
    facts = EnergyFacts(
        meter_start_wh=Decimal(1000),
        started_at=minute(120),
        meter_stop_wh=Decimal(9000),
        ended_at=minute(30),
        max_power_w=W_22K,
        readings=registers([1000, 4000, 8000], every=10),
        received_start_at=minute(0),
        received_end_at=minute(30),
    )
    found = measure(facts)
    assert found.energy_wh == 8000
    assert found.flags == {EnergyFlag.CLOCK_INCONSISTENT}
    assert found.duration_s == 30 * 60
    assert found.held


def test_clock_set_back_between_readings_is_no_register_reset():
    readings = [
        Reading(minute(20), Decimal(1000), received=0),
        Reading(minute(30), Decimal(4000), received=1),
        Reading(minute(25), Decimal(6000), received=2),
        Reading(minute(35), Decimal(8000), received=3),
    ]
    found = session(1000, 9000, readings)
    assert (found.energy_wh, found.flags) == (8000, {EnergyFlag.CLOCK_INCONSISTENT})


def test_readings_from_before_the_session_do_not_count():
    old = [Reading(minute(-600), Decimal(10), received=0)]
    found = session(1000, 5000, [*old, *registers([1000, 3000], every=20)])
    assert (found.energy_wh, found.flags) == (4000, frozenset())


def test_every_flag_has_a_sentence():
    for flag in EnergyFlag:
        assert flag.sentence.endswith(".")
    assert EnergyFlag.ESTIMATED_END.holds
    assert not EnergyFlag.SUMMED_PHASES.holds


def test_a_register_of_whole_kilowatt_hours_is_no_implausible_power():
    """It jumps by 1000 Wh from one minute to the next, and may do so in the first one."""
    slow = Decimal(7_400)
    coarse = registers([41_000, 41_000, 42_000, 42_000, 43_000], every=8)
    found = session(41_000, 43_000, coarse, minutes=33, max_power_w=slow)
    assert (found.energy_wh, found.flags) == (2000, frozenset())
    assert not session(41_000, 42_000, minutes=3, max_power_w=slow).flags
    assert session(41_001, 42_000, minutes=3, max_power_w=slow).held


def test_a_register_that_is_told_late_is_no_implausible_power():
    late = registers([1000, 1000, 1000, 1000, 2800, 2800, 2800, 2800, 2800, 4600])
    assert not session(1000, 4600, late, minutes=10).flags
