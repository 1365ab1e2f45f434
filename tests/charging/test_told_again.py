"""What a station tells again in other words: its time with an offset, or with fractions."""

import pytest
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import ChargingSession, StrayStop
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version

FIRST = "2026-03-02T09:00:07Z"
AGAIN = [
    "2026-03-02T09:00:07+00:00",
    "2026-03-02T09:00:07.000Z",
    "2026-03-02T09:00:07.482913Z",
    "2026-03-02T10:00:07+01:00",
    "2026-03-02 09:00:07Z",
    "2026-03-02T09:00:07",
]


@pytest.fixture
def charger(any_app, now):
    made = Dialogue(flask_db.session(), now, Version.V16)
    made.says("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Box"})
    made.later(seconds=10)
    return made


def starts(charger, at, **more):
    told = {"connectorId": 1, "idTag": "T", "meterStart": 1000, "timestamp": at, **more}
    return charger.says("StartTransaction", told, odd=True)["transactionId"]


def ended(number, at, wh=9000):
    return {"transactionId": number, "meterStop": wh, "timestamp": at}


@pytest.mark.parametrize("first", [FIRST, *AGAIN])
def test_a_start_that_is_told_again_with_its_time_in_other_words_is_the_same(charger, first):
    number = starts(charger, first)
    for words in (FIRST, *AGAIN):
        charger.later(seconds=30)
        assert starts(charger, words) == number, words
    assert starts(charger, FIRST, meterStart=1000.0) == number
    charger.says("StopTransaction", ended(number, "2026-03-02T09:20:00Z"))
    assert starts(charger, AGAIN[0]) == number, "it is told again after its end"
    assert starts(charger, "2026-03-02T09:00:08Z") != number, "another second is another start"


def test_starts_of_one_second_that_are_told_to_the_millisecond_are_sessions_of_their_own(charger):
    numbers = []
    for part in range(1, 6):
        numbers.append(starts(charger, f"2026-03-02T09:00:07.{part}00Z"))
        charger.says("StopTransaction", ended(numbers[-1], f"2026-03-02T09:00:07.{part}50Z", 1000))
    assert len(set(numbers)) == 5
    for part, number in enumerate(numbers, 1):
        assert starts(charger, f"2026-03-02T10:00:07.{part}0+01:00") == number


def test_a_start_is_known_again_that_an_earlier_program_stored_by_its_words(charger):
    number = starts(charger, AGAIN[1])
    charger.db.get_one(ChargingSession, number).start_key = "another"
    assert starts(charger, AGAIN[1]) == number
    assert len(charger.db.scalars(select(ChargingSession)).all()) == 1


@pytest.mark.parametrize("ref", ["a-b", "7"])
def test_a_start_of_1_6_in_the_second_of_one_of_2_x_is_another_session(any_app, now, ref):
    station = Dialogue(flask_db.session(), now, Version.V201)
    energy = {"value": 1000, "measurand": "Energy.Active.Import.Register"}
    told = {"eventType": "Started", "triggerReason": "Authorized", "seqNo": 0, "timestamp": FIRST}
    told |= {"evse": {"id": 1, "connectorId": 1}, "transactionInfo": {"transactionId": ref}}
    told |= {"idToken": {"idToken": "T", "type": "ISO14443"}}
    told |= {"meterValue": [{"timestamp": FIRST, "sampledValue": [energy]}]}
    station.says("TransactionEvent", told)
    station.version = Version.V16
    station.later(minutes=2)
    station.connect()
    number = starts(station, FIRST)
    assert starts(station, AGAIN[2]) == number
    made = station.db.scalars(select(ChargingSession.id).order_by(ChargingSession.id)).all()
    assert made[1:] == [number]


def test_an_unknown_stop_that_is_told_again_in_other_words_is_kept_once(charger):
    for words in (FIRST, *AGAIN):
        charger.says("StopTransaction", ended(4711, words), odd=True)
    [stray] = charger.db.scalars(select(StrayStop))
    assert stray.count == 1 + len(AGAIN)


def test_an_end_with_other_fractions_contradicts_nothing_and_one_with_other_numbers_does(charger):
    number = starts(charger, FIRST)
    session = charger.db.get_one(ChargingSession, number)
    charger.later(minutes=20)
    charger.says("StopTransaction", ended(number, "2026-03-02T09:20:00Z"))
    charger.says("StopTransaction", ended(number, "2026-03-02T09:20:00.7+00:00"))
    assert (session.flags, session.meter_stop_wh) == ([], 9000)
    charger.says("StopTransaction", ended(number, "2026-03-02T09:20:00Z", wh=9001))
    assert (session.flags, session.meter_stop_wh) == (["ends_contradict"], 9000)


def test_a_start_of_2x_that_leaves_out_its_fractions_is_not_another_use_of_the_id(any_app, now):
    station = Dialogue(flask_db.session(), now, Version.V201)
    told = {"eventType": "Started", "triggerReason": "CablePluggedIn", "seqNo": 0}
    told |= {"evse": {"id": 1, "connectorId": 1}, "transactionInfo": {"transactionId": "tx-1"}}
    for words in ("2026-03-02T09:00:07.482Z", *AGAIN[:2]):
        station.says("TransactionEvent", {**told, "timestamp": words})
    station.says("TransactionEvent", {**told, "eventType": "Ended", "seqNo": 1,
                                      "timestamp": "2026-03-02T09:20:00Z"})  # fmt: skip
    [session] = station.db.scalars(select(ChargingSession))
    assert "transaction_reused" not in session.flags
