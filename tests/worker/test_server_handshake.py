"""Who is let in and how others are turned away, over real sockets."""

import base64
import json
import threading

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.ocpp_port import OcppPort, handshake_text
from tests.support.wait import eventually
from worker.ocpp.refusals import Reason
from worker.ocpp.versions import Version
from worker.server import networks


@pytest.fixture
def port():
    with OcppPort() as running:
        yield running


def status_of(port, text):
    raw = port.raw(upgrade=False)
    raw.socket.sendall(text)
    return raw.read_head()


def refusal(port, identity="CP1", **options):
    with pytest.raises(InvalidStatus) as caught:
        port.connect(identity, **options)
    return caught.value.response


@pytest.mark.parametrize("path", ["CP1", "/CP1", "CP1/", "CP1/CP1", "%43P1", "CP1?x=1"])
def test_url_forms_reach_the_same_charger(port, path):
    with port.connect(path):
        assert port.gate.requests[0].identity == "CP1"


@pytest.mark.parametrize(
    ("reason", "status"),
    [(Reason.UNKNOWN_IDENTITY, 404), (Reason.WRONG_PASSWORD, 401), (Reason.THROTTLED, 429)],
)
def test_the_gates_refusal_is_an_http_status(port, reason, status):
    port.gate.answers["CP1"] = reason
    response = refusal(port)
    assert response.status_code == status
    assert response.body == reason.code.encode() + b"\n"
    assert ("WWW-Authenticate" in response.headers) is (status == 401)
    assert port.desk.links == []


def test_credentials_reach_the_gate_as_bytes(port):
    header = "Basic " + base64.b64encode(b"CP1:\xff:\x00").decode()
    with port.connect(additional_headers={"Authorization": header}):
        found = port.gate.requests[0].credentials
    assert found.matches_identity
    assert found.candidates[0] == b"\xff:\x00"


def test_an_authorization_that_is_not_basic_is_told_to_the_gate(port):
    with port.connect(additional_headers={"Authorization": "Bearer x"}):
        assert port.gate.requests[0].bad_credentials


def test_empty_id_listed_as_rejected(port):
    assert refusal(port, "").status_code == 404
    (request, refused), *_ = port.gate.refused
    assert request.identity == ""
    assert request.remote_address == "127.0.0.1"
    assert refused.reason is Reason.NO_IDENTITY


def test_bad_percent_encoding_400_and_nothing_breaks(port):
    assert status_of(port, handshake_text("/ocpp/%zz")).startswith("HTTP/1.1 400 ")
    with port.connect():
        pass


def test_missing_connection_header_400(port):
    head = status_of(port, handshake_text("/ocpp/CP1", drop="Connection"))
    assert head.startswith("HTTP/1.1 400 ")
    assert port.gate.refused[0][1].reason is Reason.NOT_WEBSOCKET


@pytest.mark.parametrize("drop", ["Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"])
def test_half_a_handshake_is_a_bad_request(port, drop):
    assert " 400 " in status_of(port, handshake_text("/ocpp/CP1", drop=drop))


@pytest.mark.parametrize("token", ["ocpp1.6", "OCPP1.6", "ocpp1.6j"])
def test_subprotocol_echo_exact(port, token):
    head = status_of(port, handshake_text("/ocpp/CP1", Sec_WebSocket_Protocol=f" x, {token} "))
    assert f"Sec-WebSocket-Protocol: {token}\r\n" in head + "\r\n"


def test_no_subprotocol_lenient(port):
    with port.connect(subprotocols=None) as charger:
        assert charger.subprotocol is None
        charger.send('[2,"1","Heartbeat",{}]')
        assert json.loads(charger.recv())[0] == 3
    assert port.desk.links[0].version is Version.V16


def test_no_subprotocol_strict(port):
    port.gate.answers["CP1"] = Reason.NO_SUBPROTOCOL
    with port.connect(subprotocols=None) as charger:
        with pytest.raises(ConnectionClosed):
            charger.recv(timeout=30)
    assert port.desk.links == []


def test_no_common_subprotocol_completes_the_handshake_and_closes(port):
    with port.connect(subprotocols=["ocpp2.0", "mqtt"]) as charger:
        assert charger.subprotocol is None
        with pytest.raises(ConnectionClosed):
            charger.recv(timeout=30)
    assert port.gate.refused[0][1].reason is Reason.NO_COMMON_SUBPROTOCOL
    assert port.desk.links == []


def test_xff_untrusted_ignored(port):
    with port.connect(additional_headers={"X-Forwarded-For": "198.51.100.7"}):
        assert port.gate.requests[0].remote_address == "127.0.0.1"


def test_xff_of_a_trusted_proxy_counts():
    with OcppPort(trusted_proxies=networks(["127.0.0.0/8"])) as port:
        headers = {"X-Forwarded-For": "6.6.6.6, 198.51.100.7", "X-Forwarded-Proto": "wss"}
        with port.connect(additional_headers=headers):
            assert port.gate.requests[0].remote_address == "198.51.100.7"
            assert port.gate.requests[0].secure


def test_query_and_tokens_are_not_kept(port):
    with port.connect("0123456789abcdef01234/CP1?password=hunter2"):
        assert port.gate.requests[0].path == "/ocpp/***/CP1"


def test_a_handshake_waits_for_its_turn_while_many_are_decided():
    with OcppPort(admissions=1) as port:
        port.gate.wait = threading.Event()
        waiting = [port.raw(upgrade=False) for _ in range(3)]
        for number, raw in enumerate(waiting):
            raw.socket.sendall(handshake_text(f"/ocpp/CP{number}"))
        eventually(lambda: len(port.gate.requests) == 1)
        port.gate.wait.set()
        assert all(raw.read_head().startswith("HTTP/1.1 101 ") for raw in waiting)


def test_who_waits_too_long_for_its_turn_is_sent_away_for_a_while():
    with OcppPort(admissions=2, patience_s=0.05) as port:
        port.gate.wait = threading.Event()
        waiting = [port.raw(upgrade=False) for _ in range(2)]
        for number, raw in enumerate(waiting):
            raw.socket.sendall(handshake_text(f"/ocpp/CP{number}"))
        eventually(lambda: len(port.gate.requests) == 2)
        response = refusal(port, "CP9")
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1
        port.gate.wait.set()
        assert all(raw.read_head().startswith("HTTP/1.1 101 ") for raw in waiting)


def test_a_gate_that_fails_refuses_and_ends_nothing(port):
    port.gate.answers["CP1"] = RuntimeError("database is gone")
    response = refusal(port)
    assert response.status_code == 503
    assert b"database" not in response.body
    with port.connect("CP2"):
        pass


def test_who_dawdles_over_the_handshake_is_cut_off():
    with OcppPort(handshake_s=2) as port:
        raw = port.raw(upgrade=False)
        raw.socket.sendall(b"GET /ocpp/CP1 HTTP/1.1\r\n")
        assert raw.socket.recv(100) == b""


def test_a_link_outlives_the_time_for_handshakes():
    with OcppPort(handshake_s=2) as port, port.connect() as charger:
        with pytest.raises(TimeoutError):
            charger.recv(timeout=3)
        charger.send('[2,"1","Heartbeat",{}]')
        assert json.loads(charger.recv(timeout=30))[0] == 3


def test_health_is_plain_http(port):
    head = status_of(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ")
    assert "application/json" in head


def test_other_pages_are_no_pages(port):
    head = status_of(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith("HTTP/1.1 400 ")


def test_rubbish_instead_of_http_breaks_nothing(port):
    for rubbish in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 50, b"A" * 20_000):
        raw = port.raw(upgrade=False)
        raw.socket.sendall(rubbish)
        raw.socket.close()
    with port.connect():
        pass
