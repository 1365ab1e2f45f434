"""Stations that connect too often, and identities that two devices share."""

from datetime import timedelta

import pytest

from app.domain.network import connections
from tests.support import sockets
from tests.support.stations import register


@pytest.fixture
def station(db, now):
    return register(db, now=now)


@pytest.fixture
def connect(db, station, now):
    """Connect `seconds` after now; give the codes of what is odd about it."""

    def opened(seconds, address="192.0.2.1", hang_up=True):
        at = now + timedelta(seconds=seconds)
        connection = sockets.connect(db, station, node="a", address=address, now=at)
        odd = connections.flapping(db, [station.id], now=at)
        if hang_up:
            sockets.close_connection(db, connection.id, code=1006, reason="gone", now=at)
        return [code for code, _ in odd.get(station.id, [])]

    return opened


def test_loop_breaker(connect):
    assert [connect(minute * 60) for minute in range(4)] == [[], [], [], []]
    assert connect(240) == ["reconnect_loop"]


def test_who_comes_again_now_and_then_is_in_no_loop(connect):
    assert [connect(minute * 75) for minute in range(10)] == [[]] * 10


def test_a_loop_ends_when_the_station_stays(connect):
    assert connect(0) == [] and [connect(second) for second in range(1, 9)][-1]
    assert connect(600) == []


def test_duplicate_identity_alarm(connect):
    addresses = ["192.0.2.1", "198.51.100.9"]
    codes = [connect(n * 10, addresses[n % 2], hang_up=False) for n in range(4)]
    assert codes == [[], [], [], ["two_devices"]]


def test_one_device_that_gets_a_new_address_is_no_alarm(connect):
    assert connect(0, "192.0.2.1", hang_up=False) == []
    assert connect(10, "198.51.100.9", hang_up=False) == []
    assert connect(20, "198.51.100.9", hang_up=False) == []
    assert connect(30, "198.51.100.9", hang_up=False) == []
