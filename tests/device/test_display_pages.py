"""The Display tab: the texts on a station's display, and showing one."""

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Order
from app.models import DisplayMessage
from tests.support.device_pages import town

__all__ = ["town"]


def address(town):
    return f"/stations/{town.new.id}/display"


def test_a_text_is_shown_in_the_readers_own_time(town):
    client = town.client("operator")
    data = {
        "text": "Closed <on> Sunday",
        "when": "idle",
        "priority": "in_front",
        "ends_at": "2036-07-01T18:00",
    }
    answer = client.post(address(town), data=data)
    assert (answer.status_code, answer.location) == (303, address(town))
    command = town.newest()
    assert command.order is Order.SHOW_MESSAGE
    assert command.arguments["ends_at"] == "2036-07-01T16:00:00+00:00"
    assert town.db.scalars(select(DisplayMessage)).one().state == "asked"
    text = client.get(address(town)).text
    assert "Closed &lt;on&gt; Sunday" in text
    assert "asked" in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": ""}, "Type the text"),
        ({"ends_at": "2020-01-01T00:00"}, "ends before it begins"),
    ],
)
def test_a_form_that_cannot_be_sent_says_why(town, wrong, said):
    data = {"text": "Closed", "when": "", "priority": "normal_cycle", **wrong}
    answer = town.client("operator").post(address(town), data=data)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_viewer_looks_and_shows_nothing(town):
    client = town.client("viewer")
    assert "Show a text" not in client.get(address(town)).text
    assert client.post(address(town), data={"text": "x"}).status_code == 403


def test_what_is_out_of_reach_is_not_found(town):
    url = address(town)
    client = town.far()
    assert client.get(url).status_code == 404
    assert client.post(url, data={"text": "x"}).status_code == 404
