"""Commands: checked when asked, claimed once, sent in time or never, settled once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.commands import broadcasts, commands, orders
from app.domain.commands.command_rules import Sent
from app.domain.ground import events
from app.domain.ground.errors import Conflict, Invalid, NotConnected, NotFound
from app.domain.ground.vocabulary import (
    COMMAND_MOVES,
    Actor,
    CommandState,
    Order,
    Outcome,
    Registration,
    SessionState,
)
from app.domain.network import presence, stations
from app.models import AuditEntry, ChargingSession, Command, WorkerNode
from tests.support import lone, sockets
from tests.support.stations import register

ADA = Actor("Ada", None, "192.0.2.7")
ACCEPTED = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The station accepted it.")


@pytest.fixture
def station(db, now):
    return register(db, connectors=2, now=now)


@pytest.fixture
def connected(db, station, now):
    sockets.connect(db, station, orders=sockets.EVERY_ORDER, now=now)
    events.take(db)
    return station


@pytest.fixture
def ask(db, connected, now):
    def queue(order=Order.UNLOCK, ttl_s=60, **arguments):
        arguments = arguments or {"connector": 1}
        return commands.queue(db, ADA, connected, order, arguments, now=now, ttl_s=ttl_s)

    return queue


def begun(db, station, now, **given):
    session = ChargingSession(
        tenant_id=station.tenant_id,
        site_id=station.site_id,
        station_id=station.id,
        **{
            "evse": 1,
            "start_key": "k",
            "token": "04A2",
            "timezone": "UTC",
            "currency": "EUR",
            "started_at": now,
            "start_received_at": now,
            "transaction_ref": "41",
            **given,
        },
    )
    db.add(session)
    db.flush()
    return session


def test_an_order_becomes_a_row_and_a_nudge(db, ask, now):
    command = ask()
    assert command.state is CommandState.QUEUED
    assert command.arguments == {"connector": 1}
    assert command.requested_by == "Ada"
    assert command.expires_at == now + timedelta(seconds=60)
    assert events.CommandQueued(command.tenant_id, command.id, command.station_id) in events.take(
        db
    )
    entry = db.query(AuditEntry).filter_by(action="station.command").one()
    assert entry.note == "Unlock connector 1"


def test_a_station_that_is_not_connected_is_said_so_at_once(db, station, now):
    with pytest.raises(NotConnected, match="CP-7 is not connected"):
        commands.queue(db, ADA, station, Order.UNLOCK, {"connector": 1}, now=now, ttl_s=60)
    assert db.query(Command).count() == 0


def test_a_station_whose_worker_is_dead_counts_as_gone(db, connected, now):
    later = now + presence.ALIVE
    with pytest.raises(NotConnected):
        commands.queue(db, ADA, connected, Order.CLEAR_CACHE, {}, now=later, ttl_s=60)


@pytest.mark.parametrize(
    ("order", "arguments", "field"),
    [
        (Order.START_CHARGING, {}, "token"),
        (Order.START_CHARGING, {"token": "A", "connector": 9}, "connector"),
        (Order.START_CHARGING, {"token": "A", "connector": 0}, "connector"),
        (Order.STOP_CHARGING, {}, "session_id"),
        (Order.RESET, {"kind": "gentle"}, "kind"),
        (Order.RESET, {}, "kind"),
        (Order.UNLOCK, {"connector": "one"}, "connector"),
        (Order.UNLOCK, {"connector": True}, "connector"),
        (Order.UNLOCK, {"connector": 1, "force": "yes"}, "force"),
        (Order.SET_AVAILABILITY, {"connector": 0, "available": "maybe"}, "available"),
        (Order.CHANGE_SETTING, {"key": "HeartbeatInterval"}, "value"),
        (Order.CHANGE_SETTING, {"key": "x" * 51, "value": "1"}, "key"),
        (Order.CHANGE_SETTING, {"key": "AuthorizationKey", "value": "secret"}, "key"),
        (Order.TRIGGER, {"message": "everything"}, "message"),
        (Order.DATA_TRANSFER, {"vendor_id": "v\x00"}, "vendor_id"),
    ],
)
def test_arguments_that_make_no_sense_are_named(db, connected, now, order, arguments, field):
    with pytest.raises(Invalid) as refused:
        commands.queue(db, ADA, connected, order, arguments, now=now, ttl_s=60)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("order", "arguments", "kept"),
    [
        (Order.START_CHARGING, {"token": " 04A2 "}, {"token": "04A2"}),
        (
            Order.SET_AVAILABILITY,
            {"connector": "0", "available": "no"},
            {"connector": 0, "available": False},
        ),
        (Order.READ_SETTINGS, {}, {"keys": []}),
        (Order.READ_SETTINGS, {"keys": "A, B\nC"}, {"keys": ["A", "B", "C"]}),
        (Order.CHANGE_SETTING, {"key": "K", "value": ""}, {"key": "K", "value": ""}),
        (Order.CLEAR_CACHE, {}, {}),
        (
            Order.TRIGGER,
            {"message": "Status", "connector": "2"},
            {"message": "status", "connector": 2},
        ),
        (
            Order.DATA_TRANSFER,
            {"vendor_id": "v", "message_id": "", "data": "{}"},
            {"vendor_id": "v", "data": "{}"},
        ),
    ],
)
def test_arguments_are_kept_in_the_words_of_the_domain(order, arguments, kept):
    assert orders.arguments(order, arguments) == kept
    assert orders.describe(order, kept)


def test_a_stop_names_the_session_and_the_station_s_own_reference(db, connected, ask, now):
    session = begun(db, connected, now)
    command = ask(Order.STOP_CHARGING, session_id=session.id)
    assert command.arguments == {"session_id": session.id, "transaction_ref": "41"}
    assert command.session_id == session.id
    assert ask(Order.STOP_CHARGING, transaction_ref="41").session_id == session.id


def test_a_session_of_another_station_cannot_be_stopped_here(db, connected, ask, now):
    other, _ = stations.register(db, ADA, connected.tenant_id, connected.site, "CP-8", now=now)
    session = begun(db, other, now)
    with pytest.raises(NotFound):
        ask(Order.STOP_CHARGING, session_id=session.id)


def test_an_ended_session_cannot_be_stopped(db, connected, ask, now):
    session = begun(db, connected, now, state=SessionState.ENDED, ended_at=now)
    with pytest.raises(Conflict):
        ask(Order.STOP_CHARGING, session_id=session.id)


def test_before_its_boot_is_accepted_a_station_may_not_charge(connected, ask):
    connected.booted_registration = Registration.PENDING
    with pytest.raises(Conflict, match="pending"):
        ask(Order.START_CHARGING, token="04A2")
    assert ask(Order.TRIGGER, message="boot").state is CommandState.QUEUED
    connected.booted_registration = Registration.REJECTED
    with pytest.raises(Conflict, match="rejected"):
        ask(Order.TRIGGER, message="boot")


def test_what_the_dialect_lacks_is_unsupported_without_touching_the_wire(db, connected, ask):
    connected.supported_orders = [Order.RESET.value]
    command = ask()
    assert command.state is CommandState.UNSUPPORTED
    assert not [event for event in events.take(db) if isinstance(event, events.CommandQueued)]


def test_one_claimer_gets_a_command(db, ask, now):
    command = ask()
    assert lone.claim(db, command.id, "worker-a", now=now) is command
    assert (command.state, command.node, command.sent_at) == (CommandState.SENT, "worker-a", now)
    assert lone.claim(db, command.id, "worker-b", now=now) is None
    assert command.node == "worker-a"


def test_a_command_that_does_not_exist_is_claimed_by_nobody(db, now):
    assert lone.claim(db, 4711, "worker-a", now=now) is None


def test_a_command_is_never_claimed_after_its_time(db, ask, now):
    command = ask(ttl_s=30)
    assert lone.claim(db, command.id, "worker-a", now=now + timedelta(seconds=30)) is None
    assert command.state is CommandState.EXPIRED
    assert "30 s" in command.sentence


def test_the_first_answer_stands(db, ask, now):
    command = lone.claim(db, ask().id, "worker-a", now=now)
    commands.sent(db, command, Sent("UnlockConnector", {"connectorId": 1}, "m1", now))
    assert commands.settle(db, command, ACCEPTED, now=now, latency_ms=84.0)
    late = Outcome(CommandState.TIMED_OUT, None, "No answer.")
    assert not commands.settle(db, command, late, now=now)
    assert (command.state, command.latency_ms) == (CommandState.ACCEPTED, 84.0)
    assert (command.action, command.message_id) == ("UnlockConnector", "m1")


@pytest.mark.parametrize("before", CommandState)
@pytest.mark.parametrize("after", CommandState)
def test_only_the_moves_of_the_table_happen(db, ask, now, before, after):
    command = ask()
    command.state = before
    moved = commands.settle(db, command, Outcome(after, None, "So it went."), now=now)
    assert moved is ((before, after) in COMMAND_MOVES)
    assert command.state is (after if moved else before)


def test_what_is_told_of_the_wire_after_the_end_takes_nothing_back(db, ask, now):
    command = lone.claim(db, ask().id, "worker-a", now=now)
    tried = [{"request": {"connectorId": 0}}, {"request": {"connectorId": 1}}]
    commands.sent(db, command, None, tried)
    commands.settle(db, command, ACCEPTED, now=now)
    commands.sent(db, command, Sent("UnlockConnector", {}, "m1", now), tried[:1])
    assert (command.attempts, command.message_id) == (tried, None)


def test_overdue_commands_end_with_a_sentence(db, ask, now):
    waiting, lost = ask(ttl_s=30), ask(ttl_s=3600)
    lone.claim(db, lost.id, "worker-a", now=now)
    presence.beat(db, "worker-a", now=now + timedelta(seconds=55))
    assert commands.expire_overdue(db, now + timedelta(minutes=1)) == 1
    assert waiting.state is CommandState.EXPIRED
    later = now + commands.LOST_AFTER
    presence.beat(db, "worker-a", now=later)
    assert commands.expire_overdue(db, later) == 0, "its worker could not tell meanwhile"
    db.get_one(WorkerNode, "worker-a").started_at = now
    assert commands.expire_overdue(db, later) == 1
    assert lost.state is CommandState.TIMED_OUT


@pytest.mark.parametrize("pause_s", [None, 25], ids=["nobody", "one who is seldom heard of"])
def test_what_a_dead_worker_sent_times_out_also_where_nobody_can_bear_witness(
    db, ask, now, pause_s
):
    presence.beat(db, "worker-a", now=now)
    command = lone.claim(db, ask().id, "worker-a", now=now)
    for seconds in range(0, 660, pause_s) if pause_s else ():
        presence.beat(db, "worker-b", now=now + timedelta(seconds=seconds))
    assert commands.expire_overdue(db, now + timedelta(minutes=10)) == 0
    assert commands.expire_overdue(db, now + commands.LOST_AFTER) == 1
    assert command.state is CommandState.TIMED_OUT


def test_what_a_dead_worker_sent_has_timed_out(db, ask, now):
    command = lone.claim(db, ask().id, "worker-a", now=now)
    later = now + presence.ALIVE
    assert commands.expire_overdue(db, later) == 0, "the database may have been away from all"
    sockets.witness(db, since=now, now=later)
    assert commands.expire_overdue(db, later) == 1
    assert command.state is CommandState.TIMED_OUT


def test_only_who_holds_the_newest_connection_of_a_station_takes_its_orders(db, ask, now):
    command = ask()
    before = command.station.connection_id
    newer = sockets.open_connection(db, command.station, now=now, node="worker-b").id
    assert not commands.claim_all(db, [command.id], "worker-a", [before], now=now)
    assert commands.claim_all(db, [command.id], "worker-b", [newer], now=now)


def test_a_secret_in_a_setting_is_forgotten_once_it_was_sent(db, ask, now):
    command = ask(Order.CHANGE_SETTING, key="WifiPassword", value="canary")
    claimed = lone.claim(db, command.id, "worker-a", now=now)
    assert claimed.arguments["value"] == "canary", "the worker needs it"
    request = {"key": "WifiPassword", "value": "canary"}
    commands.sent(db, claimed, Sent("C", request, "m", now))
    assert "canary" not in f"{claimed.arguments} {claimed.request}"
    commands.settle(db, claimed, ACCEPTED, now=now)
    assert all("canary" not in f"{e.note} {e.after}" for e in db.query(AuditEntry))
    with pytest.raises(Conflict, match="secret"):
        broadcasts.repeat(db, ADA, claimed, now=now, ttl_s=60)


def test_a_settled_command_can_be_asked_again(db, ask, now):
    command = ask()
    with pytest.raises(Conflict, match="under way"):
        broadcasts.repeat(db, ADA, command, now=now, ttl_s=60)
    commands.settle(db, lone.claim(db, command.id, "w", now=now), ACCEPTED, now=now)
    again = broadcasts.repeat(db, ADA, command, now=now, ttl_s=60)
    assert again.id != command.id
    assert (again.order, again.arguments) == (command.order, command.arguments)


def test_a_station_that_must_not_change_its_availability_is_not_asked(db, connected, ask):
    connected.quirks = {"no_change_availability": True}
    with pytest.raises(Conflict, match="quirks"):
        ask(Order.SET_AVAILABILITY, connector=0, available=False)


@pytest.mark.parametrize(
    "action", ["RemoteStartTransaction", "RequestStartTransaction", "ReserveNow"]
)
def test_what_a_pending_station_may_not_get_is_refused_as_raw_message_too(connected, ask, action):
    connected.booted_registration = Registration.PENDING
    with pytest.raises(Conflict, match="pending"):
        ask(Order.RAW, action=action, payload={})
    assert ask(Order.RAW, action=action, payload={}, check="no").state is CommandState.QUEUED
    assert ask(Order.RAW, action="GetBaseReport", payload={}).state is CommandState.QUEUED
    assert ask(Order.READ_SETTINGS, keys="A").state is CommandState.QUEUED


def test_a_slow_station_is_given_the_time_that_it_is_known_to_need(connected, ask, now):
    connected.quirks = {"call_timeout_s": 180}
    assert ask(ttl_s=60).expires_at == now + timedelta(seconds=180)
    assert ask(ttl_s=600).expires_at == now + timedelta(seconds=600)
    assert commands.patience_s(connected.quirks, 30) == 180
    assert commands.patience_s({}, 30) == 30


def test_an_answer_stands_even_where_its_meaning_cannot_be_worked_out(
    db, ask, now, monkeypatch, caplog
):
    def broken(*_):
        raise RuntimeError("a mistake of ours")

    spec = replace(orders.SPECS[Order.UNLOCK], after=broken)
    monkeypatch.setitem(orders.SPECS, Order.UNLOCK, spec)
    command = lone.claim(db, ask().id, "worker-a", now=now)
    assert commands.settle(db, command, ACCEPTED, now=now)
    assert command.state is CommandState.ACCEPTED
    assert "a mistake of ours" in caplog.text


def test_a_secret_deep_within_a_raw_message_cannot_be_repeated(db, ask, now):
    payload = {"key": "WifiPassword", "value": "canary"}
    claimed = lone.claim(
        db, ask(Order.RAW, action="ChangeConfiguration", payload=payload).id, "w", now=now
    )
    commands.settle(db, claimed, ACCEPTED, now=now)
    assert "canary" not in str(claimed.arguments)
    with pytest.raises(Conflict, match="secret"):
        broadcasts.repeat(db, ADA, claimed, now=now, ttl_s=60)


def test_every_form_that_was_tried_is_kept_without_secrets(db, ask, now):
    command = lone.claim(db, ask().id, "worker-a", now=now)
    request = {"key": "AuthorizationKey", "value": "canary"}
    first = {"words": "", "request": request, "state": "rejected"}
    second = {"words": "otherwise", "request": {}, "state": "failed"}
    commands.sent(db, command, None, [first, second])
    assert [attempt["words"] for attempt in command.attempts] == ["", "otherwise"]
    assert "canary" not in str(command.attempts)


def test_what_was_made_for_an_order_is_made_anew_when_it_is_repeated(db, ask, now):
    command = lone.claim(
        db,
        ask(Order.START_CHARGING, token="04A2", token_kind="central", connector=1).id,
        "w",
        now=now,
    )
    assert set(command.arguments) > {"token", "connector"}, "its preparation added something"
    commands.settle(db, command, ACCEPTED, now=now)
    again = broadcasts.repeat(db, ADA, command, now=now, ttl_s=60)
    assert again.arguments["token"] == "04A2"
    assert again.arguments["remote_start_id"] != command.arguments["remote_start_id"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("ChangeConfiguration", {"key": "authorizationkey", "value": "0" * 40}),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "component": {"name": "SecurityCtrlr"},
                        "variable": {"name": "BasicAuthPassword"},
                        "attributeValue": "secret",
                    }
                ]
            },
        ),
    ],
)
def test_a_raw_message_does_not_set_a_password_that_we_would_not_know(
    connected, ask, action, payload
):
    with pytest.raises(Invalid, match="change_password"):
        ask(Order.RAW, action=action, payload=payload)
    assert ask(Order.RAW, action=action, payload={"key": "a"}, check="no")
