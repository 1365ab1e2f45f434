"""Works done in sets: what fails harms itself alone, and a station is never in one set twice."""

import socket

import gevent
import gevent.event
import pytest
from gevent.socket import wait_read
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import Tenant
from worker import pace
from worker.batch import Batch
from worker.storage import StorageAway
from worker.works import Job, Together


@pytest.fixture
def batch(any_app):
    batch = Batch(any_app)
    yield batch
    batch.stop()


@pytest.fixture
def seen():
    """The sets of items that the store was given, one after another."""
    return []


@pytest.fixture
def store(seen, now):
    def name_tenants(db, items, rows):
        seen.append(list(items))
        for item in items:
            db.add(Tenant(name=item, created_at=now))
        db.flush()
        if "poison" in items:
            raise ValueError("this one cannot be stored")
        return [f"stored {item}" for item in items]

    return name_tenants


def done_at_once(batch, store, items):
    """Hand all over before the writer takes a look; each one's result or error."""
    works = [Together(store, item, station) for station, item in items]
    waiting = [gevent.spawn(batch.do, work) for work in works]
    gevent.joinall(waiting, timeout=60)
    return [one.value if one.successful() else str(one.exception) for one in waiting]


def test_others_have_their_turn_while_many_are_told(batch, store, monkeypatch):
    monkeypatch.setattr(pace, "BITE_S", -1.0)  # over at once
    heard = []

    def others():
        while True:
            pace.others_turn()
            heard.append("others")

    told = list(range(8))
    for number in told:
        batch.later(
            Together(store, f"one {number}", number, then=lambda _, n=number: heard.append(n))
        )
    meanwhile = gevent.spawn(others)
    try:
        batch.do(Job(lambda db, rows: None))
    finally:
        meanwhile.kill()
    assert [one for one in heard if one != "others"] == told
    assert "others" in heard[heard.index(0) : heard.index(7)]


def test_one_that_cannot_be_stored_harms_no_other(batch, store, any_app):
    items = [(number, f"good {number}") for number in range(8)]
    items.insert(3, (99, "poison"))
    results = done_at_once(batch, store, items)
    assert results.pop(3) == "this one cannot be stored"
    assert results == [f"stored good {number}" for number in range(8)]
    names = set(flask_db.session.scalars(select(Tenant.name)))
    assert {f"good {number}" for number in range(8)} <= names
    assert "poison" not in names


def test_two_words_of_one_station_are_never_in_one_set(batch, store, seen):
    items = [(1, "first"), (2, "other"), (1, "second"), (1, "third")]
    assert done_at_once(batch, store, items) == [f"stored {item}" for _, item in items]
    assert [item for each in seen for item in each if item != "other"] == [
        "first",
        "second",
        "third",
    ]
    assert all(not {"first", "second"} <= set(each) for each in seen)


def test_who_is_ready_to_be_read_joins_the_commit(batch, store, seen):
    ours, theirs = socket.socketpair()

    def read_then_do():
        wait_read(ours.fileno())
        return batch.do(Together(store, "read", 2))

    with ours, theirs:
        reading = gevent.spawn(read_then_do)
        theirs.send(b"x")
        assert batch.do(Together(store, "told", 1)) == "stored told"
        assert reading.get(timeout=30) == "stored read"
    assert [sorted(each) for each in seen] == [["read", "told"]]


def test_what_comes_while_rare_works_are_done_waits_for_one_of_them_only(
    batch, store, seen, monkeypatch
):
    monkeypatch.setattr("worker.batch.MOST_S", -1.0)

    def rare(number):
        def run(db, rows):
            seen.append(number)
            if number == 1:
                batch.later(Together(store, "meanwhile", 1))

        return gevent.spawn(batch.do, Job(run))

    gevent.joinall([rare(1), rare(2), rare(3)], timeout=30)
    assert seen == [1, ["meanwhile"], 2, 3]


def test_who_does_not_wait_is_told_what_came_of_it(batch, store):
    told = []
    batch.later(Together(store, "good", 1, then=told.append))
    batch.later(Together(store, "poison", 2, then=told.append))
    batch.do(Together(store, "last", 1))
    assert told[0] == "stored good"
    assert isinstance(told[1], ValueError)


def test_one_that_fails_at_what_it_is_told_harms_no_other(batch, store):
    batch.later(Together(store, "first", 1, then=lambda result: 1 / 0))
    assert batch.do(Together(store, "second", 2)) == "stored second"


def test_who_has_waited_long_enough_is_not_woken_later(batch, store):
    held = gevent.event.Event()
    batch.later(Job(lambda db, rows: held.wait()))
    with pytest.raises(StorageAway):
        batch.do(Together(store, "late", 1), within_s=0.01)
    held.set()
    assert batch.do(Together(store, "next", 2)) == "stored next"


def test_the_first_commit_of_a_database_that_is_back_says_that_this_node_lives(batch, store, seen):
    batch.ask_by(lambda db: seen.append("it lives"))
    batch._storage.failed(StorageAway("it is away"))
    stored = gevent.event.AsyncResult()
    batch.later(Together(store, "kept", 1, then=stored.set))
    assert stored.get(timeout=30) == "stored kept"
    assert "it lives" in seen


def test_a_database_that_another_writer_misses_is_asked_though_there_is_nothing_to_store(batch):
    asked = gevent.event.AsyncResult()
    batch.ask_by(lambda db: asked.set("it lives"))
    batch.do(Job(lambda db, rows: None))
    gevent.idle()  # until the writer waits for work
    batch._storage.failed(StorageAway("it is away"))
    assert asked.get(timeout=60) == "it lives"
