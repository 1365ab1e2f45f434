"""Texts on displays: numbered, shown, refused, read back, cleared."""

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import CommandState, Order
from app.models import DisplayMessage
from tests.support.dialogue import Dialogue
from worker.dialects.records import Unfit
from worker.ocpp.versions import Version


@pytest.fixture(params=[Version.V201, Version.V21], ids=lambda version: version.value)
def talk(db, now, request):
    return Dialogue(db, now, request.param)


def rows(talk):
    return list(talk.db.scalars(select(DisplayMessage).order_by(DisplayMessage.number)))


def shown(talk, **given):
    talk.ask(Order.SHOW_MESSAGE, **{"text": "Closed", **given})
    return talk.answers({"status": "Accepted"})


def info(number, text, **more):
    message = {"format": "UTF8", "content": text}
    return {"id": number, "priority": "InFront", "message": message, **more}


def notify(talk, items, request_id, more=False):
    return talk.says(
        "NotifyDisplayMessages", {"requestId": request_id, "messageInfo": items, "tbc": more}
    )


def test_a_text_is_sent_with_its_number_and_its_times(talk):
    talk.ask(
        Order.SHOW_MESSAGE,
        text="Closed",
        when="idle",
        priority="always_front",
        language="en",
        starts_at="2026-03-02T10:00:00+01:00",
        ends_at="2026-03-03T10:00:00Z",
    )
    assert [row.state for row in rows(talk)] == ["asked"]
    action, payload = talk.hears()
    assert action == "SetDisplayMessage"
    assert payload["message"] == {
        "id": 1,
        "priority": "AlwaysFront",
        "state": "Idle",
        "startDateTime": "2026-03-02T09:00:00Z",
        "endDateTime": "2026-03-03T10:00:00Z",
        "message": {"format": "UTF8", "language": "en", "content": "Closed"},
    }
    talk.answers({"status": "Accepted"})
    assert [row.state for row in rows(talk)] == ["shown"]
    shown(talk, text="Another")
    assert [row.number for row in rows(talk)] == [1, 2]


@pytest.mark.parametrize("status", ["NotSupportedState", "UnknownTransaction", "Rejected"])
def test_a_refusal_is_said_beside_the_text(talk, status):
    talk.ask(Order.SHOW_MESSAGE, text="Closed", when="idle")
    command = talk.answers({"status": status})
    assert command.state is CommandState.REJECTED
    assert rows(talk)[0].state == "rejected"
    assert rows(talk)[0].sentence == command.sentence


def test_a_number_replaces_the_text_it_had(talk):
    shown(talk)
    shown(talk, text="Open", number=1)
    assert [(row.number, row.text) for row in rows(talk)] == [(1, "Open")]


def test_a_text_that_is_shown_stays_when_its_successor_is_refused(talk):
    shown(talk)
    talk.ask(Order.SHOW_MESSAGE, text="Open", number=1)
    talk.answers({"status": "Rejected"})
    assert [(row.text, row.state) for row in rows(talk)] == [("Closed", "shown")]


@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
def test_a_cleared_text_is_gone(talk, status):
    shown(talk)
    talk.ask(Order.CLEAR_MESSAGE, number=1)
    assert talk.hears() == ("ClearDisplayMessage", {"id": 1})
    talk.answers({"status": status})
    assert rows(talk)[0].state == "cleared"


def test_reading_all_tells_what_is_shown_and_what_is_no_longer(talk):
    shown(talk)
    talk.later(minutes=1)
    talk.ask(Order.READ_MESSAGES)
    number = talk.hears()[1]["requestId"]
    talk.answers({"status": "Accepted"})
    times = {"startDateTime": "2026-03-02T10:00:00Z", "state": "Charging"}
    notify(talk, [info(7, "Welcome", **times)], number, more=True)
    assert rows(talk)[0].state == "shown", "more may follow"
    notify(talk, [info(8, "Bye")], number)
    assert [(row.number, row.state) for row in rows(talk)] == [
        (1, "cleared"),
        (7, "shown"),
        (8, "shown"),
    ]
    assert (rows(talk)[1].when, rows(talk)[1].priority) == ("charging", "in_front")


def test_reading_some_says_nothing_of_the_others(talk):
    shown(talk)
    talk.later(minutes=1)
    talk.ask(Order.READ_MESSAGES, priority="in_front")
    number = talk.hears()[1]["requestId"]
    talk.answers({"status": "Accepted"})
    notify(talk, [info(7, "Welcome")], number)
    assert {row.state for row in rows(talk)} == {"shown"}


def test_a_station_that_shows_nothing_says_so(talk):
    shown(talk)
    talk.later(minutes=1)
    talk.ask(Order.READ_MESSAGES)
    assert talk.answers({"status": "Unknown"}).state is CommandState.ACCEPTED
    assert rows(talk)[0].state == "cleared"


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x" * 1025},
        {"ends_at": "2026-03-01T00:00:00Z"},
        {"when": "raining"},
        {"priority": "loud"},
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(talk, wrong):
    with pytest.raises(Invalid):
        talk.ask(Order.SHOW_MESSAGE, **{"text": "Closed", **wrong})
    assert not rows(talk)


def test_what_only_2_1_can_is_said_before_it_is_sent_over_2_0_1(talk):
    talk.ask(Order.SHOW_MESSAGE, text="Resting", when="suspended")
    if talk.version is Version.V21:
        assert talk.hears()[1]["message"]["state"] == "Suspended"
    else:
        with pytest.raises(Unfit):
            talk.hears()
