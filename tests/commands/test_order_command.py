"""flask order and flask broadcast: what there is to ask, what was asked, and of many at once."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Order
from app.models import Broadcast, Command, Station
from app.uow import unit_of_work
from tests.support import sockets


@pytest.fixture
def flask(flask, depot, db):
    db.commit()
    for number in (1, 2, 3):
        flask("station", "add", f"CP-{number}", "--site", "Depot")
    return flask


def connect(*identities, orders=("unlock",)):
    now = datetime.now(UTC)
    with unit_of_work() as db:
        for station in db.scalars(select(Station).where(Station.identity.in_(identities))):
            sockets.connect(db, station, orders=list(orders), now=now)


def test_the_orders_are_listed_with_their_meaning(flask):
    rows = json.loads(flask("order", "kinds", "--json").stdout)
    assert {row["order"] for row in rows} == {order.value for order in Order}


def test_what_an_order_takes_is_told(flask):
    rows = json.loads(flask("order", "kinds", "reset", "--json").stdout)
    assert rows[0] == {
        "argument": "kind",
        "required": True,
        "values": "soft, hard, resume",
        "meaning": "How",
    }


def test_a_raw_message_is_queued_as_it_is_given(flask, db):
    connect("CP-1", orders=("raw",))
    sent = flask("station", "raw", "CP-1", "Reset", '{"type": "Purple"}', "--no-check", "--no-wait")
    assert sent.exit_code == 0, sent.output
    command = db.scalars(select(Command)).one()
    expected = {"action": "Reset", "payload": {"type": "Purple"}, "check": False}
    assert command.arguments == expected
    listed = json.loads(flask("order", "list", "--station", "CP-1", "--json").stdout)
    assert [row["id"] for row in listed] == [command.id]
    assert json.loads(flask("order", "show", command.id, "--json").stdout)["attempts"] == []


def test_an_order_goes_to_all_that_are_connected(flask, db):
    connect("CP-1", "CP-2")
    begun = flask("broadcast", "start", "unlock", "connector=1", "--site", "Depot", "--no-wait",
                  "--json")  # fmt: skip
    assert begun.exit_code == 0, begun.output
    told = json.loads(begun.stdout)
    assert [(row["station"], row["state"]) for row in told] == [
        ("CP-1", "under_way"),
        ("CP-2", "under_way"),
    ]


def test_those_that_are_named_are_asked_and_the_missing_one_is_passed_over(flask):
    connect("CP-1", orders=("reset",))
    begun = flask("broadcast", "start", "unlock", "connector=1",
                  "--station", "CP-1", "--station", "CP-3", "--json")  # fmt: skip
    assert begun.exit_code == 1
    assert [row["state"] for row in json.loads(begun.stdout)] == ["unsupported", "skipped"]


def test_nobody_to_ask_is_said(flask):
    begun = flask("broadcast", "start", "unlock", "connector=1")
    assert begun.exit_code == 1
    assert "No station was found" in begun.stderr


def test_a_broadcast_is_cancelled_and_taken_up_again(flask, db):
    connect("CP-1", "CP-2", "CP-3")
    flask("broadcast", "start", "unlock", "connector=1", "--at-once", "1", "--no-wait")
    number = db.scalar(select(Broadcast.id))
    assert flask("broadcast", "cancel", number).exit_code == 0
    assert flask("broadcast", "cancel", number).exit_code == 1
    again = flask("broadcast", "retry", number, "--no-wait", "--json")
    assert again.exit_code == 0, again.output
    assert [row["station"] for row in json.loads(again.stdout)] == ["CP-2", "CP-3"]
    assert len(json.loads(flask("broadcast", "list", "--json").stdout)) == 2
