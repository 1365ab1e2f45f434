"""Arbitrary frames, version by version: nothing raises, each call gets one answer, memory stays."""

import json
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import payloads
from tests.support.chance import at_landing, texts, tries
from tests.support.oracle import expected
from worker.ocpp.connection import QUEUE_LIMIT, REMEMBERED, Connection
from worker.ocpp.events import Malformed
from worker.ocpp.frames import Call
from worker.ocpp.repairs import mend
from worker.ocpp.versions import Fault, Version

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts(), inner), max_leaves=12
)
#: Arrays that look like frames more often than chance would have it.
arrays = st.lists(st.sampled_from([2, 3, 4, 5, 6, "1", "Heartbeat", {}]) | values, max_size=6)
told = texts() | values.map(json.dumps) | arrays.map(json.dumps)


def answers_to(conversation, text, now=0.0):
    """Everything that goes back for one text, each call being answered as the desk would."""
    replies = []
    for event in conversation.receive_text(text, now):
        replies += conversation.outgoing()
        if isinstance(event, Call):
            mended = mend(conversation.version, event.action, event.payload)
            fault = mended.violation.fault if mended.violation else Fault.NOT_SUPPORTED
            replies.append(conversation.refuse(event, fault, "as a desk would"))
        elif isinstance(event, Malformed):
            assert event.reply is None or event.reply in replies
    return [json.loads(reply) for reply in replies + conversation.outgoing()]


def check(conversation, text):
    """Feed one text and hold what comes back against what must."""
    answers = answers_to(conversation, text)
    for answer in answers:
        assert answer[0] in (4, 5)
        assert len(answer) == 5
    wanted = expected(text, conversation.version is Version.V16, conversation.strict)
    if wanted is not None:
        assert [answer[1] for answer in answers] == [wanted], text
    return answers


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("strict", [False, True])
@given(texts=st.lists(told, max_size=5))
@example(texts=["[2]", "[2,{}]", "[2,null,null]", '[2,"",""]', '[2,{},"Heartbeat",{}]'])
@example(texts=['[2,true,"Heartbeat",{}]', '[2,[{}],"Heartbeat",{}]', '[2,false,"",{}]'])
@example(texts=['[2,"1","A",{}][2,"1","A",{}]', '[2,"1","A",{}'])
@example(texts=["\ufeff", "\0", "[", "[[[[", '{"2":1}', "2", '"2"'])
@example(texts=['[2,1e400,"Heartbeat",{}]', '[2,-0,"Heartbeat",{}]', '[2,1.5,"Heartbeat",{}]'])
@example(texts=['[2,"\\ud800","Heartbeat",{}]', '[2,"' + "x" * 256 + '","Heartbeat",{}]'])
@settings(max_examples=tries(150), derandomize=True, deadline=None)
def test_no_text_breaks_a_conversation(version, strict, texts):
    conversation = Connection(version, "csms", strict=strict)
    for text in texts:
        check(conversation, text)


@pytest.mark.parametrize("version", Version)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=tries(400), derandomize=True, deadline=None)
def test_every_call_gets_exactly_one_answer(version, seed):
    random = Random(seed)
    conversation = Connection(version, "csms", strict=random.random() < 0.3)
    for number in range(5):
        action = random.choice(payloads.actions(version))
        message_id = random.choice((f"{number}", number, "same", ""))
        check(conversation, payloads.frame(version, action, message_id, random))


@pytest.mark.parametrize("version", Version)
def test_valid_payloads_are_valid(version):
    """The corpus is worth its name: what it starts from is what the schemas allow."""
    random = Random(1)
    for action in payloads.actions(version):
        for _ in range(5):
            payload = payloads.valid(version, action, "call", random)
            assert mend(version, action, payload).violation is None, (action, payload)


@pytest.mark.parametrize("version", Version)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=tries(60), derandomize=True, deadline=None)
def test_spoilt_answers_settle_our_calls_and_are_never_answered_with_a_call_error(version, seed):
    random = Random(seed)
    conversation = Connection(version, "csms")
    for action in random.sample(payloads.actions(version), 4):
        given_ = payloads.valid(version, action, "call", random)
        ours = conversation.call(action, given_, 0.0, as_given=True)
        conversation.outgoing()
        answer = random.choice((payloads.JUNK, ({}, {"status": "Accepted"})))
        text = json.dumps([random.choice((3, 4)), ours.message_id, random.choice(answer)])
        conversation.receive_text(text, 1.0)
        assert conversation.waiting is None
        assert all(json.loads(reply)[0] == 5 for reply in conversation.outgoing())


@pytest.mark.parametrize("version", [*at_landing(Version.V16, Version.V201), Version.V21])
def test_memory_is_bounded(version):
    random = Random(7)
    conversation = Connection(version, "csms")
    for number in range(3000):
        text = payloads.frame(version, "StatusNotification", f"{number}", random)
        answers_to(conversation, text, float(number))
        if number % 3 == 0:
            conversation.call("ClearCache", {}, float(number), timeout_s=1.0)
            conversation.outgoing()
        conversation.tick(float(number))
    assert len(conversation._replies._replies) <= REMEMBERED
    assert len(conversation._late) <= REMEMBERED
    assert len(conversation._queue) <= QUEUE_LIMIT
    assert conversation.outgoing() == []
