"""A commit that somebody is told of waits for the disk; one that nobody is told of need not."""

import pytest
from sqlalchemy import create_engine, text

from app import uow
from app.extensions import db as flask_db
from app.uow import unit_of_work


def test_sqlite_waits_for_the_disk_before_whoever_asked_is_told(tmp_path):
    uri = f"sqlite:///{tmp_path / 'ampdesk.sqlite3'}"
    engine = create_engine(uri, **uow.engine_options(uri))
    uow.tune_sqlite(engine)
    seen = []
    for durable in (True, False, True):
        with engine.connect().execution_options(write=True, durable=durable) as db:
            modes = ("journal_mode", "synchronous")
            seen.append([db.scalar(text(f"PRAGMA {mode}")) for mode in modes])
    engine.dispose()
    assert seen == [["wal", 2], ["wal", 1], ["wal", 2]]


@pytest.mark.landing
@pytest.mark.postgres
def test_so_does_postgresql(postgres_app):
    seen = []
    for durable in (True, False, True):
        with unit_of_work(durable=durable):
            seen.append(flask_db.session.scalar(text("SHOW synchronous_commit")))
    assert seen == ["on", "off", "on"]
