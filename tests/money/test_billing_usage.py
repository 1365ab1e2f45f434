"""What a session used, read from its rows: intervals, units, repeats."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.charging.energy import EnergyFlag
from app.domain.charging.energy.readings import END
from app.domain.ground.vocabulary import Activity
from app.domain.money.billing.usage import readings_of
from app.models import MeterReading
from tests.support import lone
from tests.support.charging import STARTED

LATER = STARTED + timedelta(hours=2)


def minutes(intervals):
    """Intervals as minutes since the start."""
    return [
        tuple(int((at - STARTED).total_seconds() // 60) for at in interval)
        for interval in intervals
    ]


def test_a_plug_that_says_nothing_charged_all_the_time(db, net):
    usage = lone.usage_of(db, net.session(), LATER).usage
    assert (minutes(usage.charging), usage.idle) == ([(0, 60)], ())


def test_idle_is_a_full_car_until_the_stop_and_not_a_charger_that_pauses(db, net):
    session = net.session()
    for minute, activity in (
        (1, Activity.CHARGING),
        (20, Activity.SUSPENDED_EVSE),
        (25, Activity.CHARGING),
        (40, Activity.SUSPENDED_EV),
        (50, Activity.FINISHING),
    ):
        net.status(session, minute, activity)
    usage = lone.usage_of(db, session, LATER).usage
    assert minutes(usage.charging) == [(0, 20), (25, 40)]
    assert minutes(usage.idle) == [(40, 60)]


def test_reports_of_before_after_and_of_the_other_plug_do_not_count(db, net):
    session = net.session()
    net.status(session, -10, Activity.FINISHING)
    net.status(session, 61, Activity.SUSPENDED_EV)
    other = net.session(evse=2)
    net.status(other, 30, Activity.SUSPENDED_EV)
    assert lone.usage_of(db, session, LATER).usage.idle == ()


def test_a_plug_that_was_suspended_already_is_carried_over(db, net):
    session = net.session()
    net.status(session, -5, Activity.SUSPENDED_EV)
    net.status(session, 10, Activity.CHARGING)
    usage = lone.usage_of(db, session, LATER).usage
    assert (minutes(usage.idle), minutes(usage.charging)) == ([(0, 10)], [(10, 60)])


def test_a_car_that_is_still_preparing_does_not_charge_yet(db, net):
    """As in 2.x, where the transaction itself says so at its start."""
    session = net.session()
    net.status(session, -1, Activity.PREPARING)
    net.status(session, 4, Activity.CHARGING)
    usage = lone.usage_of(db, session, LATER).usage
    assert (minutes(usage.idle), minutes(usage.charging)) == ([], [(4, 60)])


def test_readings_that_come_with_the_stop_are_no_sign_of_a_time_offline(db, net):
    session = net.session()
    net.status(session, -1, Activity.PREPARING)
    net.status(session, 4, Activity.CHARGING)
    for minute, wh in ((0, 0), (30, 5_000)):
        net.reading(session, minute, wh, received_at=session.stop_received_at)
    usage = lone.usage_of(db, session, LATER).usage
    assert (minutes(usage.idle), minutes(usage.charging)) == ([], [(4, 60)])


@pytest.mark.parametrize("said", [Activity.CHARGING, Activity.SUSPENDED_EV])
def test_only_the_time_in_which_a_car_gives_energy_back_is_not_idle(db, net, said):
    session = net.session(minutes=180)
    net.status(session, 0, said)
    exported = {60: 0, 90: 0, 105: 1_500, 120: 1_500}
    for minute, wh in ((0, 0), (30, 10_000), (60, 10_000), (120, 10_000)):
        told = [["Energy.Active.Import.Register", str(100_000 + wh), "Wh"]]
        if minute in exported:
            told.append(["Energy.Active.Export.Register", str(exported.pop(minute)), "Wh"])
        net.reading(session, minute, wh, samples=told)
    for minute, wh in exported.items():
        told = [["Energy.Active.Export.Register", str(wh), "Wh"]]
        net.reading(session, minute, 0, samples=told, register_wh=None)
    usage = lone.usage_of(db, session, session.ended_at + timedelta(hours=2)).usage
    assert minutes(usage.idle) == [(30, 90), (105, 180)]
    assert minutes(usage.charging) == [(0, 30)]


def row(**given):
    values = {
        "taken_at": STARTED,
        "register_wh": None,
        "samples": [],
        "station_id": 1,
        "evse": 1,
        "digest": "x",
        "received_at": STARTED,
    }
    return MeterReading(**{**values, **given})


def test_units_are_brought_to_base_units_and_texts_left_out():
    samples = [
        ["Energy.Active.Import.Interval", "1.5", "kWh", None, None, None, False],
        ["Power.Active.Import", "7.2", "kW", "L1", "Outlet", "Sample.Periodic", False],
        ["Energy.Active.Import.Register", "QUJD", "Wh", None, None, None, True],
        ["SoC", "None", "Percent", None, None, None, False],
        ["Voltage", "NaN", "V"],
        *(["SoC", text, "Percent"] for text in ("1e400", "1_0", "\u0661", "+5", "5.", " ")),
        ["Energy.Active.Import.Interval", "1000000000001", "Wh"],
    ]
    found = readings_of([row(samples=samples)])
    assert [(reading.measurand, reading.value) for reading in found] == [
        ("Energy.Active.Import.Interval", Decimal(1500)),
        ("Power.Active.Import", Decimal(7200)),
    ]


@pytest.mark.parametrize("unit", ["Wh", "kilowatt hours"])
def test_the_register_as_it_was_understood_wins_over_its_text_and_stays_an_end(unit):
    samples = [["Energy.Active.Import.Register", "1.5", unit, None, None, END, False]]
    found = readings_of([row(samples=samples, register_wh=Decimal(1500))])
    assert [(reading.value, reading.context) for reading in found] == [(Decimal(1500), END)]


def test_the_plugs_own_limit_is_asked_before_the_stations(db, net):
    session = net.session(wh=15_000)
    assert EnergyFlag.IMPLAUSIBLE_POWER not in lone.usage_of(db, session, LATER).energy.flags
    net.station.max_power_w = 11_000
    db.flush()
    assert EnergyFlag.IMPLAUSIBLE_POWER in lone.usage_of(db, session, LATER).energy.flags


@pytest.mark.parametrize("wh", [0, 10_000])
def test_an_energy_that_a_person_set_is_spread_over_the_session(db, net, wh):
    session = net.session(wh=wh)
    measured = lone.usage_of(db, session, LATER, energy_wh=Decimal(4_000))
    assert measured.corrected
    assert measured.energy.energy_wh == 4_000
    assert measured.usage.curve[0] == (STARTED, 0)
    assert measured.usage.curve[-1] == (session.ended_at, 4_000)
    assert measured.energy.measured_wh == wh
