"""A charger that reads nothing of what it is sent costs the others nothing, also over TLS."""

import contextlib
import json
import socket
import ssl

import pytest

from app.config import Settings
from tests.support.ocpp_port import OcppPort, handshake_text
from tests.support.wait import eventually
from worker.tls import server_context

ANSWER = {"status": "Accepted", "data": "x" * 50_000}


@pytest.fixture(params=["plain", "TLS"])
def line(request, authority):
    """A port, and what opens a socket of a charger to it that has shaken hands."""
    pair = authority.server()
    settings = Settings(
        ocpp_tls_port=9443, ocpp_tls_cert=str(pair.cert_file), ocpp_tls_key=str(pair.key_file)
    )
    with (
        OcppPort(tls=server_context(settings), send_timeout_s=0.5) as port,
        contextlib.ExitStack() as held,
    ):
        port.desk.handler = lambda link, call: link.answer(call, ANSWER)

        def opened(identity):
            sock = socket.socket()
            held.enter_context(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(60)
            tls = request.param == "TLS"
            sock.connect(("127.0.0.1", port.server.tls_port if tls else port.port))
            if tls:
                context = ssl.create_default_context(cafile=str(authority.root.cert_file))
                sock = held.enter_context(context.wrap_socket(sock, server_hostname="localhost"))
            sock.sendall(handshake_text(f"/ocpp/{identity}"))
            assert sock.recv(12) == b"HTTP/1.1 101"
            return sock

        yield port, opened


def asked(number):
    """A call in a frame of a client, masked with nothing."""
    text = json.dumps([2, f"{number:04}", "DataTransfer", {"vendorId": "v"}]).encode()
    return bytes((0x81, 0x80 | len(text))) + bytes(4) + text


def test_who_does_not_read_is_closed_and_others_are_answered_meanwhile(line):
    port, opened = line
    deaf = opened("DEAF")
    with contextlib.suppress(OSError):
        for number in range(200):
            deaf.sendall(asked(number))
    with port.connect("OTHER") as other:
        other.send(json.dumps([2, "1", "DataTransfer", {"vendorId": "v"}]))
        assert json.loads(other.recv(timeout=20))[:2] == [3, "1"]
        (ended,) = eventually(lambda: port.desk.endings, what="the deaf one is closed")
        assert ended[0].station.identity == "DEAF"
        assert ended[1:] == (1011, "the peer does not read what it is sent")
        other.send(json.dumps([2, "2", "DataTransfer", {"vendorId": "v"}]))
        assert json.loads(other.recv(timeout=20))[:2] == [3, "2"]


def test_calls_to_who_does_not_read_wait_for_nobody(line):
    port, opened = line
    opened("DEAF")
    (link,) = eventually(lambda: port.desk.links)
    big = {"vendorId": "v", "data": "x" * 100_000}

    def call():
        with contextlib.suppress(Exception):
            link.send_call("DataTransfer", big, timeout_s=0.1)

    def ended():
        port.within(call)
        return port.desk.endings

    assert eventually(ended, what="the deaf one is closed")[0][1] in {1006, 1011}
