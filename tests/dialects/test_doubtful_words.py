"""One session of 4.2 kWh, told with words that are missing, named twice or not to be believed."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.network.plugs import preset
from app.extensions import db as flask_db
from app.models import (
    Bill,
    ChargingSession,
    Connector,
    MeterReading,
    Review,
    StationReport,
    StrayStop,
)
from app.process.clock import utc_now
from app.queries.money import reviews
from tests.support import lone
from tests.support.told import TAG, by_16, by_201, play, reasons_of
from worker.ocpp.fields import APART
from worker.ocpp.versions import Version

#: (version, which message, what becomes of it) -> why it is held
DOUBLES = {
    "register_at_start": (
        Version.V16,
        0,
        '"meterStart": 1000',
        '"meterStart": 900',
        "begin_missing",
    ),
    "tag": (Version.V16, 0, f'"idTag": "{TAG}"', '"idTag": "04FFFFFF"', "unauthorised"),
    "in_other_letters": (Version.V16, 2, '"meterStop": 5200', '"MeterStop": 9200', "estimated_end"),
    "register_at_stop": (Version.V16, 2, '"meterStop": 5200', '"meterStop": 9200', "estimated_end"),
    "time_of_stop": (Version.V16, 2, '"timestamp"', '"timestamp": 1000000000', "clock_replaced"),
    "transaction": (
        Version.V16,
        2,
        '"transactionId"',
        '"transactionId": 99',
        "guessed_transaction",
    ),
    "reading": (Version.V201, 2, '"value": 5200', '"value": 9200', "estimated_end"),
    "unit": (
        *(Version.V201, 2, '"value": 5200', '"unitOfMeasure": {"unit": "Wh", "unit": "kWh"}'),
        "estimated_end",
    ),
    "multiplier": (
        *(Version.V201, 2, '"value": 5200', '"unitOfMeasure": {"multiplier": 0, "multiplier": 1}'),
        "estimated_end",
    ),
}


@pytest.mark.parametrize("double", DOUBLES)
def test_what_is_told_twice_and_differs_is_held(charger, double):
    version, which, at_, other_, why = DOUBLES[double]
    line, now, transaction = charger(version), utc_now(), 7
    session = by_16 if version is Version.V16 else by_201
    for number in range(3):
        action, payload = session(now, transaction)[number]
        text = json.dumps([2, f"m{number}", action, payload])
        if number == which:
            assert at_ in text
            text = text.replace(at_, f"{other_}, {at_}")
        answer = line.say(text)
        assert answer[0] == 3, answer
        transaction = answer[2].get("transactionId", transaction)
    line.end()
    assert why in reasons_of(flask_db.session(), now)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_event_of_two_transactions_is_none_of_a_third(charger, which):
    line, now = charger(Version.V201), utc_now()
    for number, (action, payload) in enumerate(by_201(now, "T1")):
        text = json.dumps([2, f"m{number}", action, payload])
        if number == which:
            text = text.replace('"transactionId"', '"transactionId": "T2", "transactionId"')
        assert line.say(text)[0] == 3
    line.end()
    db = flask_db.session()
    assert db.scalars(select(ChargingSession.transaction_ref)).all() == ["T1"]
    assert "eventType" in db.scalars(select(StationReport)).one().payload
    assert len(db.scalars(select(StrayStop)).all()) == (which == 2)


@pytest.mark.parametrize("time", [{}, {"timestamp": "2026-03-02T09:00:07Z"}])
@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_ends_that_name_no_transaction_are_kept_each(charger, version, time):
    line = charger(version)
    if version is Version.V16:
        action, one = "StopTransaction", {"meterStop": 5200, "idTag": TAG}
        ends = [one, one | {"idTag": "04FFFFFF"}, one]
    else:
        action, one = "TransactionEvent", {"eventType": "Ended", "seqNo": 1}
        ends = [one, one | {"seqNo": 2}, one | {"offline": True}]
    for number, told in enumerate(ends):
        assert line.say(json.dumps([2, f"m{number}", action, told | time]))[0] == 3
    line.end()
    strays = flask_db.session().scalars(select(StrayStop).order_by(StrayStop.id))
    assert [stray.count for stray in strays] == [2, 1]


def test_a_transaction_that_is_always_named_twice_is_for_a_person_to_see(charger):
    line, now = charger(Version.V201), utc_now()
    for number, (action, payload) in enumerate(by_201(now, "T1")):
        text = json.dumps([2, f"m{number}", action, payload])
        assert line.say(text.replace('"transactionId"', '"transactionId": "T2", "transactionId"'))
    line.end()
    [stray] = reviews.strays(flask_db.session())
    assert (stray.transaction_ref, stray.meter_stop_wh) == (f"T2{APART}T1", 5200)


@pytest.mark.parametrize("place", [{}, {"connectorId": 0}, {"connectorId": "left"}])
@pytest.mark.parametrize(("plugs", "why"), [(0, "plug_unknown"), (1, None), (2, "plug_unknown")])
def test_a_session_at_no_plug_was_at_the_only_one_or_is_held(charger, place, plugs, why):
    start, _, stop = by_16(utc_now(), None)
    del start[1]["connectorId"]
    calls = [(start[0], start[1] | place), stop]
    assert_held_at_no_plug(charger, Version.V16, plugs, calls, why)


@pytest.mark.parametrize("plugs", [0, 1])
def test_a_start_without_a_plug_is_one_whatever_becomes_known_before_it_is_told_again(
    charger, plugs
):
    (start, told), *_ = by_16(utc_now(), None)
    del told["connectorId"]
    preset(flask_db.session(), charger.station, plugs, None)
    flask_db.session().commit()
    line = charger(Version.V16)
    first = line.say(json.dumps([2, "a1", start, told]))
    status = {"connectorId": plugs + 1, "errorCode": "NoError", "status": "Charging"}
    line.say(json.dumps([2, "a2", "StatusNotification", status]))
    again = line.say(json.dumps([2, "a3", start, told]))
    line.end()
    assert again[2]["transactionId"] == first[2]["transactionId"]


@pytest.mark.parametrize(("plugs", "why"), [(1, None), (2, "plug_unknown")])
def test_a_transaction_at_no_plug_was_at_the_only_one_or_is_held(charger, plugs, why):
    calls = by_201(utc_now(), "T1")
    for _, event in calls:
        del event["evse"]
    assert_held_at_no_plug(charger, Version.V201, plugs, calls, why)


def assert_held_at_no_plug(charger, version, plugs, calls, why):
    """At a station of so many plugs a session is held, or billed at its only one."""
    db, now = flask_db.session(), utc_now()
    preset(db, charger.station, plugs, None)
    if plugs:  # an EVSE of two connectors is one plug
        db.add(Connector(station_id=charger.station.id, evse=1, connector=2))
    db.commit()
    line = charger(version)
    play(line, calls)
    line.end()
    if why is not None:
        assert why in reasons_of(db, now)
        return
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert (row.evse, row.connector) == (1, 1)
    assert db.scalars(select(Bill)).one().energy_wh == 4200


def test_a_stop_without_a_time_charges_nobody_for_the_time_until_it_came(charger):
    line, now = charger(Version.V16), utc_now()
    start, _, stop = by_16(now - timedelta(days=4), None)
    del stop[1]["timestamp"]
    play(line, [start, stop])
    line.end()
    assert "clock_replaced" in reasons_of(flask_db.session(), now)


def test_sessions_without_times_are_as_many_as_were_told(charger):
    line, now = charger(Version.V16), utc_now()
    for _ in range(2):
        play(line, by_16(now, None), "timestamp")
    line.end()
    rows = flask_db.session().scalars(select(ChargingSession)).all()
    assert [row.meter_stop_wh for row in rows] == [5200, 5200]


@pytest.mark.parametrize("no_time", [{}, {"timestamp": None}, {"timestamp": ""}])
def test_readings_without_a_time_have_that_of_their_event(charger, no_time):
    line, now = charger(Version.V201), utc_now()
    for action, event in by_201(now - timedelta(days=4), "T-1"):
        del event["meterValue"][0]["timestamp"]
        event["meterValue"][0] |= no_time
        play(line, [(action, event)])
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    [bill] = db.scalars(select(Bill))
    assert (bill.energy_wh, bill.gross_minor) == (4200, 259)


@pytest.mark.parametrize("unit", ["kWh", "W", "?"])
def test_a_value_of_two_units_is_no_register(charger, unit):
    line, now = charger(Version.V16), utc_now()
    start, (action, values), stop = by_16(now, None)
    values["meterValue"][0]["sampledValue"] = [{"value": "9000 Wh", "unit": unit}]
    stop[1]["meterStop"] = "5200 W"
    play(line, [start, (action, values), stop])
    line.end()
    assert "estimated_end" in reasons_of(flask_db.session(), now)


@pytest.mark.parametrize("sample", [{"unit": "W"}, {"unit": "kvarh"}, {"unit": "?"}])
def test_what_is_told_in_no_unit_of_energy_is_no_register(charger, sample):
    line, now = charger(Version.V16), utc_now()
    start, (action, values), stop = by_16(now, None)
    values["meterValue"][0]["sampledValue"] = [{"value": "7200", **sample}]
    play(line, [start, (action, values), stop])
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert db.scalars(select(Bill)).one().energy_wh == 4200


@pytest.mark.parametrize("multiplier", [99, "kilo", -13])
def test_what_is_told_with_a_multiplier_of_no_meter_is_no_register(charger, multiplier):
    line, now = charger(Version.V201), utc_now()
    events = by_201(now, "T-1")
    sample = events[2][1]["meterValue"][0]["sampledValue"][0]
    sample["unitOfMeasure"] = {"unit": "Wh", "multiplier": multiplier}
    play(line, events)
    line.end()
    assert "estimated_end" in reasons_of(flask_db.session(), now)


@pytest.mark.parametrize(("given_back", "idle"), [(3_000, False), (2, True)])
def test_a_car_that_gives_energy_back_is_not_idle(charger, given_back, idle):
    line, now = charger(Version.V21), utc_now()
    events = by_201(now, "T-1")
    for number, (register, exported) in enumerate([(1000, 0), (5200, 0), (5200, given_back)]):
        [values] = events[number][1]["meterValue"]
        values["sampledValue"] = [
            {"value": register},
            {"value": exported, "measurand": "Energy.Active.Export.Register"},
        ]
    play(line, events)
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    [bill] = db.scalars(select(Bill))
    assert bill.energy_wh == 4200
    assert ("idle" in [each.kind for each in bill.lines]) is idle


@pytest.mark.parametrize("billed", [True, False])
@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_a_transaction_that_goes_on_after_its_end_is_held(charger, version, billed):
    line, now = charger(version), utc_now()
    session = by_16 if version is Version.V16 else by_201
    calls = session(now - timedelta(hours=1), 7)
    action, after = session(now, 7)[1]
    [values] = after["meterValue"]
    values["sampledValue"][0]["value"] = 9000
    play(line, calls)
    db = flask_db.session()
    if billed:
        [row] = db.scalars(select(ChargingSession))
        lone.settle(db, row.id, now=now)
        assert db.scalars(select(Bill)).one().energy_wh == 4200
        db.commit()
    if version is Version.V16:
        after["transactionId"] = int(db.scalars(select(ChargingSession.transaction_ref)).one())
    assert line.ask(action, after | ({"seqNo": 3} if "seqNo" in after else {}))[0] == 3
    line.end()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert "reading_above_end" in db.scalars(select(Review)).one().reasons


def test_readings_that_bear_the_last_number_are_of_the_session_that_runs(charger):
    line, now = charger(Version.V16), utc_now()
    play(line, by_16(now - timedelta(hours=1), None))
    start, (action, values), _ = by_16(now, None)
    start[1]["meterStart"] = 5200
    values["meterValue"][0]["sampledValue"][0]["value"] = "8000"
    db = flask_db.session()
    values["transactionId"] = int(db.scalars(select(ChargingSession.transaction_ref)).one())
    assert line.ask(*start)[0] == line.ask(action, values)[0] == 3
    line.end()
    rows = db.scalars(select(ChargingSession).order_by(ChargingSession.id)).all()
    shown = [db.scalars(select(MeterReading.register_wh).filter_by(session_id=r.id)) for r in rows]
    assert [max(each) for each in shown] == [3000, 8000]
