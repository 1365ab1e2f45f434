"""Configuration keys over OCPP 1.6: orders as they go out, answers as chargers write them."""

import pytest

from app.domain.device.variable_names import plain
from app.domain.ground.vocabulary import CommandState, Order
from worker.dialects.records import Unfit
from worker.dialects.v16.device import ORDERS

READ, CHANGE = ORDERS[Order.READ_SETTINGS], ORDERS[Order.CHANGE_SETTING]


def test_reading_names_keys_or_means_all():
    assert (READ.action, READ.encode({"keys": []})) == ("GetConfiguration", {})
    assert READ.encode({"keys": ["A", "B"]}) == {"key": ["A", "B"]}
    with pytest.raises(Unfit):
        READ.encode({"keys": ["EVSE@1/" + "x" * 50]})


@pytest.mark.parametrize(
    ("readonly", "writable"),
    [(True, False), ("false", True), ("TRUE", False), (1, False), (None, None), ("perhaps", None)],
)
def test_read_only_is_a_truth_value_however_it_is_written(readonly, writable):
    answer = {"configurationKey": [{"key": "A", "readonly": readonly, "value": "1"}]}
    (told,) = READ.outcome(answer, {}).facts["told"]
    assert told.writable is writable


@pytest.mark.parametrize(
    ("value", "text"),
    [("60", "60"), (60, "60"), (True, "true"), (None, None), ("", ""), (1.5, "1.5")],
)
def test_a_value_is_text_whatever_it_came_as(value, text):
    answer = {"configurationKey": [{"key": "A", "readonly": False, "value": value}]}
    (told,) = READ.outcome(answer, {}).facts["told"]
    assert told.value == text


def test_an_answer_without_lists_is_an_answer():
    outcome = READ.outcome({}, {})
    assert outcome.state is CommandState.ACCEPTED
    assert outcome.facts == {"told": [], "unknown": []}
    assert READ.outcome({"unknownKey": ["X"]}, {}).facts["unknown"] == [plain("X")]


@pytest.mark.parametrize(
    ("status", "state", "verdict"),
    [
        ("Accepted", CommandState.ACCEPTED, "accepted"),
        ("RebootRequired", CommandState.ACCEPTED, "reboot_required"),
        ("Rejected", CommandState.REJECTED, "rejected"),
        ("NotSupported", CommandState.REJECTED, "rejected"),
        ("Whatever", CommandState.REJECTED, "rejected"),
    ],
)
def test_a_change_ends_as_the_charger_says(status, state, verdict):
    given = {"key": "A", "value": ""}
    assert (CHANGE.action, CHANGE.encode(given)) == ("ChangeConfiguration", given)
    outcome = CHANGE.outcome({"status": status}, given)
    assert outcome.state is state
    assert outcome.facts["changed"] == [(plain("A"), "", verdict)]


def test_two_changes_are_two_messages():
    with pytest.raises(Unfit):
        CHANGE.encode({"settings": [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}]})
