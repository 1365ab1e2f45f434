"""Commands from the row to the charger and back, over real Redis and a real socket."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from app.domain.commands import commands
from app.domain.ground.errors import NotConnected
from app.domain.ground.vocabulary import OPEN_STATES, SYSTEM, CommandState, Order
from app.models import ChargingSession, Command, Deviation, Message, Station
from tests.dialects.replay import Stage
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

#: order, arguments, what the charger must hear, what it answers, what comes of it
EXCHANGES = [
    (
        Order.START_CHARGING,
        {"connector": 1, "token": "AB12", "token_kind": "central"},
        ["RemoteStartTransaction", {"connectorId": 1, "idTag": "AB12"}],
        {"status": "Accepted"},
        CommandState.ACCEPTED,
    ),
    (
        Order.STOP_CHARGING,
        {"transaction_ref": "77"},
        ["RemoteStopTransaction", {"transactionId": 77}],
        {"status": "Rejected"},
        CommandState.REJECTED,
    ),
    (
        Order.RESET,
        {"kind": "soft"},
        ["Reset", {"type": "Soft"}],
        {"status": "Accepted"},
        CommandState.ACCEPTED,
    ),
    (
        Order.UNLOCK,
        {"connector": 1},
        ["UnlockConnector", {"connectorId": 1}],
        {"status": "UnlockFailed"},
        CommandState.REJECTED,
    ),
    (
        Order.SET_AVAILABILITY,
        {"connector": 0, "available": False},
        ["ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}],
        {"status": "Scheduled"},
        CommandState.ACCEPTED,
    ),
    (
        Order.CHANGE_SETTING,
        {"key": "HeartbeatInterval", "value": "60"},
        ["ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}],
        {"status": "RebootRequired"},
        CommandState.ACCEPTED,
    ),
    (
        Order.READ_SETTINGS,
        {},
        ["GetConfiguration", {}],
        {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]},
        CommandState.ACCEPTED,
    ),
    (Order.CLEAR_CACHE, {}, ["ClearCache", {}], {"status": "Rejected"}, CommandState.REJECTED),
    (
        Order.TRIGGER,
        {"message": "status", "connector": 1},
        ["TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}],
        {"status": "NotImplemented"},
        CommandState.REJECTED,
    ),
    (
        Order.DATA_TRANSFER,
        {"vendor_id": "acme", "data": "x"},
        ["DataTransfer", {"vendorId": "acme", "data": "x"}],
        {"status": "Accepted", "data": "y"},
        CommandState.ACCEPTED,
    ),
]


@pytest.fixture(scope="module")
def site(make_shared_site):
    return make_shared_site(processes=("worker",))


@pytest.fixture
def stage(site):
    stage = Stage(site)
    stage.set_up()
    yield stage
    stage.close()


@pytest.fixture
def booted(stage):
    return boot(stage)


def boot(stage):
    boot = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    stage.play([{"send": [2, "b", "BootNotification", boot]}])
    stage.socket.recv(timeout=30)
    return stage


def queue(site, identity, order, arguments, ttl_s=30.0):
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == identity))
        command = commands.queue(
            db, SYSTEM, station, order, arguments, now=datetime.now(UTC), ttl_s=ttl_s
        )
        return command.id


def settled(site, command_id, within=30):
    """Wait until a command has ended; return its state, sentence, answer and latency."""

    def ended():
        with site.read() as db:
            command = db.get(Command, command_id)
            if command.state in OPEN_STATES:
                return None
            return command.state, command.sentence, command.answer, command.latency_ms

    return eventually(ended, within, "the command ends")


def said(stage):
    """The calls that a station got."""
    query = select(Message).join(Station, Station.id == Message.station_id)
    return query.where(Message.outbound, Station.identity == stage.identity)


def hear_call(stage):
    kind, message_id, action, payload = json.loads(stage.socket.recv(timeout=30))
    assert kind == 2
    return message_id, action, payload


def test_every_order_reaches_the_charger_and_its_answer_is_kept(site, booted):
    for order, arguments, heard, answer, state in EXCHANGES:
        number = queue(site, booted.identity, order, arguments)
        message_id, action, payload = hear_call(booted)
        assert [action, payload] == heard
        booted.socket.send(json.dumps([3, message_id, answer]))
        found, sentence, kept, latency_ms = settled(site, number)
        assert (found, kept) == (state, answer), order
        assert sentence.endswith(".")
        assert latency_ms >= 0

    def logged():
        with site.read() as db:
            query = said(booted).with_only_columns(Message.action).order_by(Message.id)
            return db.scalars(query).all() == [heard[0] for _, _, heard, _, _ in EXCHANGES]

    eventually(logged, what="all calls are in the log")


def test_an_order_that_cannot_be_put_ends_and_holds_up_no_other(site, booted):
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == booted.identity))
        now = datetime.now(UTC)
        wish = (station, Order.CLEAR_CACHE, {})
        odd, good = (commands.queue(db, SYSTEM, *wish, now=now, ttl_s=30) for _ in range(2))
        odd.arguments = ["odd"]
        numbers = odd.id, good.id
    message_id, _, _ = hear_call(booted)
    booted.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    (failed, sentence, _, _), (accepted, *_) = (settled(site, number) for number in numbers)
    assert (failed, accepted) == (CommandState.FAILED, CommandState.ACCEPTED)
    assert sentence.startswith("It could not be sent")


def test_an_error_is_kept_with_its_code(site, booted):
    number = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(booted)
    booted.socket.send(json.dumps([4, message_id, "InternalError", "disk full", {}]))
    state, sentence, answer, _ = settled(site, number)
    assert state is CommandState.FAILED
    assert "InternalError: disk full" in sentence
    assert answer["errorCode"] == "InternalError"


def test_a_yes_in_other_letters_is_a_yes_and_noted(site, booted):
    number = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(booted)
    booted.socket.send(json.dumps([3, message_id, {"Status": "ACCEPTED"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED
    booted.close()

    def noted():
        with site.read() as db:
            query = (
                select(Deviation.code).join(Station).where(Deviation.example == "ClearCache.conf")
            )
            found = db.scalars(query.where(Station.identity == booted.identity)).all()
            return set(found) == {"member_spelling", "word_spelling"}

    eventually(noted, what="the repairs are noted")


def test_a_message_that_the_charger_lacks_is_unsupported(site, booted):
    number = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(booted)
    booted.socket.send(json.dumps([4, message_id, "NotImplemented", "", {}]))
    assert settled(site, number)[0] is CommandState.UNSUPPORTED


def test_silence_times_out_with_a_sentence(site):
    silent = Stage(site)
    silent.set_up(quirks={"call_timeout_s": 2})
    boot(silent)
    number = queue(site, silent.identity, Order.CLEAR_CACHE, {})
    hear_call(silent)
    state, sentence, _, _ = settled(site, number)
    assert state is CommandState.TIMED_OUT
    assert "did not answer within 2 s" in sentence
    silent.close()


def test_one_call_waits_for_the_other(site, booted):
    first = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    second = queue(site, booted.identity, Order.RESET, {"kind": "hard"})
    message_id, action, _ = hear_call(booted)
    booted.socket.send(json.dumps([2, "h", "Heartbeat", {}]))
    assert json.loads(booted.socket.recv(timeout=30))[:2] == [3, "h"]
    booted.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    message_id, other, _ = hear_call(booted)
    booted.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert {action, other} == {"ClearCache", "Reset"}
    for number in (first, second):
        assert settled(site, number)[0] is CommandState.ACCEPTED


def test_who_is_not_connected_is_said_at_once(site, stage):
    with pytest.raises(NotConnected, match="not connected"):
        queue(site, stage.identity, Order.CLEAR_CACHE, {})


def test_nothing_fires_after_its_deadline(site, booted):
    site.kill9("worker")
    number = queue(site, booted.identity, Order.RESET, {"kind": "hard"}, ttl_s=0.5)
    booted.close()

    def overdue():
        with site.read() as db:
            return db.get(Command, number).expires_at < datetime.now(UTC)

    eventually(overdue)
    site.restart("worker")
    site.wait_ready()
    assert booted.socket
    booted.play([{"send": [2, "h", "Heartbeat", {}]}])
    assert json.loads(booted.socket.recv(timeout=30))[:2] == [3, "h"]
    with site.work() as db:
        commands.expire_overdue(db, datetime.now(UTC))
    state, sentence, _, _ = settled(site, number)
    assert state is CommandState.EXPIRED
    assert "will not fire later" in sentence


def test_commands_arrive_while_redis_is_away(site, booted):
    site.kill9("redis")
    number = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    message_id, _, _ = hear_call(booted)
    booted.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED
    site.restart("redis")


def test_a_charger_that_hangs_up_to_restart_has_obeyed(site, booted):
    number = queue(site, booted.identity, Order.RESET, {"kind": "hard"})
    hear_call(booted)
    booted.close()
    state, sentence, _, _ = settled(site, number)
    assert state is CommandState.ACCEPTED
    assert "hung up" in sentence


def test_a_remote_start_is_tied_to_the_session_that_follows(site, booted):
    given = {"connector": 1, "token": "AB12", "token_kind": "central"}
    number = queue(site, booted.identity, Order.START_CHARGING, given)
    message_id, _, _ = hear_call(booted)
    booted.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED
    start = {"connectorId": 1, "idTag": "ab12", "meterStart": 0, "timestamp": "$now"}
    booted.play([{"send": [2, "s", "StartTransaction", start]}])
    booted.socket.recv(timeout=30)
    with site.read() as db:
        query = select(ChargingSession).join(Station).where(Station.identity == booted.identity)
        session = db.scalars(query).one()
        assert session.remote_command_id == number
        assert db.get(Command, number).session_id == session.id


def test_a_secret_setting_never_reaches_the_log(site, booted):
    """The order itself refuses them; an answer that holds one is blotted out."""
    number = queue(site, booted.identity, Order.READ_SETTINGS, {})
    message_id, _, _ = hear_call(booted)
    answer = {
        "configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "CANARY"}]
    }
    booted.socket.send(json.dumps([3, message_id, answer]))
    assert "CANARY" not in json.dumps(settled(site, number)[2])

    def logged():
        with site.read() as db:
            return db.scalars(said(booted).with_only_columns(Message.response)).all()

    assert "CANARY" not in str(eventually(logged))


def test_the_newcomer_wins_and_gets_the_commands(site, booted):
    old = booted.socket
    newcomer = Stage(site)
    newcomer.identity, newcomer.password = booted.identity, booted.password
    newcomer.play([{"send": [2, "h", "Heartbeat", {}]}])
    newcomer.socket.recv(timeout=30)
    eventually(lambda: old.close_code is not None or _is_closed(old), what="the old one is closed")
    number = queue(site, booted.identity, Order.CLEAR_CACHE, {})
    message_id, action, _ = hear_call(newcomer)
    assert action == "ClearCache"
    newcomer.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert settled(site, number)[0] is CommandState.ACCEPTED
    newcomer.close()


def _is_closed(socket):
    try:
        socket.recv(timeout=0.05)
    except TimeoutError:
        return False
    except ConnectionClosed:
        return True
    return False
