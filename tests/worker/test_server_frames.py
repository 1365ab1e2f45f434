"""Frames that chargers should not send, and that the server survives them."""

import json

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
HEARTBEAT = b'[2,"1","Heartbeat",{}]'


@pytest.fixture(scope="module")
def running():
    with OcppPort(max_message_bytes=1 << 20) as port:
        yield port


@pytest.fixture
def port(running):
    """The module's server, which every test must leave alive."""
    running.desk.__init__()
    yield running
    with running.connect() as charger:
        charger.send(HEARTBEAT.decode())
        assert json.loads(charger.recv(timeout=20))[0] == 3
    running.hang_up()


def test_unmasked_frames_are_refused(port):
    raw = port.raw()
    raw.send(TEXT, HEARTBEAT, masked=False)
    assert raw.close_code() == 1002


def test_rsv1_unnegotiated_close_1002(port):
    raw = port.raw()
    raw.send(TEXT | 0x40, HEARTBEAT)
    assert raw.close_code() == 1002


@pytest.mark.parametrize("opcode", [0x83, 0x87, 0x8B, 0x8F])
def test_unknown_opcodes_are_refused(port, opcode):
    raw = port.raw()
    raw.send(opcode, b"")
    assert raw.close_code() == 1002


def test_a_message_too_long_is_refused_before_it_is_read(port):
    raw = port.raw()
    raw.send(TEXT, b"", size=1 << 40)
    assert raw.close_code() == 1009


def test_sixteen_megabytes_are_refused(port):
    with port.connect() as charger:
        with pytest.raises(ConnectionClosed) as closed:
            charger.send("x" * (16 << 20))
            charger.recv(timeout=10)
    if closed.value.rcvd is not None:
        assert closed.value.rcvd.code == 1009
    assert eventually(lambda: port.desk.endings)[0][1] == 1009


def test_fragments_together_are_limited_too(port):
    raw = port.raw()
    raw.send(0x01, b"x" * 700_000)
    raw.send(0x00, b"", size=700_000)
    assert raw.close_code() == 1009


def test_endless_empty_fragments_are_refused(port):
    raw = port.raw()
    raw.send(0x01, b"[")
    for _ in range(5000):
        raw.send(0x00, b"")
    assert raw.close_code() == 1009


def test_fragments_are_joined_around_a_ping(port):
    raw = port.raw()
    raw.send(0x01, HEARTBEAT[:5])
    raw.send(PING, b"hello")
    raw.send(0x00, HEARTBEAT[5:9])
    raw.send(0x80, HEARTBEAT[9:])
    assert raw.receive() == (0xA, b"hello")
    assert json.loads(raw.receive()[1])[:2] == [3, "1"]


def test_a_character_cut_by_a_fragment_is_whole_again(port):
    text = '[2,"ä","Heartbeat",{}]'.encode()
    raw = port.raw()
    raw.send(0x01, text[:5])
    raw.send(0x80, text[5:])
    assert json.loads(raw.receive()[1])[1] == "ä"


@pytest.mark.parametrize("frames", [[(0x80, b"x")], [(0x01, b"["), (TEXT, b"[]")]])
def test_fragments_out_of_place_are_refused(port, frames):
    raw = port.raw()
    for first, payload in frames:
        raw.send(first, payload)
    assert raw.close_code() == 1002


def test_invalid_utf8_is_refused(port):
    raw = port.raw()
    raw.send(TEXT, b'[2,"\xff","Heartbeat",{}]')
    assert raw.close_code() == 1007


def test_control_frames_are_short_and_whole(port):
    raw = port.raw()
    raw.send(PING, b"x" * 126)
    assert raw.close_code() == 1002
    raw = port.raw()
    raw.send(0x09, b"x")
    assert raw.close_code() == 1002


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x00\x00", b"\x27\x10"])
def test_malformed_close_frames_are_refused(port, payload):
    raw = port.raw()
    raw.send(CLOSE, payload)
    assert raw.close_code() == 1002


def test_a_goodbye_is_returned(port):
    raw = port.raw()
    raw.send(CLOSE, (1001).to_bytes(2, "big") + b"bye")
    assert raw.close_code() == 1001
    assert eventually(lambda: port.desk.endings)[0][1:] == (1001, "bye")


def test_a_connection_that_just_ends_is_noticed(port):
    raw = port.raw()
    raw.socket.close()
    assert eventually(lambda: port.desk.endings)[0][1] == 1006


@pytest.mark.parametrize(
    ("first", "payload", "answer"),
    [
        (TEXT, b"", None),
        (TEXT, b"\xef\xbb\xbf" + HEARTBEAT, "1"),
        (TEXT, HEARTBEAT + b"\0\0", "1"),
        (BINARY, HEARTBEAT, "1"),
        (BINARY, b"\xff\xfe\x00", None),
        (TEXT, b"hello", None),
        (TEXT, b"[" * 50_000, None),
        (TEXT, b'[2,"7","Heartbeat",{"a":NaN}]', "7"),
        (TEXT, b'[9,"1",{}]', None),
        (TEXT, b'[3,"nobody",{}]', None),
        (TEXT, b'[2,17,"Heartbeat",null]', 17),
    ],
)
def test_garbage_frames(port, first, payload, answer):
    raw = port.raw()
    raw.send(first, payload)
    raw.send(TEXT, b'[2,"last","Heartbeat",{}]')
    ids = []
    while "last" not in ids:
        ids.append(json.loads(raw.receive()[1])[1])
    assert ids == ([] if answer is None else [answer]) + ["last"]


def test_several_messages_in_one_frame_are_answered_in_order(port):
    raw = port.raw()
    raw.send(TEXT, HEARTBEAT + b'[2,"2","Heartbeat",{}]')
    assert [json.loads(raw.receive()[1])[1] for _ in range(2)] == ["1", "2"]


def test_a_long_message_within_the_limit_is_read(port):
    raw = port.raw()
    raw.send(TEXT, b'[2,"1","DataTransfer",{"vendorId":"v","data":"' + b"x" * 900_000 + b'"}]')
    assert json.loads(raw.receive()[1])[1] == "1"


def test_a_flood_is_answered_in_order_and_nothing_is_lost(port):
    raw = port.raw()
    for number in range(1500):
        raw.send(TEXT, b'[2,"%d","Heartbeat",{}]' % number)
    ids = [json.loads(raw.receive()[1])[1] for _ in range(1500)]
    assert ids == [str(number) for number in range(1500)]


def test_a_flood_of_pings_does_not_starve_others(port):
    raw = port.raw()
    for _ in range(2000):
        raw.send(PING, b"x")
    with port.connect("CP2") as other:
        other.send(HEARTBEAT.decode())
        assert json.loads(other.recv(timeout=20))[0] == 3


def test_frames_byte_by_byte_are_put_together(port):
    raw = port.raw()
    sink, whole = raw.socket, b""
    mask = b"\0\0\0\0"
    whole = bytes((TEXT, 0x80 | len(HEARTBEAT))) + mask + HEARTBEAT
    for place in range(len(whole)):
        sink.sendall(whole[place : place + 1])
    assert json.loads(raw.receive()[1])[1] == "1"
