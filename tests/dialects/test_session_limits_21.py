"""Limits of a session that a 2.1 station keeps (E16): ordered with the start, told once."""

from typing import Any

import pytest

from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import SYSTEM, Order
from app.domain.money import tariff_book
from app.models import StationVariable
from tests.support.dialogue import Dialogue
from worker.ocpp.fields import format_instant
from worker.ocpp.versions import Version

START = {"token": "APP-1", "token_kind": "central", "connector": 1}


def keeps(talk, *words):
    """The station has said which limits it keeps."""
    row = StationVariable(
        station_id=talk.station.id,
        key="txctrlr/supportedlimits",
        component="TxCtrlr",
        variable="SupportedLimits",
        value=",".join(words),
    )
    talk.db.add(row)
    talk.db.flush()


@pytest.fixture
def talk(db, now):
    talk = Dialogue(db, now, Version.V21)
    keeps(talk, "maxCost", " MaxEnergy", "maxLength", "maxSoC")
    return talk


def event(talk, number, kind="Updated", **about):
    """Tell an event of the transaction; returns the limit in its answer."""
    return answer(talk, number, kind, **about).get("transactionLimit")


def sell(talk):
    """Each start costs half a euro."""
    prices = {"schema": 1, "currency": "EUR", "components": [{"kind": "start", "price": "0.50"}]}
    kerb = {"name": "Kerb", "definition": prices, "default": True}
    tariff_book.create(talk.db, SYSTEM, talk.station.tenant_id, now=talk.now, **kerb)


def answer(talk, number, kind="Updated", wh=None, **about):
    told: dict[str, Any] = {
        "eventType": kind,
        "seqNo": number,
        "timestamp": format_instant(talk.now),
        "triggerReason": "RemoteStart" if about else "ChargingStateChanged",
        "transactionInfo": {"transactionId": "tx-1", **about},
        "evse": {"id": 1},
        "idToken": {"idToken": "APP-1", "type": "Central"},
    }
    if wh is not None:
        told["meterValue"] = [{"timestamp": told["timestamp"], "sampledValue": [{"value": wh}]}]
    return talk.says("TransactionEvent", told)


def start(talk, **limits):
    command = talk.ask(Order.START_CHARGING, **START, **limits)
    _, payload = talk.hears()
    talk.answers({"status": "Accepted"})
    assert payload["remoteStartId"] == command.arguments["remote_start_id"]
    return {"remoteStartId": payload["remoteStartId"]}


def test_the_limits_of_an_order_are_told_with_the_first_answer_and_no_other(talk):
    about = start(talk, most_cost="12.50", most_kwh="20.5", most_minutes=90, most_percent=80)
    told = {"maxCost": 12.5, "maxEnergy": 20_500.0, "maxTime": 5400, "maxSoC": 80}
    assert event(talk, 0, "Started", **about) == told
    assert event(talk, 0, "Started", **about) == told, "whoever asks again has not heard it"
    assert event(talk, 1) is None
    assert event(talk, 2, **about) is None


def test_an_event_that_names_the_order_late_is_told_the_limits_then(talk):
    about = start(talk, most_kwh=10)
    assert event(talk, 0, "Started") is None
    assert event(talk, 1, **about) == {"maxEnergy": 10_000.0}


def test_a_limit_that_is_tighter_at_the_station_is_left_alone(talk):
    about = start(talk, most_cost=30, most_kwh=10)
    own = {"transactionLimit": {"maxCost": 20, "maxEnergy": 15_000}}
    assert event(talk, 0, "Started", **about, **own) == {"maxEnergy": 10_000.0}


def test_without_limits_none_are_told(talk):
    assert event(talk, 0, "Started", **start(talk)) is None


@pytest.mark.parametrize(("limit", "told"), [("most_cost", 0.5), ("most_kwh", None)])
def test_a_station_that_is_to_keep_a_cost_hears_what_it_costs_so_far(talk, limit, told):
    sell(talk)
    first = answer(talk, 0, "Started", **start(talk, **{limit: 2}))
    later = [answer(talk, number) for number in (1, 2)]
    assert [each.get("totalCost") for each in (first, *later)] == [told] * 3


@pytest.mark.parametrize(("named", "told"), [(False, 0.5), (True, None)])
def test_an_end_that_names_its_order_is_told_no_cost_beyond_the_limit(talk, named, told):
    sell(talk)
    about = start(talk, most_kwh=1)
    answer(talk, 0, "Started", wh=0)
    talk.later(minutes=30)
    ended = answer(talk, 1, "Ended", wh=5_000, **(about if named else {}))
    assert ended.get("totalCost") == told


@pytest.mark.parametrize("version", list(Version))
def test_a_limit_that_a_station_does_not_keep_cannot_be_ordered(db, now, version):
    talk = Dialogue(db, now, version)
    with pytest.raises(Conflict, match="CP-7 has not said that it keeps a limit in kwh"):
        talk.ask(Order.START_CHARGING, **START, most_kwh=10)
    keeps(talk, "maxCost")
    with pytest.raises(Conflict, match="a limit in minutes"):
        talk.ask(Order.START_CHARGING, **START, most_minutes=10)
