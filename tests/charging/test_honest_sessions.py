"""Sessions of which nothing is wrong, each of which was held: the energy is theirs, and billed."""

import random
from decimal import Decimal

import pytest

from app.domain.charging.energy import POWER, EnergyFlag, Reading
from app.domain.money.billing.evidence import PlugHistory
from tests.charging.energy_cases import minute
from tests.charging.test_energy_evidence import weighed
from tests.support.chance import tries

BEGIN, END = "Transaction.Begin", "Transaction.End"


def read(*told, watts=None):
    """Readings of (minute, Wh), each with its power where `watts` are given."""
    found = [Reading(minute(at), Decimal(wh), received=n) for n, (at, wh) in enumerate(told)]
    for n, ((at, _), power) in enumerate(zip(told, watts or (), strict=False)):
        found.append(Reading(minute(at), Decimal(power), POWER, received=n))
    return found


def billed(*given, **known):
    """The energy that is billed; None: it is held."""
    energy = weighed(*given, **known).energy
    return None if energy.held else energy.energy_wh


@pytest.mark.parametrize(
    ("known", "watts"),
    [
        ({"max_power_w": Decimal(7_400)}, 8_000),  # 32 A of 250 V
        ({"max_power_w": Decimal(22_000)}, 24_000),
        ({"plug_type": "Schuko"}, 4_000),
        ({"plug_type": "Type 1"}, 11_500),  # 48 A of 240 V
        ({"plug_type": "Type 1"}, 19_200),
        ({"plug_type": "Type 2"}, 24_000),
        ({}, 24_000),
    ],
)
def test_a_plug_gives_what_its_kind_may_and_a_tenth_more_by_its_mains(known, watts):
    assert billed(50_000, 50_000 + 8 * watts, minutes=480, **known) == 8 * watts


def test_power_that_was_measured_every_quarter_of_an_hour_may_have_ended_at_once():
    still = [(2 + 15 * n, 101_220) for n in range(1, 16)]
    readings = read((2, 100_700), *still, watts=[22_000, *[0] * 15])
    assert billed(100_000, 101_220, readings, minutes=236, max_power_w=Decimal(22_000)) == 1_220


def test_a_short_last_step_is_no_slow_one():
    """90 s of waiting, then 200 kW; the last 12 seconds as fast as those before."""
    readings = read((2, 8_200_490), (4, 8_204_212))
    assert billed(8_200_000, 8_204_800, readings, minutes=4.2, plug_type="CCS") == 4_800


def test_a_car_may_charge_and_stop_before_anything_is_read_where_the_begin_is_sure():
    after = [(15 * n, 29_600) for n in range(1, 9)]
    readings = read(*after, watts=[0] * 8)
    known = {"minutes": 125, "max_power_w": Decimal(150_000)}
    past = PlugHistory(Decimal(100), "lifetime")
    assert billed(100, 29_600, readings, past=past, **known) == 29_500
    unsure = weighed(100, 29_600, readings, **known)
    assert EnergyFlag.POWER_DISAGREES in unsure.energy.flags


def test_a_begin_that_is_told_twice_is_as_sure():
    begin = [Reading(minute(0), Decimal(2_942_335), context=BEGIN)]
    readings = [*begin, *read((14, 2_960_000), (44, 2_966_400), (74, 2_968_800))]
    past = PlugHistory(Decimal(2_942_335), "lifetime", Decimal(49_500))
    known = {"minutes": 96, "max_power_w": Decimal(150_000)}
    assert billed(2_942_335, 2_974_600, readings, past=past, **known) == 32_265


def test_a_register_that_starts_anew_each_time_began_at_zero():
    """A battery that is nearly full takes ever less."""
    readings = read((10, 20_000), (20, 28_000), (30, 32_000), (40, 34_000))
    past = PlugHistory(Decimal(31_000), "session")
    assert billed(0, 35_000, readings, minutes=50, past=past, plug_type="CCS") == 35_000
    unknown = weighed(0, 35_000, readings, minutes=50, plug_type="CCS")
    assert EnergyFlag.BEGIN_ZERO_PLACEHOLDER in unknown.energy.flags


def test_a_zero_is_sure_where_what_is_read_lies_below_the_last_session():
    """So the register started anew, also where two sessions do not make that the plug's way yet."""
    readings = read((10, 20_000), (20, 28_000), (30, 32_000), (40, 34_000))
    known = {"minutes": 50, "plug_type": "CCS"}
    past = PlugHistory(Decimal(36_000), None)
    assert billed(0, 35_000, readings, past=past, **known) == 35_000
    assert billed(0, 35_000, readings, past=PlugHistory(Decimal(12_000), None), **known) is None


@pytest.mark.parametrize("told", [[(60, 22_000)], [(30, 21_000), (60, 22_000)]])
def test_a_zero_is_not_sure_where_the_first_step_is_far_above_the_others(told):
    """A placeholder before a register that runs on, in a meter that was put in since."""
    readings = read(*told, (120, 24_000), (300, 30_000))
    known = {"minutes": 300, "max_power_w": Decimal(43_000)}
    found = weighed(0, 30_000, readings, past=PlugHistory(Decimal(50_000), None), **known).energy
    assert (found.energy_wh, found.held) == (10_000, True)


def test_whole_kilowatt_hours_from_zero_hide_the_first_one():
    readings = read(*((n, 0) for n in range(1, 5)))
    assert billed(0, 748, readings, minutes=4.1, max_power_w=Decimal(11_000)) == 748


def test_one_reading_shows_the_pace_of_a_car_that_takes_less_and_less():
    readings = read((10, 100_000 + 20_000))
    past = PlugHistory(Decimal(100_000), "lifetime")
    assert billed(100_000, 128_000, readings, minutes=25, past=past) == 28_000
    late = read((15, 100_000 + 3_000))  # what comes last is told by nobody else
    held = weighed(100_000, 128_000, late, minutes=25, past=past).energy
    assert EnergyFlag.RATE_UNEXPLAINED in held.flags


@pytest.mark.parametrize("start", [0, 120_000])
def test_zeros_on_the_way_are_no_register_where_the_stop_tells_what_the_plug_says(start):
    readings = read(*((at, 0) for at in range(5, 60, 5)))
    said = {"said_charging_s": lambda: 1_800, "max_power_w": Decimal(11_000)}
    found = weighed(start, start + 2_437, readings, **said).energy
    assert (found.energy_wh, found.flags) == (2_437, {EnergyFlag.OUTLIER_IGNORED})
    begin = [Reading(minute(0), Decimal(start), context=BEGIN)]
    assert billed(None, start + 2_437, [*begin, *readings], **said) == 2_437
    for against in (
        {"said_charging_s": lambda: 300},  # 900 Wh at most
        {"said_charging_s": lambda: None},
        {"readings": read(*((at, 0) for at in range(5, 60, 5)), watts=[0] * 11)},
        {"readings": [*readings, Reading(minute(60), Decimal(0), context=END)]},
    ):
        held = {"readings": readings, **said, **against}
        assert billed(start, start + 2_437, **held) is None, against


def test_zeros_on_the_way_hold_where_nobody_says_what_the_plug_gives():
    readings = read(*((at, 0) for at in range(5, 60, 5)))
    assert billed(120_000, 140_000, readings, said_charging_s=lambda: 3_300) is None


@pytest.mark.parametrize("hours", [range(1, 9), ()])
def test_a_car_may_pause_while_nobody_measures_its_power(hours):
    readings = read(
        (5, 100_900), (35, 106_400), (545, 106_500), (575, 112_000), watts=[11_000] * 4
    ) + read(*((60 * hour, 106_400) for hour in hours))
    assert billed(100_000, 113_000, readings, minutes=580, max_power_w=Decimal(11_000)) == 13_000


def at_random(rng):
    """The registers, the readings and what is known of a session: a car at a plug of its kind.

    A battery of direct current takes ever less; the mains may be above their nominal voltage.
    """
    dc = rng.random() < 0.4
    plug_w = rng.choice([25_000, 50_000, 150_000] if dc else [3_680, 7_360, 11_040, 22_080])
    own_w = rng.choice([2_300, 3_680, 7_360, 11_040, 22_080]) * rng.uniform(0.95, 1.08)
    car_w = plug_w * rng.uniform(0.3, 1) if dc else min(own_w, plug_w * 1.08)
    wait_s, battery_wh = rng.choice([0, 0, 120]), rng.randint(20, 100) * 1_000
    filled, levels, watts = rng.uniform(0.05, 0.8), [0.0], [0.0]
    end_s = rng.randint(30, 1_500) * 10
    for second in range(0, end_s, 10):
        power = car_w if second >= wait_s and filled < 1 else 0.0
        power *= min(1, max(0.06, 1.4 - 1.3 * filled)) if dc else 1
        filled += power / 360 / battery_wh
        levels.append(levels[-1] + power / 360)
        watts.append(power)
    first = rng.choice([0, *(rng.randrange(1_000, 9_000_000) for _ in range(9))])
    every, step = rng.choice([30, 60, 120, 300, 600]), rng.choice([1, 10, 100])
    told = [
        (second / 60, (first + int(levels[second // 10])) // step * step)
        for second in range(every, end_s, every)
    ]
    power = [int(watts[second // 10]) for second in range(every, end_s, every)]
    past = PlugHistory(Decimal(first), "lifetime") if first else PlugHistory(None, "session")
    known = {"minutes": end_s / 60, "max_power_w": Decimal(plug_w), "past": past}
    readings = read(*told, watts=power if rng.random() < 0.5 else None)
    return first, first + int(levels[-1]), readings, known


def test_no_honest_session_of_a_plug_that_is_known_is_held():
    for seed in range(tries(150)):
        first, stop, readings, known = at_random(random.Random(seed))
        assert billed(first, stop, readings, **known) == stop - first, seed
