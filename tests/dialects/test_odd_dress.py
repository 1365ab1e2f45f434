"""One session of 4.2 kWh, told plainly and in every odd dress that firmwares are known for."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, BillingState
from app.domain.network.plugs import preset
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Connector, MeterReading, Review, StationReport
from app.process.clock import utc_now
from tests.support import lone
from tests.support.chance import at_landing
from tests.support.charging import network
from tests.support.gated import station
from tests.support.line import Line
from worker.ocpp.versions import Version

TAG = "04A2B3C4D5E680"


def at(now, minutes):
    return (now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_16(now, transaction):
    """Start, reading and stop by OCPP 1.6; registers are whole."""
    reading = {"timestamp": at(now, -30), "sampledValue": [{"value": "3000", "unit": "Wh"}]}
    return [
        (
            "StartTransaction",
            {"connectorId": 1, "idTag": TAG, "meterStart": 1000, "timestamp": at(now, -60)},
        ),
        (
            "MeterValues",
            {"connectorId": 1, "transactionId": transaction, "meterValue": [reading]},
        ),
        (
            "StopTransaction",
            {"transactionId": transaction, "meterStop": 5200, "timestamp": at(now, -1)},
        ),
    ]


def by_201(now, transaction):
    """The same by OCPP 2.x."""

    def event(number, kind, minutes, register, trigger):
        sample = {"value": register, "context": "Sample.Periodic"}
        told: dict[str, Any] = (
            {"idToken": {"idToken": TAG, "type": "ISO14443"}} if number == 0 else {}
        )
        return "TransactionEvent", told | {
            "eventType": kind,
            "timestamp": at(now, minutes),
            "triggerReason": trigger,
            "seqNo": number,
            "transactionInfo": {"transactionId": str(transaction)},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": at(now, minutes), "sampledValue": [sample]}],
        }

    return [
        event(0, "Started", -60, 1000, "CablePluggedIn"),
        event(1, "Updated", -30, 3000, "MeterValuePeriodic"),
        event(2, "Ended", -1, 5200, "EVDeparted"),
    ]


def capitals(text):
    return re.sub(r'"([a-z])(\w*)":', lambda found: f'"{found[1].upper()}{found[2]}":', text)


def since_1970(factor):
    def dress(text):
        def counted(found):
            return str(int(datetime.fromisoformat(found[1]).timestamp() * factor))

        return re.sub(r'"(\d{4}-\d\d-\d\dT[\d:]*Z)"', counted, text)

    return dress


def other(pattern, replacement):
    return lambda text: re.sub(pattern, replacement, text)


DRESSES = {
    "plain": lambda text: text,
    "capital_members": capitals,
    "action_in_small_letters": other(r'(,")([A-Z]\w+)(",)', lambda m: m[1] + m[2].lower() + m[3]),
    "since_1970_in_s": since_1970(1),
    "since_1970_in_ms": since_1970(1000),
    "numbers_as_texts": other(r"(: )(\d+)", r'\1"\2"'),
    "decimal_comma": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r"\1: \2,0"),
    "decimal_comma_in_text": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r'\1: "\2,0"'),
    "leading_zeros": other(r": (\d+)", r": 000\1"),
    "plus": other(r": (\d+)", r": +\1"),
    "open_point": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r"\1: \2."),
    "unit_in_value": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r'\1: "\2 Wh "'),
    "kwh_in_value": other(
        r'("meterSt\w+"|"value"): "?(\d)(\d+)"?(, "unit": "Wh")?', r'\1: "\2.\3kWh"'
    ),
    "null_for_message_id": other(r'"m\d"', "null"),
    "true_and_none": other(r"\{", '{"offline": False, "reservationId": None, '),
    "control_characters": other(r"\{", '{"customData": {"vendorId": "a\tb\nc\x01d"}, '),
    "bad_escapes": other(r"\{", r'{"customData": {"vendorId": "C:\\x\\ud800"}, '),
    "trailing_commas": other(r"([}\]])", r",\1"),
    "last_brackets_missing": lambda text: text[:-2],
    "trailing_nul": lambda text: text + "\0",
    "byte_order_mark": lambda text: "\ufeff" + text,
    "single_quotes": lambda text: text.replace('"', "'"),
    "lists_of_one": other(r'("transactionInfo"|"evse"): (\{[^}]*\})', r"\1: [\2]"),
    "words_in_capitals": other(r'"(Started|Updated|Ended|Wh)"', lambda m: m[0].upper()),
}


@pytest.fixture
def charger(any_app):
    """A station of a site with a tariff, whose driver's tag is listed."""
    db = flask_db.session()
    net = network(db)
    made = station(db, "CP-8")
    made.site.tariff = net.version.tariff
    made.max_power_w = 22_000
    tags.add(db, SYSTEM, net.site.tenant_id, now=utc_now(), value=TAG, driver_id=net.driver.id)
    db.commit()
    return Charger(any_app, made)


@dataclass(frozen=True)
class Charger:
    """What speaks for a station, over a line of one version."""

    app: Any
    station: Any

    def __call__(self, version):
        return Line(self.app, self.station, version, strict=False)


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("version", [Version.V16, *at_landing(Version.V201)])
def test_a_session_is_billed_the_same_in_any_dress(charger, version, dress):
    line, now = charger(version), utc_now()
    session = by_16 if version is Version.V16 else by_201
    transaction = 7
    for number in range(3):
        action, payload = session(now, transaction)[number]
        answer = line.say(DRESSES[dress](json.dumps([2, f"m{number}", action, payload])))
        assert answer[0] == 3, answer
        transaction = answer[2].get("transactionId", transaction)
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert row.ended_at - row.started_at == timedelta(minutes=59)
    [bill] = db.scalars(select(Bill))
    assert bill.energy_wh == 4200


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_thousands_that_may_be_decimals_are_held(charger, version):
    line, now, transaction = charger(version), utc_now(), 7
    session = by_16 if version is Version.V16 else by_201
    thousands = other(r'("meterSt\w+"|"value"): "?(\d)(\d+)"?', r'\1: "\2,\3"')
    for number in range(3):
        action, payload = session(now, transaction)[number]
        answer = line.say(thousands(json.dumps([2, f"m{number}", action, payload])))
        transaction = answer[2].get("transactionId", transaction)
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert row.billing is BillingState.HELD
    assert not row.energy_wh, "it is not known to be 4.2 Wh"
    assert db.scalar(select(Bill)) is None


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


def reasons_of(db, now):
    """Why the only session is held."""
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert db.scalar(select(Bill)) is None
    [review] = db.scalars(select(Review))
    return review.reasons


def play(line, calls, *without):
    """Say calls in order, without these members; the transaction of a start goes on to the next."""
    transaction = None
    for action, payload in calls:
        said = {name: value for name, value in payload.items() if name not in without}
        if "transactionId" in said:
            said["transactionId"] = transaction
        answer = line.ask(action, said)
        assert answer[0] == 3, answer
        transaction = answer[2].get("transactionId", transaction)


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
