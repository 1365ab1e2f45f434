"""Floods: slowed down first, and cut off only when they do not end."""

import json

import gevent
import pytest
from gevent.socket import socketpair

from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually
from worker import pace
from worker.pace import FLOOD_S, READ_BURST, READ_RATE, Flood, Pace


def played(bucket, start, every_s, count):
    """Read `count` messages that come `every_s` seconds apart; give the time it ended."""
    now = start
    for _ in range(count):
        now += every_s
        now += bucket.wait_s(now)
    return now


def test_ratelimit_delays_not_errors():
    bucket = Pace(0.0, FLOOD_S)
    assert played(bucket, 0.0, 0.0, int(READ_BURST)) == 0.0
    assert played(bucket, 0.0, 0.0, 1000) == pytest.approx(1000 / READ_RATE)


def test_an_hours_queue_sent_in_a_minute_is_read_to_the_end():
    bucket = Pace(0.0, FLOOD_S)
    played(bucket, 0.0, 0.0, 100_000)


def test_messages_that_come_in_one_text_count_one_by_one():
    bucket = Pace(0.0, FLOOD_S)
    assert bucket.wait_s(0.0) == 0.0
    bucket.more(int(READ_BURST))
    assert bucket.wait_s(0.0) == pytest.approx(2 / READ_RATE)


def test_what_never_ends_is_abuse():
    bucket = Pace(0.0, FLOOD_S)
    with pytest.raises(Flood):
        played(bucket, 0.0, 0.0, int(READ_BURST + READ_RATE * (FLOOD_S + 5)))


def test_a_pause_forgives():
    bucket = Pace(0.0, 60.0)
    now = 0.0
    for _ in range(5):
        now = played(bucket, now, 0.0, 20_000) + 1.0


def test_sustained_abuse_closes_1008(monkeypatch):
    # Far below what even a slow machine can read, so that its speed does not decide.
    monkeypatch.setattr(pace, "READ_RATE", 20.0)
    monkeypatch.setattr(pace, "READ_BURST", 40.0)
    with OcppPort(flood_s=0.3) as port:
        raw = port.raw()
        text = json.dumps([2, "1", "Heartbeat", {}]).encode()
        with pytest.raises(OSError):
            for _ in range(20_000):
                raw.send(0x81, text)
            raise ConnectionError("all of it was sent")
        assert eventually(lambda: port.desk.endings)[0][1:] == (1008, "too many messages")
        with port.connect("CP2") as other:
            other.send(text.decode())
            assert json.loads(other.recv(timeout=20))[0] == 3


def test_others_have_a_turn_whose_messages_lie_in_their_sockets():
    ours, theirs = socketpair()
    heard = []

    def hear():
        while len(heard) < 20:
            heard.append(theirs.recv(1))

    with ours, theirs:
        hearing = gevent.spawn(hear)
        for number in range(20):
            pace.others_turn()
            ours.send(b".")
            assert len(heard) >= number - 1  # with pauses of 0 nothing is heard till the end
        hearing.get()
