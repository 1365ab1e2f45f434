"""Other forms of an order over a real socket: tried in turn, kept, and settled once (FIELD 1.9)."""

import json

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from app.domain.ground.errors import NotConnected
from app.domain.ground.vocabulary import CommandState, Order
from app.models import Command, Deviation, Station
from tests.dialects.replay import Stage
from tests.support.wait import eventually
from tests.worker.test_commands import hear_call, queue, settled

pytestmark = pytest.mark.processes

BOOT = {"chargePointVendor": "Acme", "chargePointModel": "One"}
NO, YES = {"status": "Rejected"}, {"status": "Accepted"}


@pytest.fixture(scope="module")
def site(make_shared_site):
    return make_shared_site(processes=("worker",))


@pytest.fixture
def booted(site):
    yield from plugged(Stage(site))


@pytest.fixture
def silent(site):
    """A station that is given two seconds for an answer."""
    yield from plugged(Stage(site), quirks={"call_timeout_s": 2})


def plugged(stage, **facts):
    stage.set_up(**facts)
    stage.play([{"send": [2, "b", "BootNotification", BOOT]}])
    stage.socket.recv(timeout=30)
    for number in (0, 1, 2):
        status = {"connectorId": number, "errorCode": "NoError", "status": "Available"}
        stage.play([{"send": [2, f"s{number}", "StatusNotification", status]}])
        stage.socket.recv(timeout=30)
    yield stage
    stage.close()


def reply(stage, answer):
    """Answer the next call; return its action and payload."""
    message_id, action, payload = hear_call(stage)
    stage.socket.send(json.dumps([3, message_id, answer]))
    return action, payload


def attempts(site, number):
    with site.read() as db:
        return db.get(Command, number).attempts


def test_availability_of_the_whole_station_is_asked_plug_by_plug_when_it_is_refused(site, booted):
    order = {"connector": 0, "available": False}
    number = queue(site, booted.identity, Order.SET_AVAILABILITY, order)
    heard = [
        reply(booted, answer)[1]["connectorId"] for answer in (NO, YES, {"status": "Scheduled"})
    ]
    assert heard == [0, 1, 2]
    state, sentence, answer, _ = settled(site, number)
    assert state is CommandState.ACCEPTED
    assert sentence == "The charger accepted connector by connector: connector 1, 2."
    first, second = attempts(site, number)
    assert (first["words"], first["request"]["connectorId"], first["answer"]) == ("", 0, NO)
    assert (second["words"], second["answer"]) == ("connector by connector", YES)
    assert answer == {"status": "Scheduled"}


def test_a_refused_soft_reset_becomes_a_hard_one(site, booted):
    number = queue(site, booted.identity, Order.RESET, {"kind": "soft"})
    assert [reply(booted, NO), reply(booted, YES)] == [
        ("Reset", {"type": "Soft"}),
        ("Reset", {"type": "Hard"}),
    ]
    assert settled(site, number)[0] is CommandState.ACCEPTED
    assert attempts(site, number)[0]["state"] == "rejected"


def test_one_form_only_is_one_message(site, booted):
    number = queue(site, booted.identity, Order.RESET, {"kind": "soft", "exact": "yes"})
    reply(booted, NO)
    assert settled(site, number)[0] is CommandState.REJECTED
    assert attempts(site, number) == []


def test_a_restart_that_comes_before_its_answer_has_been_obeyed(site, booted):
    """The other forms are not tried on whoever obeyed."""
    number = queue(site, booted.identity, Order.RESET, {"kind": "soft"})
    hear_call(booted)
    booted.play([{"reconnect": True}])
    state, sentence, _, _ = settled(site, number)
    assert (state, "hung up" in sentence) == (CommandState.ACCEPTED, True)
    assert attempts(site, number) == []


def test_what_a_version_cannot_say_does_not_reach_the_wire(site, booted):
    order = {"kind": "hard", "connector": 1}
    state, sentence, _, _ = settled(site, queue(site, booted.identity, Order.RESET, order))
    assert state is CommandState.UNSUPPORTED
    assert sentence == "OCPP 1.6 restarts the whole station only."


def test_a_raw_message_that_breaks_its_schema_is_not_sent(site, booted):
    raw = {"action": "UnlockConnector", "payload": {"connectorId": "one"}}
    state, sentence, _, _ = settled(site, queue(site, booted.identity, Order.RAW, raw))
    assert state is CommandState.FAILED
    assert sentence.startswith("Not sent, OCPP 1.6 does not allow it: connectorId has the wrong")
    raw = {"action": "Explode", "payload": {}}
    _, sentence, _, _ = settled(site, queue(site, booted.identity, Order.RAW, raw))
    assert sentence == "Not sent: OCPP 1.6 has no message Explode."


def test_a_raw_message_leaves_exactly_as_it_was_written(site, booted):
    payload = {"type": "Purple", "extra": None, "connectorId": 99, "list": []}
    raw = {"action": "Explode", "payload": payload, "check": "no"}
    number = queue(site, booted.identity, Order.RAW, raw)
    message_id, action, heard = hear_call(booted)
    assert (action, list(heard.items())) == ("Explode", list(payload.items()))
    booted.socket.send(json.dumps([4, message_id, "NotSupported", "no", {"why": "purple"}]))
    state, sentence, answer, _ = settled(site, number)
    assert state is CommandState.UNSUPPORTED
    assert "NotSupported: no" in sentence
    assert answer["errorDetails"] == {"why": "purple"}


def test_a_raw_message_may_be_in_another_order_than_the_schema(site, booted):
    raw = {"action": "ChangeAvailability", "payload": {"type": "Operative", "connectorId": 1}}
    number = queue(site, booted.identity, Order.RAW, raw)
    assert list(reply(booted, YES)[1]) == ["type", "connectorId"]
    assert settled(site, number)[0] is CommandState.ACCEPTED


def test_a_late_answer_changes_nothing(site, silent):
    number = queue(site, silent.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(silent)
    assert settled(site, number)[0] is CommandState.TIMED_OUT
    silent.socket.send(json.dumps([3, message_id, YES]))
    silent.play([{"send": [2, "h", "Heartbeat", {}]}, {"until": [3, "h", "$any"]}])
    assert settled(site, number)[0] is CommandState.TIMED_OUT


def test_unresponsive_call_watchdog(site, silent):
    for _ in range(3):
        number = queue(site, silent.identity, Order.CLEAR_CACHE, {})
        hear_call(silent)
        settled(site, number)

    def named():
        with site.read() as db:
            return db.query(Deviation).filter_by(code="unresponsive").count()

    eventually(named, what="the deviation is kept")
    with pytest.raises(ConnectionClosed) as closed:
        silent.socket.recv(timeout=30)
    assert closed.value.rcvd.code == 1001


@pytest.fixture(params=["2.0.1", "2.1"])
def newer(site, request):
    """A station of 2.x with two EVSEs."""
    stage = Stage(site, request.param)
    stage.set_up()
    about = {"vendorName": "Acme", "model": "Two"}
    boot = {"reason": "PowerUp", "chargingStation": about}
    stage.play([{"send": [2, "b", "BootNotification", boot]}, {"until": [3, "b", "$any"]}])
    for evse in (1, 2):
        status = {"timestamp": "$now", "connectorStatus": "Available", "evseId": evse}
        frame = [2, f"s{evse}", "StatusNotification", {**status, "connectorId": 1}]
        stage.play([{"send": frame}, {"until": [3, f"s{evse}", "$any"]}])
    yield stage
    stage.close()


def test_a_status_over_2x_is_asked_connector_by_connector(site, newer):
    number = queue(site, newer.identity, Order.TRIGGER, {"message": "status"})
    heard = [reply(newer, YES) for _ in range(2)]
    assert heard == [
        (
            "TriggerMessage",
            {
                "evse": {"id": evse, "connectorId": 1},
                "requestedMessage": "StatusNotification",
            },
        )
        for evse in (1, 2)
    ]
    assert settled(site, number)[0] is CommandState.ACCEPTED
    first = attempts(site, number)[0]
    assert (first["state"], first["request"]) == ("unsupported", None)


def test_a_restart_over_2x_may_wait_for_its_turn(site, newer):
    number = queue(site, newer.identity, Order.RESET, {"kind": "soft", "connector": 2})
    assert reply(newer, {"status": "Scheduled"}) == ("Reset", {"type": "OnIdle", "evseId": 2})
    state, sentence, _, _ = settled(site, number)
    assert state is CommandState.ACCEPTED
    assert sentence == "The charger will restart when its running sessions have ended."


def test_why_it_was_refused_is_told(site, newer):
    number = queue(site, newer.identity, Order.UNLOCK, {"connector": 1, "plug": 2})
    why = {"reasonCode": "NotLocked", "additionalInfo": "no lock here"}
    answer = {"status": "UnlockFailed", "statusInfo": why}
    assert reply(newer, answer) == ("UnlockConnector", {"evseId": 1, "connectorId": 2})
    state, sentence, _, _ = settled(site, number)
    assert state is CommandState.REJECTED
    assert sentence.endswith("It says: NotLocked, no lock here.")


def test_a_slow_station_is_given_the_time_it_needs(site, booted, silent):
    """FIELD R6: others lose patience meanwhile; what waits behind it goes next."""
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == booted.identity))
        station.quirks = {"call_timeout_s": 60}
    booted.play(
        [{"reconnect": True}, {"send": [2, "h", "Heartbeat", {}]}, {"until": [3, "h", "$any"]}]
    )
    slow = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    behind = queue(site, booted.identity, Order.UNLOCK, {"connector": 1})
    message_id, _, _ = hear_call(booted)
    given_up = queue(site, silent.identity, Order.CLEAR_CACHE, {})
    assert settled(site, given_up)[0] is CommandState.TIMED_OUT
    booted.socket.send(json.dumps([3, message_id, YES]))
    assert settled(site, slow)[0] is CommandState.ACCEPTED
    assert reply(booted, {"status": "Unlocked"})[0] == "UnlockConnector"
    assert settled(site, behind)[0] is CommandState.ACCEPTED


def test_no_order_leaves_before_the_answer_to_a_boot(site, booted):
    """FIELD B3: an order that waits for the boot goes after its answer, never before it."""
    booted.play([{"reconnect": True}])
    number = eventually(lambda: ask_when_connected(site, booted), what="the station is connected")
    booted.play([{"send": [2, "b2", "BootNotification", BOOT]}])
    assert json.loads(booted.socket.recv(timeout=30))[:2] == [3, "b2"]
    assert reply(booted, YES)[0] == "ClearCache"
    assert settled(site, number)[0] is CommandState.ACCEPTED


def ask_when_connected(site, stage):
    try:
        return queue(site, stage.identity, Order.CLEAR_CACHE, {})
    except NotConnected:
        return None
