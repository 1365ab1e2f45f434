"""permessage-deflate: negotiated for 2.x, bounded, and never without having been agreed on."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.support.gated import gated, login, station
from tests.support.ocpp_port import OcppPort, handshake_text
from tests.support.wait import eventually
from worker.websocket_wire import WORTH_BYTES, Broken, Deflate, TooLong, negotiate

TEXT, RSV1 = 0x81, 0x40
LIMIT = 1 << 20
HEARTBEAT = b'[2,"1","Heartbeat",{}]'
LONG = {"status": "Accepted", "data": "watt-hours " * 500}


@pytest.fixture(scope="module")
def running():
    with OcppPort(max_message_bytes=LIMIT) as port:
        yield port


@pytest.fixture
def port(running):
    running.desk.__init__()
    yield running
    running.hang_up()


def packed(data):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def raw(port, version="ocpp2.0.1", offer="permessage-deflate", identity="CP1"):
    """A socket whose handshake offers compression, and the head of the answer."""
    found = port.raw(upgrade=False)
    headers = {"Sec_WebSocket_Protocol": version, "Sec_WebSocket_Extensions": offer}
    found.socket.sendall(handshake_text(f"/ocpp/{identity}", **headers))
    head = found.read_head()
    assert head.startswith("HTTP/1.1 101 ")
    return found, head


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_a_charger_of_others_talks_compressed_both_ways(port, version):
    port.desk.handler = lambda link, call: link.answer(call, LONG)
    with port.connect(subprotocols=[version], compression="deflate") as charger:
        (extension,) = charger.protocol.extensions
        assert extension.remote_no_context_takeover and extension.local_no_context_takeover
        for number in range(3):
            payload = {"vendorId": "v", "data": f"{number}" * 5000}
            charger.send(json.dumps([2, str(number), "DataTransfer", payload]))
            assert json.loads(charger.recv(timeout=20)) == [3, str(number), LONG]
            assert port.desk.calls[-1].payload == payload


def test_long_answers_are_compressed_and_short_ones_are_not(port):
    port.desk.handler = lambda link, call: link.answer(
        call, LONG if call.action == "DataTransfer" else {"currentTime": "2026-03-02T09:00:00Z"}
    )
    socket, _ = raw(port)
    socket.send(TEXT | RSV1, packed(HEARTBEAT))
    first, payload = socket.frame()
    assert (first, json.loads(payload)[:2]) == (TEXT, [3, "1"])
    socket.send(TEXT, b'[2,"2","DataTransfer",{"vendorId":"v"}]')
    first, payload = socket.frame()
    assert first == TEXT | RSV1
    text = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
    assert json.loads(text) == [3, "2", LONG]
    assert len(payload) < len(text) / 10


def test_1_6_is_never_compressed(port):
    found, head = raw(port, "ocpp1.6")
    assert "sec-websocket-extensions" not in head.casefold()
    found.send(TEXT | RSV1, packed(HEARTBEAT))
    assert found.close_code() == 1002


def test_rsv1_unnegotiated_close_1002(port):
    found, head = raw(port, offer="x-webkit-deflate-frame")
    assert "sec-websocket-extensions" not in head.casefold()
    found.send(TEXT | RSV1, packed(HEARTBEAT))
    assert found.close_code() == 1002
    assert eventually(lambda: port.desk.endings)[0][1] == 1002


def test_zip_bomb_capped(port):
    found, _ = raw(port)
    bomb = packed(b"[" + b" " * (64 << 20))
    assert len(bomb) < LIMIT
    found.send(TEXT | RSV1, bomb)
    assert found.close_code() == 1009
    with port.connect() as charger:
        charger.send(HEARTBEAT.decode())
        assert json.loads(charger.recv(timeout=20))[0] == 3


def test_broken_deflate_closes_1002(port):
    found, _ = raw(port)
    found.send(TEXT | RSV1, b"\xff" * 40)
    assert found.close_code() == 1002


def test_a_compressed_message_may_come_in_fragments_whose_first_says_so(port):
    found, _ = raw(port)
    data = packed(HEARTBEAT)
    found.send(0x01 | RSV1, data[:4])
    found.send(0x89, b"ping")
    found.send(0x80, data[4:])
    assert found.receive()[0] == 0xA
    assert json.loads(found.receive()[1])[:2] == [3, "1"]
    found.send(0x01 | RSV1, data[:4])
    found.send(0x80 | RSV1, data[4:])
    assert found.close_code() == 1002


@pytest.mark.parametrize("first", [0x89 | RSV1, TEXT | 0x20, TEXT | 0x60])
def test_other_reserved_bits_are_refused_though_compression_was_agreed(port, first):
    found, _ = raw(port)
    found.send(first, b"")
    assert found.close_code() == 1002


def test_quirks_switch_compression_off_for_2_x_and_on_for_1_6(app, db):
    station(db, "OFF", quirks={"no_deflate": True})
    station(db, "ON", quirks={"deflate_16": True})
    with gated(app) as port:
        for identity, version, agreed in (("OFF", "ocpp2.0.1", 0), ("ON", "ocpp1.6", 1)):
            options = {"subprotocols": [version], "compression": "deflate"}
            headers = login(identity)
            with port.connect(identity, additional_headers=headers, **options) as charger:
                assert len(charger.protocol.extensions) == agreed
                charger.send(HEARTBEAT.decode())
                assert json.loads(charger.recv(timeout=20))[0] == 3


def test_who_pretends_to_compress_too_much_hears_why(port):
    with port.connect(subprotocols=["ocpp2.1"], compression="deflate") as charger:
        with pytest.raises(ConnectionClosed) as closed:
            charger.send(" " * (LIMIT + 1))
            charger.recv(timeout=20)
    assert closed.value.rcvd.code == 1009


BOTH = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offers", "answer"),
    [
        (["permessage-deflate"], BOTH),
        (["permessage-deflate; client_max_window_bits"], BOTH),
        (["permessage-deflate; client_max_window_bits=8"], BOTH),
        (["permessage-deflate; client_no_context_takeover"], BOTH),
        (['permessage-deflate; server_max_window_bits="10"'], BOTH + "; server_max_window_bits=10"),
        (["permessage-deflate; server_max_window_bits=8, permessage-deflate"], BOTH),
        (["foo; bar", "Permessage-Deflate"], BOTH),
        ([], None),
        ([""], None),
        (["permessage-deflate; unknown"], None),
        (["permessage-deflate; server_max_window_bits=8"], None),
        (["permessage-deflate; server_max_window_bits=16"], None),
        (["permessage-deflate; server_max_window_bits"], None),
        (["permessage-deflate; client_max_window_bits=x"], None),
        (["permessage-deflate; server_no_context_takeover=1"], None),
        (["permessage-deflate; client_max_window_bits; client_max_window_bits"], None),
    ],
)
def test_offers_are_met_or_declined(offers, answer):
    agreed = negotiate(offers)
    assert (None if agreed is None else agreed.header) == answer


@given(st.lists(st.text(alphabet='permsag-dfltxwindob_;=,"0123456789 ', max_size=80)))
def test_no_offer_breaks_the_negotiation(offers):
    negotiate(offers)


@given(st.binary(max_size=4000), st.integers(9, 15))
def test_what_is_compressed_is_read_back(payload, bits):
    payload = payload * 2 + b"x" * WORTH_BYTES
    data = Deflate(bits).compress(payload)
    assert data is None or Deflate().inflate(data, len(payload)) == payload
    assert Deflate().inflate(packed(payload), len(payload)) == payload
    with pytest.raises(TooLong):
        Deflate().inflate(packed(payload), len(payload) - 1)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_inflating(data):
    try:
        assert len(Deflate().inflate(data, 5000)) <= 5000
    except (Broken, TooLong) as known:
        assert known.args == ()


def test_a_stream_that_says_it_is_the_last_is_read_too():
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(HEARTBEAT) + packer.flush(zlib.Z_FINISH)
    assert Deflate().inflate(data, 100) == HEARTBEAT
    assert Deflate().inflate(data + b"\0", 100) == HEARTBEAT
