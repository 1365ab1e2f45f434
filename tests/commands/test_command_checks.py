"""An order that would end a running session is told before it is sent, with who and how much."""

import pytest

from app.domain.commands import command_rules, commands
from app.domain.ground.vocabulary import SYSTEM, Order, SessionState
from app.models import Command
from tests.support import seed, sockets


@pytest.fixture
def made(db, now):
    made = seed.fill(db, now, history=0)
    station = made.sessions["running"].station
    sockets.connect(db, station, orders=sockets.EVERY_ORDER, now=now)
    db.commit()
    return made


@pytest.fixture
def running(made):
    return made.sessions["running"]


def ask(db, now, running, order, known=(), **given):
    return commands.queue(
        db, SYSTEM, running.station, order, given, now=now, ttl_s=30, known=known
    )  # fmt: skip


def test_an_unlock_says_whose_session_it_ends_and_how_much_flowed(db, now, running):
    with pytest.raises(command_rules.EndsSessions) as told:
        ask(db, now, running, Order.UNLOCK, connector=running.evse)
    who = running.driver.name if running.driver else f"card {running.token}"
    assert f"ession {running.id} of {who} is running at connector {running.evse}" in str(told.value)
    assert "kWh so far" in str(told.value)
    assert db.query(Command).filter_by(order=Order.UNLOCK).count() == 0


def test_whoever_knows_may_do_it_and_a_machine_is_not_asked(db, now, running):
    for known in ({running.id}, None):
        assert ask(db, now, running, Order.UNLOCK, known, connector=running.evse).id
    with pytest.raises(command_rules.EndsSessions):
        ask(db, now, running, Order.UNLOCK, {running.id + 1}, connector=running.evse)


@pytest.mark.parametrize(
    ("protocol", "kind", "asked"),
    [
        ("ocpp1.6", "soft", True),
        ("ocpp1.6", "hard", True),
        ("ocpp2.0.1", "soft", False),
        ("ocpp2.0.1", "hard", True),
        ("ocpp2.1", "resume", False),
    ],
)
def test_a_restart_asks_where_it_does_not_wait(db, now, running, protocol, kind, asked):
    running.station.protocol = protocol
    found = command_rules.ended_by(db, running.station, Order.RESET, {"kind": kind})
    assert bool(found) is asked


@pytest.mark.parametrize(
    ("action", "payload", "asked"),
    [
        ("UnlockConnector", {"connectorId": 1}, True),
        ("UnlockConnector", {"evseId": 1, "connectorId": 7}, True),
        ("UnlockConnector", {"connectorId": 8}, False),
        ("Reset", {"type": "Hard"}, True),
        ("Reset", {"type": ["Hard"]}, True),
        ("Reset", {"type": "OnIdle"}, False),
        ("ClearCache", {}, False),
    ],
)
def test_a_raw_message_is_held_to_what_it_means(db, running, action, payload, asked):
    running.evse, running.station.protocol = 1, "ocpp2.0.1"
    given = {"action": action, "payload": payload, "check": True}
    found = command_rules.ended_by(db, running.station, Order.RAW, given)
    assert bool(found) is asked


def test_other_plugs_other_orders_and_ended_sessions_are_nobodys_business(db, now, running):
    station = running.station
    assert not command_rules.ended_by(db, station, Order.UNLOCK, {"connector": running.evse + 7})
    assert not command_rules.ended_by(
        db, station, Order.SET_AVAILABILITY, {"connector": 0, "available": False}
    )
    running.state = SessionState.ENDED
    db.flush()
    assert not command_rules.ended_by(db, station, Order.UNLOCK, {"connector": running.evse})
