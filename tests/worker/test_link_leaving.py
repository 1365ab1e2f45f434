"""A link that is to end: what charger and worker have asked each other is still answered."""

import json
import threading
from contextlib import closing

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually, yielding
from worker.link import LinkClosed
from worker.ocpp.events import Answered, Cancelled

ACCEPTED = {"status": "Accepted"}
HEARTBEAT = json.dumps([2, "1", "Heartbeat", {}])
TEXT, GOODBYE = 0x81, 0x88


@pytest.fixture
def port():
    with OcppPort() as running:
        yield running


def link_of(port):
    return eventually(lambda: port.desk.links and port.desk.links[0])


def asked(port, link, **more):
    """An order that goes out over the link."""
    return port.within(lambda: link.send_call("Reset", {"type": "Soft"}, **more))


def answer_to(text):
    return json.dumps([3, json.loads(text)[1], ACCEPTED])


def close_code(charger):
    with pytest.raises(ConnectionClosed) as closed:
        charger.recv(timeout=20)
    return closed.value.rcvd.code


def test_a_worker_that_ends_waits_for_the_answers_to_its_own_calls(port):
    with port.connect() as charger:
        asked(port, link_of(port))
        request = charger.recv(timeout=20)
        drained = threading.Thread(target=lambda: port.within(lambda: port.server.drain(60)))
        drained.start()
        eventually(lambda: port.server.draining)
        charger.send(answer_to(request))
        assert close_code(charger) == 1001
        drained.join(timeout=20)
    (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Answered)


def test_whoever_never_answers_is_not_waited_for_without_end(port):
    with port.connect() as charger:
        link = link_of(port)
        asked(port, link)
        charger.recv(timeout=20)
        port.within(lambda: link.close_when_idle(1001, "the server restarts", 0.2))
        assert close_code(charger) == 1001
    (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Cancelled)


def test_nothing_more_of_ours_goes_out_over_a_link_that_is_to_end(port):
    with port.connect() as charger:
        link = link_of(port)
        asked(port, link)
        request = charger.recv(timeout=20)
        asked(port, link)  # it waits for its turn
        port.within(lambda: link.close_when_idle(1001, "the server restarts", 60))
        port.within(lambda: link.hold(0))  # as its first message does
        assert not link.takes_calls
        with pytest.raises(LinkClosed):
            asked(port, link)
        charger.send(answer_to(request))
        assert close_code(charger) == 1001
    answered, left = eventually(lambda: len(port.desk.settlements) == 2 and port.desk.settlements)
    assert isinstance(answered, Answered)
    assert isinstance(left, Cancelled)
    assert left.call.sent_at is None


def test_an_answer_that_crosses_our_goodbye_counts_and_a_call_does_not(port):
    raw = port.raw()
    with closing(raw.socket):
        link = link_of(port)
        asked(port, link)
        request = raw.receive()[1]
        port.within(lambda: link.close(1013, "try again later"))
        assert raw.close_code() == 1013
        raw.send(TEXT, HEARTBEAT.encode())
        raw.send(TEXT, answer_to(request).encode())
        raw.send(GOODBYE, (1013).to_bytes(2, "big"))
        (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Answered)
    assert not port.desk.calls


def test_nothing_is_taken_of_whoever_broke_the_rules(port):
    raw = port.raw()
    with closing(raw.socket):
        link = link_of(port)
        asked(port, link)
        request = raw.receive()[1]
        raw.send(TEXT, b"\xff\xff")
        assert raw.close_code() == 1007
        raw.send(TEXT, answer_to(request).encode())
        raw.send(GOODBYE, (1007).to_bytes(2, "big"))
        (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Cancelled)


def test_an_answer_that_lies_behind_a_call_in_work_is_not_late(port):
    stored = threading.Event()

    def store(link, received):
        yielding(stored.is_set)
        return link.answer(received, {"currentTime": "2026-03-02T09:00:00Z"})

    port.desk.handler = store
    with port.connect() as charger:
        link = link_of(port)
        charger.send(HEARTBEAT)
        eventually(lambda: port.desk.calls)
        call = asked(port, link, timeout_s=0.1)
        charger.send(answer_to(charger.recv(timeout=20)))
        eventually(lambda: call.spared, what="the ticker has come by")
        stored.set()
        (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Answered)
