"""One charger's link: order, our calls, copies, failures of the desk, silence, the end."""

import json
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.ocpp_port import OcppPort, handshake_text
from tests.support.wait import eventually, yielding
from worker.link import LinkClosed
from worker.ocpp.events import Answered, Cancelled, Expired, Refused, Repeated, TimedOut

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
STOP = {"transactionId": 1, "meterStop": 8400, "timestamp": "2026-03-02T10:00:00Z"}


@pytest.fixture
def port():
    with OcppPort() as running:
        yield running


def call(message_id, action="Heartbeat", payload=None):
    return json.dumps([2, message_id, action, payload or {}])


def link_of(port, number=0):
    return eventually(lambda: len(port.desk.links) > number and port.desk.links[number])


def test_order_under_slow_db(port):
    began = time.monotonic()

    def slow(link, received):
        yielding(lambda: received.message_id != "0" or time.monotonic() > began + 0.05)
        return link.answer(received, {"currentTime": "2026-03-02T09:00:00Z"})

    port.desk.handler = slow
    with port.connect() as charger:
        for number in range(5):
            charger.send(call(str(number)))
        assert [json.loads(charger.recv(timeout=20))[1] for _ in range(5)] == list("01234")


def test_nothing_more_is_read_while_a_call_is_being_stored(port):
    stored = threading.Event()

    def store(link, received):
        yielding(stored.is_set)
        return link.answer(received, {})

    port.desk.handler = store
    with port.connect() as charger:
        charger.send(call("1", "StatusNotification", STATUS))
        charger.send(call("2", "StatusNotification", STATUS))
        eventually(lambda: len(port.desk.calls) == 1)
        assert port.desk.links[0].busy
        stored.set()
        charger.recv(timeout=20)
        charger.recv(timeout=20)
    assert len(port.desk.calls) == 2


def test_a_call_of_ours_is_answered(port):
    with port.connect() as charger:
        link = link_of(port)
        asked = port.within(lambda: link.send_call("Reset", {"type": "Soft"}, context=7))
        kind, message_id, action, payload = json.loads(charger.recv(timeout=20))
        assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
        charger.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Answered)
    assert settled.call is asked
    assert settled.call.context == 7


def test_a_call_of_ours_can_be_refused(port):
    with port.connect() as charger:
        link = link_of(port)
        port.within(lambda: link.send_call("ClearCache", {}))
        message_id = json.loads(charger.recv(timeout=20))[1]
        charger.send(json.dumps([4, message_id, "NotSupported", "", {}]))
        (settled,) = eventually(lambda: port.desk.settlements)
    assert isinstance(settled, Refused)


def test_a_call_of_ours_times_out_and_the_next_one_goes(port):
    with port.connect() as charger:
        link = link_of(port)
        port.within(lambda: link.send_call("ClearCache", {}, timeout_s=0.1))
        port.within(lambda: link.send_call("Reset", {"type": "Hard"}))
        assert json.loads(charger.recv(timeout=20))[2] == "ClearCache"
        assert json.loads(charger.recv(timeout=20))[2] == "Reset"
        assert isinstance(port.desk.settlements[0], TimedOut)
        assert link.unanswered == 1


def test_an_expired_call_is_never_sent(port):
    with port.connect() as charger:
        link = link_of(port)
        port.within(lambda: link.send_call("ClearCache", {}))
        port.within(lambda: link.send_call("Reset", {"type": "Hard"}, expires_in_s=0.1))
        (expired,) = eventually(lambda: port.desk.settlements)
        assert isinstance(expired, Expired)
        message_id = json.loads(charger.recv(timeout=20))[1]
        charger.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        eventually(lambda: len(port.desk.settlements) == 2)
        charger.send(call("1"))
        assert json.loads(charger.recv(timeout=20))[0] == 3


def test_no_call_of_ours_goes_out_while_held(port):
    with port.connect() as charger:
        link = link_of(port)
        port.within(lambda: link.hold(60))
        port.within(lambda: link.send_call("ClearCache", {}))
        charger.send(call("1"))
        assert json.loads(charger.recv(timeout=20))[0] == 3
        port.within(lambda: link.hold(0))
        assert json.loads(charger.recv(timeout=20))[2] == "ClearCache"


def test_calls_left_over_at_the_end_are_cancelled(port):
    with port.connect():
        link = link_of(port)
        port.within(lambda: link.send_call("ClearCache", {}))
        port.within(lambda: link.send_call("ClearCache", {}))
    settled = eventually(lambda: len(port.desk.settlements) == 2 and port.desk.settlements)
    assert all(isinstance(event, Cancelled) for event in settled)
    eventually(lambda: port.desk.endings)
    with pytest.raises(LinkClosed):
        port.within(lambda: link.send_call("ClearCache", {}))


def test_a_copy_of_a_call_is_answered_without_being_handled_again(port):
    with port.connect() as charger:
        charger.send(call("1", "StopTransaction", STOP))
        charger.send(call("1", "StopTransaction", STOP))
        assert charger.recv(timeout=20) == charger.recv(timeout=20)
        eventually(lambda: port.desk.strays)
    assert len(port.desk.calls) == 1
    assert isinstance(port.desk.strays[0], Repeated)


def test_when_storing_fails_a_stop_stays_unanswered_and_can_come_again(port):
    port.desk.failing = frozenset({"call"})
    with port.connect() as charger:
        charger.send(call("1", "StopTransaction", STOP))
        charger.send(call("2"))
        assert json.loads(charger.recv(timeout=20))[:3] == [4, "2", "InternalError"]
        port.desk.failing = frozenset()
        charger.send(call("1", "StopTransaction", STOP))
        assert json.loads(charger.recv(timeout=20)) == [3, "1", {}]


def test_callerror_no_stacktrace(port):
    port.desk.failing = frozenset({"call"})
    with port.connect() as charger:
        charger.send(call("1"))
        text = charger.recv(timeout=20)
    assert "purpose" not in text
    assert json.loads(text)[4] == {}


@pytest.mark.parametrize("hook", ["settled", "stray", "closed"])
def test_a_hook_that_fails_ends_nothing(port, hook):
    port.desk.failing = frozenset({hook})
    with port.connect() as charger:
        link = link_of(port)
        port.within(lambda: link.send_call("ClearCache", {}))
        message_id = json.loads(charger.recv(timeout=20))[1]
        charger.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        charger.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        charger.send(call("1"))
        assert json.loads(charger.recv(timeout=20))[0] == 3
    eventually(lambda: not port.server.links)


def test_a_desk_that_cannot_open_a_link_closes_it(port):
    port.desk.failing = frozenset({"opened"})
    with port.connect() as charger, pytest.raises(ConnectionClosed) as closed:
        charger.recv(timeout=20)
    assert closed.value.rcvd.code == 1011
    eventually(lambda: port.desk.endings and not port.server.links)


def test_two_sockets_of_one_identity_are_two_links(port):
    with port.connect() as old, port.connect() as new:
        first, second = link_of(port, 0), link_of(port, 1)
        assert first is not second
        port.within(lambda: first.close(1000, "replaced"))
        with pytest.raises(ConnectionClosed):
            old.recv(timeout=20)
        eventually(lambda: port.desk.endings)
        assert port.desk.endings[0][0] is first
        new.send(call("1"))
        assert json.loads(new.recv(timeout=20))[0] == 3
        assert not second.closed


def test_silence_ends_a_link():
    with OcppPort(silence_s=0.2, ping_s=60) as port:
        raw = port.raw()
        assert eventually(lambda: port.desk.endings)[0][1:] == (1006, "no sign of life")
        raw.socket.close()


def test_long_heartbeat_not_killed_while_pongs_come():
    with OcppPort(silence_s=3, ping_s=0.1) as port, port.connect() as charger:
        with pytest.raises(TimeoutError):
            charger.recv(timeout=4)
        assert not port.desk.endings


def test_no_pong_but_data_stays_connected():
    with OcppPort(silence_s=3, ping_s=0.5) as port:
        raw = port.raw()
        pings = 0
        while pings < 8:
            raw.send(0x81, call("1").encode())
            opcode, _ = raw.receive()
            pings += opcode == 9
        assert not port.desk.endings


def test_slow_consumer_closed():
    with OcppPort(send_timeout_s=0.2) as port:
        port.desk.handler = lambda link, received: link.answer(
            received, {"status": "Accepted", "data": "x" * 200_000}
        )
        raw = port.raw()
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = call("1", "DataTransfer", {"vendorId": "v"}).encode()
        with pytest.raises(OSError):
            for _ in range(5000):
                raw.send(0x81, request)
                if port.desk.endings:
                    break
            raise OSError("closed by the server")
        assert eventually(lambda: port.desk.endings)[0][1] == 1011


def test_who_asks_much_and_reads_late_is_waited_for(port):
    port.desk.handler = lambda link, received: link.answer(
        received, {"status": "Accepted", "data": "x" * 50_000}
    )
    raw = port.raw()
    for number in range(400):
        raw.send(0x81, call(str(number), "DataTransfer", {"vendorId": "v"}).encode())
    ids = [json.loads(raw.receive()[1])[1] for _ in range(400)]
    assert ids == [str(number) for number in range(400)]
    assert not port.desk.endings


def test_sigterm_drains_inflight(port):
    stored = threading.Event()

    def store(link, received):
        yielding(stored.is_set)
        return link.answer(received, {})

    port.desk.handler = store
    with port.connect() as charger:
        charger.send(call("1", "StopTransaction", STOP))
        eventually(lambda: port.desk.calls)
        drained = threading.Thread(target=lambda: port.within(lambda: port.server.drain(60)))
        drained.start()
        eventually(lambda: port.server.draining)
        stored.set()
        assert json.loads(charger.recv(timeout=20)) == [3, "1", {}]
        with pytest.raises(ConnectionClosed) as closed:
            charger.recv(timeout=20)
        assert closed.value.rcvd.code == 1001
        drained.join(timeout=60)
    with pytest.raises(OSError):
        port.connect("CP2")


def test_whoever_has_only_just_connected_at_a_stop_is_told_to_come_again(port):
    def stop():
        early = socket.create_connection(("127.0.0.1", port.port), timeout=10)
        early.sendall(handshake_text("/ocpp/CP1"))
        port.server.stop_accepting()  # before the loop has seen it
        return early

    with port.within(stop) as early:
        assert early.recv(100).startswith(b"HTTP/1.1 503 ")


def test_a_handshake_that_stands_in_line_at_a_stop_is_answered_before_the_end(port):
    turn = threading.Event()
    port.server.turnstile.line_up = lambda: yielding(turn.is_set)
    raw = port.raw(upgrade=False)
    raw.socket.sendall(handshake_text("/ocpp/CP1"))
    eventually(lambda: port.server.asking)
    drained = threading.Thread(target=lambda: port.within(lambda: port.server.drain(60)))
    drained.start()
    drained.join(timeout=0.3)
    assert drained.is_alive()
    turn.set()
    assert raw.read_head().startswith("HTTP/1.1 503 ")
    drained.join(timeout=60)
    assert not drained.is_alive()


def test_links_that_close_later_do_so_each_at_its_moment(port):
    with ExitStack() as stack:
        chargers = [stack.enter_context(port.connect(f"CP{number}")) for number in range(5)]
        links = eventually(lambda: len(port.desk.links) == 5 and port.desk.links)
        port.within(lambda: [link.close_later(1013, "try again later", 0.3) for link in links])
        for charger in chargers:
            with pytest.raises(ConnectionClosed) as closed:
                charger.recv(timeout=20)
            assert closed.value.rcvd.code == 1013
