"""A commit that somebody is told of waits for the disk; one that nobody is told of need not."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DataError, DBAPIError

from app import uow
from app.extensions import db as flask_db
from app.process import postgresql
from app.uow import unit_of_work


def sqlite_at(folder):
    uri = f"sqlite:///{folder / 'ampdesk.sqlite3'}"
    engine = create_engine(uri, **uow.engine_options(uri))
    uow.tune_sqlite(engine)
    return engine


def test_sqlite_waits_for_the_disk_before_whoever_asked_is_told(tmp_path):
    engine = sqlite_at(tmp_path)
    seen = []
    for durable in (True, False, True):
        with engine.connect().execution_options(write=True, durable=durable) as db:
            modes = ("journal_mode", "synchronous")
            seen.append([db.scalar(text(f"PRAGMA {mode}")) for mode in modes])
    engine.dispose()
    assert seen == [["wal", 2], ["wal", 1], ["wal", 2]]


def test_rows_are_taken_back_from_memory_where_writes_are_short(tmp_path, monkeypatch):
    monkeypatch.setitem(uow.lock_patience, "s", uow.lock_patience["s"])
    engine = sqlite_at(tmp_path)
    postgresql.mind_writes(engine, 5.0)
    with engine.connect() as db:
        assert db.scalar(text("PRAGMA temp_store")) == 2
    engine.dispose()


@pytest.mark.postgres
def test_what_postgresql_has_prepared_outlives_a_rollback(postgres_url, monkeypatch):
    monkeypatch.setattr(postgresql, "_answers", {})
    engine = create_engine(postgres_url)
    postgresql.mind_writes(engine, 5.0)
    asked, part = text("SELECT 60 / CAST(:part AS integer)"), {"part": 4}
    with engine.connect() as db:
        for _ in range(7):
            assert db.scalar(asked, part) == 15
            db.rollback()
        assert db.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 1
        with pytest.raises(DataError):
            db.scalar(asked, {"part": 0})
        db.rollback()
        assert db.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0, "after a fault"
        assert db.scalar(asked, part) == 15
    engine.dispose()


@pytest.mark.postgres
def test_a_step_that_changes_what_is_prepared_fails_it_once(postgres_url, monkeypatch):
    monkeypatch.setattr(postgresql, "_answers", {})
    engine = create_engine(postgres_url)
    postgresql.mind_writes(engine, 5.0)
    asked = text("SELECT word FROM told")
    with engine.connect() as db:
        db.execute(text("CREATE TEMPORARY TABLE told (word varchar(5))"))
        db.commit()
        for _ in range(7):
            assert db.scalar(asked) is None
            db.rollback()
        db.execute(text("ALTER TABLE told ALTER word TYPE varchar(50)"))
        db.commit()
        with pytest.raises(DBAPIError, match="cached plan"):
            db.scalar(asked)
        db.rollback()
        assert db.scalar(asked) is None
    engine.dispose()


@pytest.mark.landing
@pytest.mark.postgres
def test_so_does_postgresql(postgres_app):
    seen = []
    for durable in (True, False, True):
        with unit_of_work(durable=durable):
            seen.append(flask_db.session.scalar(text("SHOW synchronous_commit")))
    assert seen == ["on", "off", "on"]
