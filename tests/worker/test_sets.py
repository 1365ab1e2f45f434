"""Works done in sets: what fails harms itself alone, and a station is never in one set twice."""

import gevent
import pytest
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import Tenant
from tests.support.charging import any_app
from worker.batch import Batch, Together

__all__ = ["any_app"]


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
