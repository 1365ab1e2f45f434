"""Stations that connect too often, and identities that two devices share."""

from datetime import timedelta

import pytest

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import connections, presence, sites, stations, tenants
from tests.support import sockets


@pytest.fixture
def station(db, now):
    tenant = tenants.first(db, now=now)
    place = sites.add(db, SYSTEM, tenant.id, now=now, name="Depot", timezone="UTC", currency="EUR")
    return stations.register(db, SYSTEM, tenant.id, place, "CP-1", now=now)[0]


@pytest.fixture
def connect(db, station, now):
    """Connect `seconds` after now; give the codes of what is odd about it."""

    def opened(seconds, address="192.0.2.1", hang_up=True):
        at = now + timedelta(seconds=seconds)
        presence.beat(db, "a", now=at)
        connection = sockets.open_connection(
            *(db, station), node="a", address=address, protocol="ocpp1.6", orders=[], now=at
        )
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
