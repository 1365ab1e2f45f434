"""Connections that hang before the door: each is bounded, and none keeps a newcomer out."""

import socket
from contextlib import ExitStack

import pytest

from tests.support.ocpp_port import OcppPort, handshake_text
from tests.support.wait import eventually
from worker.ocpp.refusals import Reason
from worker.server import networks

HALF = b"GET /ocpp/CP1 HTTP/1.1\r\nHost: loc"


@pytest.fixture
def port():
    with OcppPort() as running:
        yield running


@pytest.fixture
def dangle(monkeypatch):
    """Open connections that say half of a request: `dangle(port, 3, "127.0.0.2")`.

    However long that takes, nobody stands there for a second meanwhile.
    """
    monkeypatch.setattr("worker.doorstep.YOUNG_S", 600.0)
    with ExitStack() as stack:

        def open_some(port, count, address="127.0.0.1"):
            made = []
            for _ in range(count):
                sock = stack.enter_context(
                    socket.create_connection(
                        ("127.0.0.1", port.port), timeout=60, source_address=(address, 0)
                    )
                )
                sock.sendall(HALF)
                made.append(sock)
            return made

        yield open_some


def standing(port, count):
    eventually(lambda: len(port.server.doorstep) == count, what=f"{count} on the doorstep")


def is_ended(sock):
    return sock.recv(100) == b""


def test_when_all_places_are_taken_the_oldest_goes_and_the_newcomer_comes_in(dangle, monkeypatch):
    monkeypatch.setattr("worker.doorstep.YOUNG_S", -1.0)
    with OcppPort(unfinished=5) as port:
        first, *others = dangle(port, 5)
        standing(port, 5)
        with port.connect():
            assert is_ended(first)
        standing(port, 4)
        others[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            others[-1].recv(1)


def test_a_crowd_loses_nobody_who_has_only_just_come(dangle):
    with OcppPort(unfinished=3) as port:
        crowd = dangle(port, 3)
        standing(port, 3)
        late = port.raw(upgrade=False)
        late.socket.sendall(handshake_text("/ocpp/CP9"))
        eventually(lambda: port.within(port.server.doorstep.is_full))
        for number, sock in enumerate(crowd):
            sock.sendall(handshake_text(f"/ocpp/CP{number}").partition(b"Host: loc")[2])
            assert sock.recv(100).startswith(b"HTTP/1.1 101 ")
            sock.close()
        assert late.read_head().startswith("HTTP/1.1 101 ")


def test_one_address_may_hang_with_so_many_and_the_others_do_not_suffer(dangle, monkeypatch):
    monkeypatch.setattr("worker.doorstep.YOUNG_S", -1.0)
    with OcppPort(unfinished_of_one=3) as port:
        (mine,) = dangle(port, 1, "127.0.0.9")
        standing(port, 1)
        theirs = dangle(port, 10, "127.0.0.2")
        assert all(is_ended(sock) for sock in theirs[:7])
        standing(port, 4)
        mine.setblocking(False)
        with pytest.raises(BlockingIOError):
            mine.recv(1)


def test_a_slow_charger_is_not_pushed_out_by_its_neighbour_at_once(dangle):
    with OcppPort(unfinished_of_one=3) as port:
        (slow,) = dangle(port, 1)
        dangle(port, 10)
        standing(port, 11)
        slow.sendall(handshake_text("/ocpp/CP1").partition(b"Host: loc")[2])
        assert slow.recv(100).startswith(b"HTTP/1.1 101 ")
        slow.close()


def test_a_trusted_proxy_stands_for_many(dangle, monkeypatch):
    monkeypatch.setattr("worker.doorstep.YOUNG_S", -1.0)
    with OcppPort(unfinished_of_one=3, trusted_proxies=networks(["127.0.0.0/8"])) as port:
        dangle(port, 10)
        standing(port, 10)


@pytest.mark.parametrize("said", [b"", HALF])
def test_whoever_says_nothing_in_time_is_cut_off_and_listed(said):
    with OcppPort(request_s=2) as port:
        raw = port.raw(upgrade=False)
        raw.socket.sendall(said)
        assert is_ended(raw.socket)
        eventually(lambda: port.gate.refused)
        assert port.gate.refused[0][1].reason is Reason.UNFINISHED
        standing(port, 0)


def test_a_link_stands_on_no_doorstep():
    with OcppPort(unfinished=1, request_s=2) as port:
        with port.connect("CP1") as one, port.connect("CP2"):
            standing(port, 0)
            with pytest.raises(TimeoutError):
                one.recv(timeout=3)


@pytest.mark.parametrize(
    "lines",
    [
        b"X-Long: " + b"a" * 40_000 + b"\r\n",
        b"".join(b"X-%d: %s\r\n" % (n, b"a" * 900) for n in range(50)),
        b"X: y\r\n" * 200,
    ],
    ids=["a long line", "many bytes", "many lines"],
)
def test_headers_are_bounded(port, lines):
    raw = port.raw(upgrade=False)
    raw.socket.sendall(handshake_text("/ocpp/CP1")[:-2] + lines + b"\r\n")
    assert raw.read_head().startswith("HTTP/1.1 400 ")
    assert port.gate.refused[0][1].reason is Reason.NOT_WEBSOCKET


def test_headers_that_never_end_are_cut_off_at_the_bound(port):
    raw = port.raw(upgrade=False)
    raw.socket.sendall(HALF)
    with pytest.raises(OSError):
        for _ in range(1_000):
            raw.socket.sendall(b"a" * 65_536)


@pytest.mark.parametrize("claim", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_that_never_arrives_is_not_waited_for(port, claim):
    port.gate.answers["CP1"] = Reason.WRONG_PASSWORD
    raw = port.raw(upgrade=False)
    raw.socket.sendall(
        handshake_text("/ocpp/CP1")[:-2] + claim.encode() + b"\r\nExpect: 100-continue\r\n\r\n"
    )
    assert raw.read_head().startswith("HTTP/1.1 401 ")
    assert raw.socket.recv(100) in (b"wrong_password\n", b"")
    assert raw.socket.recv(100) == b""


@pytest.mark.parametrize("said", [b"", HALF, handshake_text("/ocpp/CP1")[:-2]])
def test_connections_that_break_off_leave_no_trace_in_the_log(port, dangle, capfd, said):
    port.gate.answers["CP1"] = Reason.WRONG_PASSWORD
    for sock in dangle(port, 5):
        sock.sendall(said)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    standing(port, 0)
    assert "Traceback" not in capfd.readouterr().err


def test_an_address_that_takes_all_places_at_once_pays_for_it_itself(dangle):
    with OcppPort(unfinished=8, unfinished_of_one=3) as port:
        (slow,) = dangle(port, 1, "127.0.0.9")
        standing(port, 1)
        dangle(port, 20, "127.0.0.2")
        standing(port, 8)
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.recv(1)


def test_those_that_hang_leave_the_last_places_to_chargers(dangle, monkeypatch):
    monkeypatch.setattr("worker.doorstep.YOUNG_S", -1.0)
    with OcppPort(connections=5) as port:
        with ExitStack() as stack:
            for number in range(5):
                dangle(port, 5)
                stack.enter_context(port.connect(f"CP{number}"))
            assert len(port.server.doorstep) <= 1
            raw = port.raw(upgrade=False)
            raw.socket.sendall(handshake_text("/ocpp/CP9"))
            assert raw.read_head().startswith("HTTP/1.1 503 ")


def test_where_nobody_more_can_be_let_in_those_that_hang_keep_nobody_from_an_answer(dangle):
    with OcppPort(connections=1, request_s=600, handshake_s=600) as port, port.connect("CP1"):
        (hangs,) = dangle(port, 1)
        standing(port, 1)
        for asked, told in (
            (b"GET /healthz HTTP/1.1\r\n\r\n", 200),
            (handshake_text("/ocpp/CP2"), 503),
        ):
            raw = port.raw(upgrade=False)
            raw.socket.sendall(asked)
            assert raw.read_head().startswith(f"HTTP/1.1 {told} ")
        assert is_ended(hangs)
