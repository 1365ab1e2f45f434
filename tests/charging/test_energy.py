"""Registers of ordinary sessions, resets and missing stops (FIELD 1.7, 3.1)."""

from decimal import Decimal

import pytest

from app.domain.charging.energy import (
    EnergyFacts,
    EnergyFlag,
    Reading,
    live_energy,
    measure,
    since_start,
)
from tests.charging.energy_cases import START, minute, registers, session


def test_energy_is_final_minus_initial_register():
    found = session(1_204_118, 1_214_118)
    assert (found.energy_wh, found.flags, found.held) == (10_000, frozenset(), False)
    assert found.curve == ((START, 0), (minute(60), 10_000))


def test_readings_in_between_change_nothing_but_draw_the_curve():
    found = session(1000, 11_000, registers([1000, 3000, 6000, 9000], every=15))
    assert found.energy_wh == 10_000
    assert not found.flags
    assert [int(wh) for _, wh in found.curve] == [0, 2000, 5000, 8000, 10_000]


def test_running_cost_agrees_with_the_final_energy_in_the_plain_case():
    found = session(1000, None, registers([1000, 3000, 6000], every=15), minutes=None)
    assert found.energy_wh == since_start(Decimal(1000), Decimal(6000)) == 5000
    assert live_energy(Decimal(4500), Decimal(5500), minute(15), Decimal(6000), minute(30)) == 5000
    assert not found.flags
    assert found.ended_at == minute(30)


@pytest.mark.parametrize(
    ("start", "last", "energy"),
    [(None, None, 0), (1000, None, 0), (1000, 1000, 0), (90_000, 400, 400), (None, 500, 0)],
)
def test_energy_since_the_start_is_never_negative(start: int | None, last: int | None, energy: int):
    def exact(value: int | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    assert since_start(exact(start), exact(last)) == energy


@pytest.mark.parametrize(
    ("before", "after", "energy"),
    [(1000, 4000, 3500), (0, 936_000, 500), (90_000, 400, 900), (5_000, 4_990, 500)],
)
def test_live_energy_takes_only_steps_that_a_plug_explains(before: int, after: int, energy: int):
    live = live_energy(Decimal(500), Decimal(before), minute(0), Decimal(after), minute(15))
    assert live == energy


def test_register_reset_mid_tx():
    found = session(5000, 3000, registers([5000, 8000, 11_000, 500, 2500], every=12))
    assert found.energy_wh == 6000 + 3000
    assert found.flags == {EnergyFlag.REGISTER_RESET}
    assert found.held
    assert [int(part.to_wh - part.from_wh) for part in found.segments] == [6000, 3000]


def test_reset_to_an_unknown_level_counts_only_what_was_seen():
    found = session(500_000, 44_000, registers([500_000, 503_000, 40_000, 42_000], every=15))
    assert found.energy_wh == 3000 + 4000
    assert EnergyFlag.REGISTER_RESET in found.flags


def test_session_relative_samples():
    """A lifetime register at the start, readings from zero (Grizzl-E)."""
    found = session(4_076_000, None, registers([0, 3000, 7000], every=20))
    assert found.energy_wh == 7000
    assert EnergyFlag.SESSION_RELATIVE in found.flags
    assert found.held


def test_session_relative_stop_is_not_a_negative_energy():
    found = session(4_076_000, 8000, registers([0, 3000, 7000], every=20))
    assert found.energy_wh == 8000
    assert found.flags == {EnergyFlag.SESSION_RELATIVE}


def test_lifetime_stop_beside_session_relative_readings_needs_no_review():
    found = session(4_076_000, 4_084_000, registers([0, 3000, 7900], every=20))
    assert found.energy_wh == 8000
    assert not found.held
    assert [int(wh) for _, wh in found.curve] == [0, 0, 3000, 7900, 8000][1:]


def test_missing_stop_takes_the_last_good_reading():
    found = session(1000, None, registers([1000, 3000, 6000], every=15))
    assert found.energy_wh == 5000
    assert found.flags == {EnergyFlag.ESTIMATED_END}
    assert found.held


def test_closing_reading_is_a_final_register_without_a_stop_value():
    """OCPP 2.x has no meterStop; Transaction.End in a reading says the same."""
    readings = registers([1000, 3000], every=15)
    readings.append(Reading(minute(60), Decimal(7000), context="Transaction.End", received=9))
    found = session(None, None, readings)
    assert (found.energy_wh, found.flags) == (6000, frozenset())


@pytest.mark.parametrize("stop", [0, 400])
def test_stop_below_start_takes_the_last_good_reading(stop: int):
    found = session(1000, stop, registers([1000, 3000, 6000], every=15))
    assert found.energy_wh == 5000
    assert found.flags == {EnergyFlag.STOP_BELOW_START}


def test_stop_below_start_without_readings_is_no_energy_and_is_held():
    found = session(5000, 300)
    assert found.energy_wh == 0
    assert found.held


def test_implausible_energy_is_cut_to_the_limit_and_held():
    found = session(1000, 910_001_000)
    assert found.energy_wh == found.limit_wh
    assert found.measured_wh == 910_000_000
    assert found.flags == {EnergyFlag.IMPLAUSIBLE_POWER}


def test_a_plug_of_which_nothing_is_known_is_believed_as_much_as_its_readings_show():
    assert not session(0, 22_000, max_power_w=None).flags
    unseen = session(0, 60_000, max_power_w=None)
    assert (unseen.energy_wh, unseen.flags) == (60_000, {EnergyFlag.RATE_UNEXPLAINED})
    seen = registers([0, 15_000, 30_000, 45_000], every=15)
    assert not session(0, 60_000, seen, max_power_w=None).flags
    assert session(0, 900_000, max_power_w=None).held


def test_a_faster_car_than_the_plug_has_ever_seen_is_no_doubt():
    """What earlier cars took limits the plug, but not below what this one keeps up."""
    readings = registers([1000, 8_500, 16_000, 23_500], every=15)
    found = measure(
        EnergyFacts(
            meter_start_wh=Decimal(1000),
            started_at=START,
            meter_stop_wh=Decimal(31_000),
            ended_at=minute(60),
            readings=readings,
            greatest_power_w=Decimal(3_700),
        )
    )
    assert (found.energy_wh, found.flags) == (30_000, frozenset())
