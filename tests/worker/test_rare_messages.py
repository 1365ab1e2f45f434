"""Rare messages keep no meter value waiting: on PostgreSQL they have a writer of their own."""

import gevent
import pytest
from gevent.event import Event
from sqlalchemy import select, text

from app.domain.network import tenants
from app.extensions import db as flask_db
from app.models import Tenant
from tests.conftest import make_app
from worker.batch import Batch
from worker.works import Job, Together


@pytest.fixture
def app(tmp_path, postgres_url):
    app = make_app(tmp_path, database_url=postgres_url)
    yield app
    with app.app_context():
        flask_db.engine.dispose()


@pytest.fixture
def batch(app):
    batch = Batch(app)
    yield batch
    batch.stop()


def stored(db, items, rows):
    return [db.scalar(text("SELECT 1")) for _ in items]


def test_a_rare_message_that_takes_long_keeps_no_other_waiting(batch):
    begun, over = Event(), Event()

    def slow(db, rows):
        db.execute(text("SELECT 1"))
        begun.set()
        over.wait()
        return "done"

    rare = gevent.spawn(batch.do, Job(slow, rare=True))
    begun.wait()
    assert batch.do(Together(stored, None, 1), within_s=30) == 1
    over.set()
    assert rare.get(timeout=30) == "done"


def test_what_was_told_before_a_rare_message_is_stored_before_it(batch, now):
    held = Event()

    def make(db, rows):
        held.wait()
        tenants.first(db, now=now)

    batch.later(Job(make))
    found = gevent.spawn(
        batch.do, Job(lambda db, rows: db.scalar(select(Tenant.id)) is not None, rare=True)
    )
    gevent.idle()
    held.set()
    assert found.get(timeout=30)
