"""Units and phases of sampled values, and which sample is the billing register."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.charging.energy import REGISTER, Reading, billing_register, to_base_unit
from app.domain.ground.vocabulary import Sample

AT = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit", "measurand", "expected"),
    [
        ("12", None, REGISTER, ("12", "Wh")),
        ("12", "", REGISTER, ("12", "Wh")),
        ("1.5", "kWh", REGISTER, ("1500", "Wh")),
        ("1.5", "KWH", REGISTER, ("1500", "Wh")),
        ("15", "Wh ", REGISTER, ("15", "Wh")),
        ("7.4", "kW", "Power.Active.Import", ("7400", "W")),
        ("7", None, "Power.Active.Import", ("7", "W")),
        ("3", "kvarh", "Energy.Reactive.Import.Register", ("3000", "varh")),
        ("21", "Celcius", "Temperature", ("21", "Celsius")),
        ("50", "Hz", "Frequency", ("50", "Hz")),
        ("5", "parsec", "Vendor.Thing", ("5", "parsec")),
        ("80", "Percent", "SoC", ("80", "Percent")),
    ],
)
def test_unit_default_wh(value: str, unit: str | None, measurand: str, expected: tuple[str, str]):
    number, name = to_base_unit(Decimal(value), unit, measurand)
    assert (number, name) == (Decimal(expected[0]), expected[1])


def test_multiplier_is_a_power_of_ten():
    assert to_base_unit(Decimal("1.234"), "Wh", multiplier=3) == (Decimal(1234), "Wh")
    assert to_base_unit(Decimal(5), None, multiplier=-1)[0] == Decimal("0.5")


def test_kilowatt_hours_stay_exact():
    assert to_base_unit(Decimal("1204.118"), "kWh")[0] == 1_204_118


def test_billing_register_takes_the_vocabulary_s_samples():
    samples = [
        Sample("Voltage", Decimal(230), "V"),
        Sample(REGISTER, None, "Wh", text="NaN"),
        Sample(REGISTER, Decimal(70), "Wh", location="Inlet"),
        Sample(REGISTER, Decimal(60), "Wh", location="Outlet"),
    ]
    assert billing_register(samples) == 60


def test_no_register_in_a_frame_is_not_a_zero():
    assert billing_register([Reading(AT, Decimal(5), "Voltage")]) is None
    assert billing_register([]) is None


def test_phase_to_phase_values_are_not_added():
    samples = [
        Reading(AT, Decimal(1), phase="L1"),
        Reading(AT, Decimal(2), phase="L2"),
        Reading(AT, Decimal(99), phase="L1-L2"),
        Reading(AT, Decimal(50), phase="N"),
    ]
    assert billing_register(samples) == 3
