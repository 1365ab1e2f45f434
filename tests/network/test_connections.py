"""Connections are noted in sets, and come to the same as one by one, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.domain.network import connections, presence
from app.domain.network.connections import Closed, Opened
from app.extensions import db as flask_db
from app.models import Connection, Station
from tests.support import sockets
from tests.support.stations import register


@pytest.fixture
def db(any_app):
    return flask_db.session()


@pytest.fixture
def fleet(db, now):
    """Three stations."""
    made = [register(db, f"CP-{number}", now=now) for number in range(3)]
    presence.beat(db, "a", now=now)
    presence.beat(db, "b", now=now)
    db.flush()
    return made


def opened(station, node="a", **more):
    facts = {"address": "10.0.0.1", "protocol": "ocpp1.6", "orders": ["reset"], **more}
    return Opened(station.id, node, **facts)


def open_all(db, now, *given):
    numbers = connections.open_all(db, given, now=now)
    db.expire_all()
    return numbers


def close_all(db, now, *numbers):
    gone = connections.close_all(db, [Closed(number, 1006, "gone") for number in numbers], now=now)
    db.expire_all()
    return gone


def test_a_set_of_sockets_gets_a_row_each_in_the_order_of_the_asking(db, fleet, now):
    first, second, third = fleet
    numbers = open_all(db, now, *(opened(station) for station in (third, first, second)))
    owners = {number: db.get_one(Connection, number).station_id for number in numbers}
    assert list(owners.values()) == [third.id, first.id, second.id]
    assert [station.connection_id for station in (third, first, second)] == numbers
    assert all(presence.is_connected(db, station, now) for station in fleet)
    assert first.supported_orders == ["reset"] and first.protocol == "ocpp1.6"


def test_what_a_connection_used_is_kept_and_else_what_its_station_asks_for(db, fleet, now):
    first, second, _ = fleet
    first.security_profile = 2
    db.flush()
    numbers = open_all(db, now, opened(first), opened(second, profile=3))
    profiles = [db.get_one(Connection, number).security_profile for number in numbers]
    assert profiles == [2, 3]


def test_a_newer_socket_replaces_its_stations_older_one_alone(db, fleet, now):
    old = open_all(db, now, *map(opened, fleet))
    [new] = open_all(db, now, opened(fleet[0], node="b"))
    reasons = [db.get_one(Connection, number).close_reason for number in old]
    assert reasons == [connections.REPLACED, None, None]
    assert fleet[0].connection_id == new > old[0]


def test_what_plugs_said_on_an_older_connection_may_be_old(db, fleet, now):
    open_all(db, now, opened(fleet[0]))
    stale = [station.connectors[0].stale for station in fleet]
    assert stale == [True, False, False]


def test_a_set_of_closed_sockets_tells_of_each_whether_its_station_was_still_on_it(db, fleet, now):
    old = open_all(db, now, *map(opened, fleet))
    [new] = open_all(db, now, opened(fleet[0]))
    later = now + timedelta(minutes=1)
    assert close_all(db, later, 10_000, old[0], old[1]) == [False, False, True]
    assert fleet[0].connection_id == new and fleet[1].connection_id is None
    assert fleet[1].disconnected_at == later and fleet[0].disconnected_at is None
    assert db.get_one(Connection, old[0]).close_reason == connections.REPLACED
    assert db.get_one(Connection, old[1]).close_reason == "gone"


def test_closing_a_socket_again_changes_nothing(db, fleet, now):
    [number] = open_all(db, now, opened(fleet[0]))
    close_all(db, now, number)
    assert close_all(db, now + timedelta(minutes=1), number) == [False]
    assert db.get_one(Connection, number).closed_at == now
    assert fleet[0].disconnected_at == now


def test_only_who_comes_again_and_again_is_odd(db, fleet, now):
    for second in range(5):
        open_all(db, now + timedelta(seconds=second), opened(fleet[0]))
    open_all(db, now, opened(fleet[1]))
    odd = connections.flapping(db, [station.id for station in fleet], now=now)
    assert list(odd) == [fleet[0].id]
    assert [code for code, _ in odd[fleet[0].id]] == ["reconnect_loop"]


def test_all_connections_of_a_dead_worker_are_closed_and_no_other(db, fleet, now):
    open_all(db, now, *map(opened, fleet[:2]))
    open_all(db, now, opened(fleet[2], node="b"))
    later = now + timedelta(minutes=1)
    presence.beat(db, "b", now=later)
    sockets.witness(db, since=now, now=later)
    assert presence.close_dead_nodes(db, now=later) == 2
    db.expire_all()
    assert [station.connection_id is None for station in fleet] == [True, True, False]


def test_a_worker_takes_back_what_it_holds_and_what_nobody_else_has_meanwhile(db, fleet, now):
    held = open_all(db, now, *map(opened, fleet))
    later = now + timedelta(minutes=1)
    sockets.witness(db, since=now, now=later)
    assert presence.close_dead_nodes(db, now=later) == 3
    presence.beat(db, "b", now=later)
    [newer] = open_all(db, later, opened(fleet[0], node="b"))
    assert presence.settle(db, "a", held, now=later) == {held[0]}
    db.expire_all()
    assert [station.connection_id for station in fleet] == [newer, *held[1:]]
    still = select(func.count(Connection.id)).where(Connection.closed_at.is_(None))
    assert db.scalar(still) == 3


def test_what_was_heard_is_noted_of_those_alone(db, fleet, now):
    presence.seen(db, {fleet[0].id, fleet[2].id}, now=now)
    db.expire_all()
    heard = db.scalars(select(Station.identity).where(Station.last_seen_at.is_not(None)))
    assert sorted(heard) == ["CP-0", "CP-2"]
