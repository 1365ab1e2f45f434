"""Which station is connected: the newest connection wins, and dead workers hold nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.network import presence
from app.models import Connection
from tests.support import sockets
from tests.support.stations import register


@pytest.fixture
def station(db, now):
    return register(db, now=now)


def connect(db, station, now, node="a"):
    return sockets.connect(db, station, node=node, orders=["reset"], now=now)


def hang_up(db, connection, now):
    return sockets.close_connection(db, connection.id, code=1006, reason="gone", now=now)


def test_a_station_is_connected_while_its_worker_beats(db, station, now):
    connect(db, station, now)
    assert presence.is_connected(db, station, now)
    assert not presence.is_connected(db, station, now + timedelta(minutes=1))


def test_the_late_close_of_an_old_socket_leaves_its_successor_alone(db, station, now):
    old = connect(db, station, now)
    new = connect(db, station, now, node="b")
    assert not hang_up(db, old, now)
    db.refresh(station)
    assert station.connection_id == new.id
    assert presence.is_connected(db, station, now)


def test_the_close_of_the_newest_socket_disconnects(db, station, now):
    connection = connect(db, station, now)
    assert hang_up(db, connection, now)
    db.refresh(station)
    assert station.connection_id is None
    assert station.disconnected_at == now


def test_the_connections_of_a_dead_worker_are_closed(db, station, now):
    connect(db, station, now)
    assert presence.close_dead_nodes(db, now=now) == 0
    later = now + timedelta(minutes=1)
    sockets.witness(db, since=now, now=later)
    assert presence.close_dead_nodes(db, now=later) == 1
    assert db.scalars(select(Connection)).one().close_reason == "the worker ended"


def test_a_worker_that_only_stalled_takes_its_connections_back(db, station, now):
    connection = connect(db, station, now)
    later = now + timedelta(minutes=1)
    sockets.witness(db, since=now, now=later)
    assert presence.close_dead_nodes(db, now=later) == 1
    assert not presence.settle(db, "a", [connection.id], now=later)
    presence.beat(db, "a", now=later)
    db.refresh(station)
    assert presence.is_connected(db, station, later)


def test_a_connection_is_not_taken_back_from_its_successor(db, station, now):
    old = connect(db, station, now)
    new = connect(db, station, now, node="b")
    assert presence.settle(db, "a", [old.id], now=now) == {old.id}
    hang_up(db, new, now)
    assert presence.settle(db, "a", [old.id], now=now) == {old.id}
    db.refresh(station)
    assert station.connection_id is None


def test_nobody_is_dead_after_the_database_was_away_from_all(db, station, now):
    connect(db, station, now)
    presence.beat(db, "b", now=now)
    later = now + timedelta(minutes=10)
    presence.beat(db, "b", now=later)
    assert presence.close_dead_nodes(db, now=later) == 0
    for second in range(0, 25, 5):
        presence.beat(db, "b", now=later + timedelta(seconds=second))
    assert presence.close_dead_nodes(db, now=later + timedelta(seconds=25)) == 1


def test_a_worker_closes_what_it_holds_no_more(db, station, now):
    connection = connect(db, station, now)
    presence.settle(db, "a", [], now=now)
    db.refresh(station)
    assert station.connection_id == connection.id, "its worker may not know of it yet"
    presence.settle(db, "a", [], now=now + presence.YOUNG)
    db.refresh(connection)
    db.refresh(station)
    assert (station.connection_id, connection.close_reason) == (None, presence.UNNOTICED)
