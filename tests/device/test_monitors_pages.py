"""The Monitors and events tab: watching, clearing, what was noticed, and seeing to it."""

import pytest
from sqlalchemy import select

from app.domain.device import device_events
from app.domain.device.device_events import Noticed
from app.domain.device.variable_names import parse
from app.domain.ground.vocabulary import Order
from app.models import DeviceEvent, VariableMonitor
from tests.support.device_pages import town

__all__ = ["town"]

FORM = {"key": "EVSE@1/Power", "kind": "upper_threshold", "value": "11000", "severity": "3"}


@pytest.fixture
def alarmed(town):
    alarm = Noticed(
        parse("EVSE@1/Temperature"), 1, town.now, "alerting", "hard_wired", "91", severity=2
    )
    regular = Noticed(parse("EVSE@1/Power"), 2, town.now, "periodic", "custom", "7777")
    device_events.take(town.db, town.new, [alarm, regular], now=town.now)
    town.db.commit()
    return town.db.scalars(select(DeviceEvent).where(DeviceEvent.severity == 2)).one()


def address(town, rest=""):
    return f"/stations/{town.new.id}/monitors{rest}"


def page(client, town, query=""):
    return client.get(address(town, query)).text


def test_a_variable_is_watched_from_a_form(town):
    client = town.client("operator")
    answer = client.post(address(town), data=FORM)
    assert (answer.status_code, answer.location) == (303, address(town))
    command = town.newest()
    assert command.order is Order.SET_MONITORS
    assert command.arguments["monitors"][0]["value"] == "11000"
    assert town.db.scalars(select(VariableMonitor)).one().state == "asked"
    assert "asked" in page(client, town)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": "Power"}, "lacks its component"),
        ({"value": "much"}, "must be a number"),
        ({"key": ""}, "Name the variable"),
    ],
)
def test_a_form_that_cannot_be_sent_says_why(town, wrong, said):
    answer = town.client("operator").post(address(town), data={**FORM, **wrong})
    assert answer.status_code == 422
    assert said in answer.text


def test_severe_events_need_somebody_until_they_are_seen_to(town, alarmed):
    client = town.client("operator")
    text = page(client, town)
    assert "Temperature" in text
    assert "7777" not in text, "regular values are shown when asked for"
    assert "7777" in page(client, town, "?show=values")
    assert "Temperature is 91" in client.get("/").text
    answer = client.post(f"/stations/{town.new.id}/events/{alarmed.id}/dismiss")
    assert answer.status_code == 303
    assert "Temperature is 91" not in client.get("/").text
    assert "Nothing noticed" in page(client, town, "?show=open")


def test_a_viewer_looks_and_sets_nothing(town, alarmed):
    client = town.client("viewer")
    text = page(client, town)
    assert "Mark as handled" not in text
    assert "Watch a variable" not in text
    assert client.post(address(town), data=FORM).status_code == 403
    answer = client.post(f"/stations/{town.new.id}/events/{alarmed.id}/dismiss")
    assert answer.status_code == 403


def test_what_is_out_of_reach_is_not_found(town, alarmed):
    number, event = town.new.id, alarmed.id
    client = town.far()
    assert client.get(f"/stations/{number}/monitors").status_code == 404
    assert client.post(f"/stations/{number}/monitors", data=FORM).status_code == 404
    assert client.post(f"/stations/{number}/events/{event}/dismiss").status_code == 404
