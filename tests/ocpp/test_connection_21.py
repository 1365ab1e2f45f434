"""What 2.1 added to the conversation, and that older versions are spared it."""

import json

import pytest

from worker.ocpp.connection import Connection
from worker.ocpp.events import Answered, Malformed, Refused, Stray
from worker.ocpp.frames import Call, Send
from worker.ocpp.schemas import Violation
from worker.ocpp.versions import Fault, Version

STREAM = {
    "id": 1,
    "pending": 0,
    "basetime": "2026-03-02T09:00:00Z",
    "data": [{"t": 0, "v": "230.4"}],
}


@pytest.fixture
def csms():
    return Connection(Version.V21, "csms", strict=True)


def sole(items):
    assert len(items) == 1
    return items[0]


def test_a_send_is_handed_over_and_never_answered(csms):
    text = json.dumps([6, "1", "NotifyPeriodicEventStream", STREAM])
    event = sole(csms.receive_text(text, 0))
    assert isinstance(event, Send)
    assert (event.action, event.payload) == ("NotifyPeriodicEventStream", STREAM)
    assert isinstance(sole(csms.receive_text(text, 1)), Send)
    assert csms.outgoing() == []


@pytest.mark.parametrize(
    "text", ['[6,"1"]', '[6,"1",17,{}]', '[6,"1","A",[]]', '[6,{},"A",{}]', '[6,"1","A",{"x" 1}]']
)
def test_a_broken_send_is_not_answered_either(csms, text):
    assert isinstance(sole(csms.receive_text(text, 0)), Malformed)
    assert csms.outgoing() == []


def test_a_send_does_not_wait_for_the_answer_to_a_call():
    station = Connection(Version.V21, "station")
    station.call("Heartbeat", {}, 0)
    station.call("Heartbeat", {}, 0)
    station.send("NotifyPeriodicEventStream", STREAM)
    kinds = [json.loads(text)[0] for text in station.outgoing()]
    assert kinds == [2, 6]


def test_what_we_send_unconfirmed_must_be_clean_too():
    with pytest.raises(Violation):
        Connection(Version.V21, "station").send("NotifyPeriodicEventStream", {"id": 1})


def test_who_calls_what_should_be_sent_gets_an_empty_answer(csms):
    call = sole(csms.receive_text(json.dumps([2, "1", "NotifyPeriodicEventStream", STREAM]), 0))
    assert isinstance(call, Call)
    assert csms.answer(call, {}) == '[3,"1",{}]'


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({}, "OccurrenceConstraintViolation"),
        ({"status": 7}, "TypeConstraintViolation"),
        ({"status": "Perhaps"}, "PropertyConstraintViolation"),
        ({"status": "Accepted", "colour": "red"}, "FormatViolation"),
    ],
)
def test_an_answer_against_its_schema_is_sent_back_once(csms, answer, code):
    asked = csms.call("ClearCache", {}, 0)
    csms.outgoing()
    event = sole(csms.receive_text(json.dumps([3, asked.message_id, answer]), 1))
    assert isinstance(event, Answered)
    complaint = sole(csms.outgoing())
    assert json.loads(complaint)[:3] == [5, asked.message_id, code]
    assert len(json.loads(complaint)) == 5
    assert event.complaint == complaint


def test_outside_of_strict_mode_no_answer_is_sent_back():
    csms = Connection(Version.V21, "csms")
    for answer in ({"status": 7}, ["Accepted"]):
        asked = csms.call("ClearCache", {}, 0)
        csms.outgoing()
        sole(csms.receive_text(json.dumps([3, asked.message_id, answer]), 1))
        assert csms.outgoing() == []


def test_an_answer_that_is_no_object_is_sent_back(csms):
    asked = csms.call("ClearCache", {}, 0)
    csms.outgoing()
    event = sole(csms.receive_text(json.dumps([3, asked.message_id, ["Accepted"]]), 1))
    assert isinstance(event, Refused)
    assert json.loads(sole(csms.outgoing()))[:3] == [5, asked.message_id, "FormatViolation"]


def test_a_clean_answer_and_an_error_are_not_sent_back(csms):
    first = csms.call("ClearCache", {}, 0)
    second = csms.call("ClearCache", {}, 0)
    csms.outgoing()
    csms.receive_text(json.dumps([3, first.message_id, {"status": "Accepted"}]), 1)
    assert csms.outgoing() == [second.text]
    csms.receive_text(json.dumps([4, second.message_id, "GenericError", "", []]), 1)
    assert csms.outgoing() == []


def test_a_late_or_invented_answer_is_not_sent_back(csms):
    asked = csms.call("ClearCache", {}, 0, timeout_s=5)
    csms.outgoing()
    csms.tick(6)
    for message_id in (asked.message_id, "invented"):
        assert isinstance(sole(csms.receive_text(json.dumps([3, message_id, {}]), 7)), Stray)
    assert csms.outgoing() == []


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_older_versions_hear_of_no_bad_answers(version):
    conversation = Connection(version, "csms")
    for answer in ({"status": 7}, []):
        asked = conversation.call("ClearCache", {}, 0)
        conversation.outgoing()
        conversation.receive_text(json.dumps([3, asked.message_id, answer]), 1)
        assert conversation.outgoing() == []


def test_a_refusal_of_our_answer_is_kept_and_not_answered(csms):
    call = sole(csms.receive_text('[2,"1","Heartbeat",{}]', 0))
    csms.answer(call, {"currentTime": "2026-03-02T09:00:00Z"})
    text = '[5,"1","FormatViolation","no clock here",{}]'
    for _ in range(2):
        event = sole(csms.receive_text(text, 1))
        assert isinstance(event, Stray)
        assert (event.frame.fault, event.frame.description) == (Fault.FORMAT, "no clock here")
    assert csms.outgoing() == []


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
@pytest.mark.parametrize("text", ['[5,"1","X","",{}]', '[6,"1","A",{}]'])
def test_older_versions_take_both_for_unknown_types(version, text):
    conversation = Connection(version, "csms")
    assert isinstance(sole(conversation.receive_text(text, 0)), Malformed)
    replies = [json.loads(reply)[:3] for reply in conversation.outgoing()]
    known = version is Version.V16
    assert replies == ([] if known else [[4, "1", "MessageTypeNotSupported"]])
