"""One conversation: order, deadlines, copies, strays, without any socket."""

import json

import pytest

from worker.ocpp.connection import Connection
from worker.ocpp.events import (
    Answered,
    Cancelled,
    Expired,
    Malformed,
    Refused,
    Repeated,
    Stray,
    TimedOut,
)
from worker.ocpp.frames import Call
from worker.ocpp.schemas import Violation
from worker.ocpp.versions import CallFault, Fault, Version


@pytest.fixture
def csms():
    return Connection(Version.V16, "csms", afresh=frozenset({"BootNotification"}))


def sole(events):
    assert len(events) == 1
    return events[0]


def status(message_id, word="Available"):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": word}
    return json.dumps([2, message_id, "StatusNotification", payload])


def test_a_call_is_answered_under_its_own_id(csms):
    call = sole(csms.receive_text('[2,7,"Heartbeat",{}]', 0))
    assert isinstance(call, Call)
    assert csms.answer(call, {"currentTime": "2026-03-02T09:00:00Z"}) == (
        '[3,7,{"currentTime":"2026-03-02T09:00:00Z"}]'
    )


def test_what_we_send_must_be_clean(csms):
    call = sole(csms.receive_text('[2,"1","Heartbeat",{}]', 0))
    with pytest.raises(Violation):
        csms.answer(call, {"currentTime": "2026-03-02T09:00:00Z", "extra": None})
    with pytest.raises(Violation):
        csms.call("Reset", {"type": "Medium"}, 0)


def test_two_sides_understand_each_other(csms):
    station = Connection(Version.V16, "station")
    asked = csms.call("Reset", {"type": "Soft"}, 0, context=42)
    call = sole(station.receive_text(sole(csms.outgoing()), 1))
    answer = sole(csms.receive_text(station.answer(call, {"status": "Accepted"}), 3))
    assert isinstance(answer, Answered)
    assert (answer.call, answer.payload, answer.latency_s) == (asked, {"status": "Accepted"}, 3)
    assert answer.call.context == 42


def test_crossing_calls(csms):
    csms.call("Reset", {"type": "Soft"}, 0)
    csms.outgoing()
    assert isinstance(sole(csms.receive_text('[2,"9","Heartbeat",{}]', 1)), Call)
    assert csms.waiting is not None


def test_inbound_burst_ordered(csms):
    calls = [sole(csms.receive_text(status(str(n)), 0)) for n in range(5)]
    assert [call.message_id for call in calls] == ["0", "1", "2", "3", "4"]


def test_only_one_of_our_calls_is_outstanding(csms):
    first = csms.call("ClearCache", {}, 0)
    second = csms.call("Reset", {"type": "Hard"}, 0)
    assert csms.outgoing() == [first.text]
    csms.receive_text(json.dumps([3, first.message_id, {"status": "Accepted"}]), 1)
    assert csms.outgoing() == [second.text]
    assert second.sent_at == 1


def test_an_error_settles_a_call_and_sends_the_next(csms):
    first = csms.call("ClearCache", {}, 0)
    second = csms.call("ClearCache", {}, 0)
    csms.outgoing()
    refused = sole(csms.receive_text(f'[4,"{first.message_id}","NotSupported"]', 1))
    assert isinstance(refused, Refused)
    assert refused.fault is Fault.NOT_SUPPORTED
    assert csms.outgoing() == [second.text]


def test_slow_reply_45s(csms):
    call = csms.call("UnlockConnector", {"connectorId": 1}, 0, timeout_s=60)
    csms.outgoing()
    assert csms.tick(45) == []
    text = json.dumps([3, call.message_id, {"status": "Unlocked"}])
    assert isinstance(sole(csms.receive_text(text, 45)), Answered)


def test_without_an_answer_the_call_times_out_and_the_next_goes_out(csms):
    first = csms.call("ClearCache", {}, 0, timeout_s=30)
    second = csms.call("ClearCache", {}, 0)
    csms.outgoing()
    assert csms.next_deadline() == 30
    ended = sole(csms.tick(30))
    assert isinstance(ended, TimedOut)
    assert ended.call is first
    assert csms.outgoing() == [second.text]


def test_late_result_ignored_but_its_call_is_known(csms):
    call = csms.call("RemoteStopTransaction", {"transactionId": 1}, 0, timeout_s=30)
    csms.tick(30)
    late = sole(csms.receive_text(json.dumps([3, call.message_id, {"status": "Accepted"}]), 31))
    assert isinstance(late, Stray)
    assert late.call is call
    again = sole(csms.receive_text(json.dumps([3, call.message_id, {"status": "Accepted"}]), 32))
    assert isinstance(again, Stray)
    assert again.call is None


def test_an_answer_that_nobody_asked_for_is_a_stray(csms):
    assert isinstance(sole(csms.receive_text('[3,"x",{}]', 0)), Stray)
    assert isinstance(sole(csms.receive_text('[4,"x","GenericError"]', 0)), Stray)
    assert csms.outgoing() == []


def test_expired_command_dropped(csms):
    first = csms.call("ClearCache", {}, 0, timeout_s=30)
    second = csms.call("Reset", {"type": "Hard"}, 0, expires_at=20)
    csms.outgoing()
    assert csms.next_deadline() == 20
    ended = sole(csms.tick(20))
    assert isinstance(ended, Expired)
    assert ended.call is second
    assert second.sent_at is None
    csms.receive_text(json.dumps([3, first.message_id, {"status": "Accepted"}]), 21)
    assert csms.outgoing() == []


def test_a_call_that_expired_unseen_is_not_sent_after_the_answer(csms):
    first = csms.call("ClearCache", {}, 0)
    csms.call("Reset", {"type": "Hard"}, 0, expires_at=20)
    csms.outgoing()
    csms.receive_text(json.dumps([3, first.message_id, {"status": "Accepted"}]), 25)
    assert csms.outgoing() == []
    assert csms.next_deadline() is not None
    assert isinstance(sole(csms.tick(25)), Expired)


def test_the_deadline_counts_from_when_the_call_was_asked_for(csms):
    call = csms.call("ClearCache", {}, 0, timeout_s=30, expires_at=10)
    csms.outgoing()
    assert call.reply_by == 10


def test_no_outbound_before_boot_conf(csms):
    csms.hold(until=10)
    call = csms.call("ClearCache", {}, 0)
    assert csms.outgoing() == []
    assert csms.next_deadline() == 10
    csms.tick(9)
    assert csms.outgoing() == []
    csms.hold(until=9.5)
    csms.tick(9.5)
    assert csms.outgoing() == [call.text]


def test_a_hold_runs_out(csms):
    csms.hold(until=10)
    call = csms.call("ClearCache", {}, 0)
    csms.tick(10)
    assert csms.outgoing() == [call.text]


def test_the_end_cancels_what_was_not_settled(csms):
    sent = csms.call("ClearCache", {}, 0)
    queued = csms.call("ClearCache", {}, 0)
    csms.outgoing()
    ended = csms.end()
    assert [event.call for event in ended] == [sent, queued]
    assert all(isinstance(event, Cancelled) for event in ended)
    assert (sent.sent_at, queued.sent_at) == (0, None)


def test_the_queue_of_our_calls_is_bounded(csms):
    with pytest.raises(CallFault):
        for _ in range(100):
            csms.call("ClearCache", {}, 0)


def test_same_id_same_payload_replayed_reply(csms):
    call = sole(csms.receive_text(status("1"), 0))
    reply = csms.answer(call, {})
    again = sole(csms.receive_text(status("1"), 5))
    assert isinstance(again, Repeated)
    assert again.reply == reply
    assert csms.outgoing() == [reply]


def test_same_id_different_payload_processed(csms):
    csms.answer(sole(csms.receive_text(status("1"), 0)), {})
    assert isinstance(sole(csms.receive_text(status("1", "Charging"), 5)), Call)
    csms.outgoing()
    assert isinstance(sole(csms.receive_text(status("1"), 6)), Call)


def test_a_copy_after_five_minutes_is_a_new_call(csms):
    csms.answer(sole(csms.receive_text(status("1"), 0)), {})
    assert isinstance(sole(csms.receive_text(status("1"), 301)), Call)


def test_a_copy_of_a_call_in_work_waits_for_the_first(csms):
    csms.receive_text(status("1"), 0)
    again = sole(csms.receive_text(status("1"), 0))
    assert isinstance(again, Repeated)
    assert again.reply is None
    assert csms.outgoing() == []


def test_after_a_refusal_or_silence_a_copy_is_a_new_call(csms):
    csms.refuse(sole(csms.receive_text(status("1"), 0)), Fault.INTERNAL)
    second = sole(csms.receive_text(status("1"), 1))
    assert isinstance(second, Call)
    csms.abandon(second)
    assert isinstance(sole(csms.receive_text(status("1"), 2)), Call)


def test_boot_repeat_same_id_answered_afresh(csms):
    text = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
    answer = {"status": "Accepted", "currentTime": "2026-03-02T09:00:00Z", "interval": 300}
    for now in range(3):
        call = sole(csms.receive_text(text, now))
        assert isinstance(call, Call)
        csms.answer(call, answer)


def test_only_the_last_answers_are_remembered(csms):
    for n in range(50):
        csms.answer(sole(csms.receive_text(status(str(n)), 0)), {})
    assert isinstance(sole(csms.receive_text(status("0"), 0)), Call)
    assert isinstance(sole(csms.receive_text(status("49"), 0)), Repeated)


@pytest.mark.parametrize("version", Version)
def test_a_broken_call_is_answered_with_an_error(version):
    conversation = Connection(version, "csms")
    event = sole(conversation.receive_text('[2,"5","Heartbeat",{"x" 1}]', 0))
    assert isinstance(event, Malformed)
    code = Fault.FORMAT.spelled(version)
    assert json.loads(sole(conversation.outgoing()))[:3] == [4, "5", code]


def test_text_without_an_id_is_ignored_by_1_6_and_answered_by_2_x():
    old, new = Connection(Version.V16, "csms"), Connection(Version.V201, "csms")
    assert isinstance(sole(old.receive_text("hello", 0)), Malformed)
    assert old.outgoing() == []
    new.receive_text("hello", 0)
    assert json.loads(sole(new.outgoing()))[:3] == [4, "-1", "RpcFrameworkError"]


def test_unknown_message_types_are_ignored_by_1_6_and_answered_by_2_x():
    old, new = Connection(Version.V16, "csms"), Connection(Version.V201, "csms")
    old.receive_text('[9,"1",{}]', 0)
    assert old.outgoing() == []
    new.receive_text('[9,"1",{}]', 0)
    assert json.loads(sole(new.outgoing()))[:3] == [4, "1", "MessageTypeNotSupported"]


def test_broken_answers_are_never_answered():
    conversation = Connection(Version.V21, "csms")
    conversation.receive_text('[3,"1",{]', 0)
    conversation.receive_text('[4,"1",{]', 0)
    assert conversation.outgoing() == []


def test_several_calls_in_one_text_are_taken_in_order(csms):
    events = csms.receive_text(status("1") + status("2"), 0)
    assert [event.message_id for event in events] == ["1", "2"]


def test_a_broken_call_among_several_is_refused_alone(csms):
    events = csms.receive_text(status("1") + '[2,"x","Authorize",{"idTag" 1}]' + status("2"), 0)
    assert [type(event).__name__ for event in events] == ["Call", "Malformed", "Call"]
    assert [text[:7] for text in csms.outgoing()] == ['[4,"x",']


def test_strict_takes_no_second_message():
    strict = Connection(Version.V16, "csms", strict=True)
    assert isinstance(sole(strict.receive_text(status("1") + status("2"), 0)), Malformed)


def test_the_name_of_an_action_is_known_in_any_case(csms):
    [call] = csms.receive_text('[2,"1","stoptransaction",{}]', 0.0)
    assert (call.action, call.notes) == ("StopTransaction", ("action_spelling",))
    [stranger] = csms.receive_text('[2,"2","FlyToTheMoon",{}]', 0.0)
    assert (stranger.action, stranger.notes) == ("FlyToTheMoon", ())
