"""A database with all that a network has goes back some versions, and forth again, on SQLite."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError

from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import Base, Bill, ChargingSession, SignIn
from app.process import postgresql, revisions
from app.uow import unit_of_work
from tests.support import apps, seed
from tests.support.processes import ROOT
from tests.support.wait import eventually

MIGRATIONS = str(ROOT / "migrations")
#: A table that an older version does not know comes back empty.
YOUNGER = {SignIn.__table__}


@pytest.fixture
def full(app):
    with unit_of_work() as db:
        seed.fill(db, datetime.now(UTC), history=5)


def objects(connection):
    """What the database is made of: columns and rules of each table, indexes, triggers."""
    made = connection.execute("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(table, part) for table, sql in made.fetchall() for part in parts(sql)}


@cache
def parts(sql):
    """What made something; of a table each column and rule, wherever it stands."""
    words = " ".join(sql.replace('"', "").split())
    head, _, inside = words.partition("(")
    if not words.startswith("CREATE TABLE"):
        return frozenset({words})
    found = [""]
    for piece in inside.split(","):
        found[-1] = f"{found[-1]},{piece}" if found[-1] else piece
        if found[-1].count("(") <= found[-1].count(")"):
            found.append("")
    return frozenset(piece.strip(" )") for piece in found) | {head}


@pytest.fixture
def steps(app):
    """What the database is made of after each step, step by step."""
    seen = []

    def look(connection, cursor, statement, *_):
        if statement.startswith("UPDATE alembic_version"):
            [(revision,)] = cursor.connection.execute("SELECT version_num FROM alembic_version")
            seen.append((revision, objects(cursor.connection)))

    event.listen(flask_db.engine, "after_cursor_execute", look)
    yield seen
    event.remove(flask_db.engine, "after_cursor_execute", look)


def rows():
    db = fresh()
    tables = [table for table in Base.metadata.sorted_tables if table not in YOUNGER]
    return {table.name: db.scalar(select(func.count()).select_from(table)) for table in tables}


def fresh():
    flask_db.session.remove()
    return flask_db.session()


@pytest.mark.landing
@pytest.mark.parametrize(
    "revision", ["0001", *(pytest.param(at, marks=pytest.mark.nightly) for at in ("0016", "0006"))]
)
def test_going_back_and_forth_loses_no_row_that_the_older_version_knows(full, steps, revision):
    had = rows()
    now = version(), objects(fresh().connection().connection.driver_connection)
    flask_db.session.remove()
    downgrade(directory=MIGRATIONS, revision=revision)
    back = [now, *steps]
    steps.clear()
    upgrade(directory=MIGRATIONS)
    for (older, was), (newer, made) in zip(back[-2::-1], steps, strict=True):
        assert older == newer
        assert made == was, f"what leads back to {older}, or forth to it"
    assert rows() == had
    assert fresh().execute(text("PRAGMA foreign_key_check")).all() == []


def bills_forth_and_back():
    """How long bills say their sessions took, and whose they are, before and after not knowing."""
    with unit_of_work() as db:
        session = db.scalars(select(ChargingSession).where(ChargingSession.bills.any())).first()
        session.driver_id = None  # It was told anew.
        db.flush()
        billing.refund(db, SYSTEM, session, reason="not theirs", now=datetime.now(UTC))
    query = text("SELECT duration_s, driver_id FROM bills ORDER BY id")
    before = fresh().execute(query).all()
    flask_db.session.remove()
    downgrade(directory=MIGRATIONS, revision="0046")
    upgrade(directory=MIGRATIONS)
    return before, fresh().execute(query).all()


def assert_told_again(before, after):
    assert any(seconds > 0 for seconds, _ in before)
    assert all(abs(was[0] - now[0]) <= 1 for was, now in zip(before, after, strict=True))
    assert [whose for _, whose in before] == [whose for _, whose in after]
    with pytest.raises(IntegrityError), unit_of_work() as db:
        db.execute(text("UPDATE bills SET duration_s = 1"))


def test_bills_of_an_older_version_are_told_how_long_their_sessions_took_and_whose(full):
    assert_told_again(*bills_forth_and_back())


@pytest.mark.landing
@pytest.mark.postgres
def test_so_they_are_on_postgresql(postgres_url, tmp_path):
    with apps.running(tmp_path, database_url=postgres_url):
        with unit_of_work() as db:
            seed.fill(db, datetime.now(UTC), history=5)
        assert_told_again(*bills_forth_and_back())
        assert_an_older_version_says_whose_it_issues()


@pytest.mark.postgres
def test_who_waits_for_a_table_of_one_step_may_hold_that_of_the_next(postgres_url, tmp_path):
    with apps.running(tmp_path, database_url=postgres_url):
        downgrade(directory=MIGRATIONS, revision="0060")
        with flask_db.engine.connect() as reader, ThreadPoolExecutor(1) as pool:
            reader.execute(text("SELECT count(*) FROM charging_sessions"))
            read = pool.submit(bills_once_sessions_are_waited_for, reader)
            upgrade(directory=MIGRATIONS)
            assert read.result() == 0
        assert version() == revisions.heads()[0]


@pytest.mark.landing
@pytest.mark.postgres
def test_a_step_beside_others_waits_for_whoever_reads_long(postgres_url, tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql, "LOCKED_S", 0.2)
    with apps.running(tmp_path, database_url=postgres_url):
        downgrade(directory=MIGRATIONS, revision="0060")
        backup = flask_db.engine.connect().execution_options(isolation_level="REPEATABLE READ")
        with backup, ThreadPoolExecutor(1) as pool:
            backup.execute(text("SELECT count(*) FROM tenants"))
            waits = pool.submit(ended_once_waited_for, backup)
            upgrade(directory=MIGRATIONS)
            assert waits.result()
        assert version() == revisions.heads()[0]


def ended_once_waited_for(backup):
    """Go on reading until somebody has waited for longer than for any lock."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' "
        "AND clock_timestamp() - query_start > interval '0.5 s'"
    )
    fresh_view = text("SELECT pg_stat_clear_snapshot()")
    eventually(
        lambda: backup.execute(fresh_view) and backup.scalar(waits), what="an index waits for it"
    )
    backup.rollback()
    return True


def bills_once_sessions_are_waited_for(reader):
    waits = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database AS own ON own.oid = database "
        "WHERE datname = current_database() AND NOT granted "
        "AND relation = 'charging_sessions'::regclass"
    )
    # A look is a transaction of its own: an index waits to the end for one that reads just then.
    with reader.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
        eventually(lambda: watcher.scalar(waits), what="a step waits for the sessions")
    bills = reader.scalar(text("SELECT count(*) FROM bills"))
    reader.rollback()
    return bills


#: What takes long beside others, and what they may do with its table meanwhile.
USED = (
    ("UPDATE bills SET driver_id = session", "bills", "ACCESS SHARE"),
    ("UPDATE bills SET driver_id = kept", "bills", "ACCESS SHARE"),
    ("UPDATE bills SET driver_id = taken", "bills", "ACCESS SHARE"),
    ("CREATE INDEX CONCURRENTLY ix_bills_", "bills", "ROW EXCLUSIVE"),
    ("CREATE INDEX CONCURRENTLY ix_charging_", "charging_sessions", "ROW EXCLUSIVE"),
)


@pytest.mark.postgres
def test_tables_are_used_while_an_upgrade_takes_long_and_one_that_broke_off_goes_on(
    postgres_url, tmp_path
):
    with apps.running(tmp_path, database_url=postgres_url):
        with unit_of_work() as db:
            seed.fill(db, datetime.now(UTC), history=5)
        whose = text("SELECT driver_id FROM bills ORDER BY id")
        before = fresh().scalars(whose).all()
        flask_db.session.remove()
        downgrade(directory=MIGRATIONS, revision="0060")
        tried = []

        def use(connection, cursor, statement, *_):
            for begin, table, how in USED:
                if statement.startswith(begin):
                    with flask_db.engine.begin() as other:
                        other.execute(text(f"LOCK TABLE {table} IN {how} MODE NOWAIT"))
                    tried.append(begin)
                    if tried == [step[0] for step in USED[:-1]]:
                        raise RuntimeError("broken off")

        event.listen(flask_db.engine, "before_cursor_execute", use)
        with pytest.raises(SystemExit):
            upgrade(directory=MIGRATIONS)
        assert version() == "0060"
        with pytest.raises(IntegrityError), unit_of_work() as db:
            db.execute(text("UPDATE bills SET duration_s = 1"))
        flask_db.session.remove()
        upgrade(directory=MIGRATIONS)
        event.remove(flask_db.engine, "before_cursor_execute", use)
        assert {step[0] for step in USED} == set(tried)
        assert fresh().scalars(whose).all() == before
        valid = text("SELECT bool_and(indisvalid) FROM pg_index")
        assert fresh().scalar(valid)


def assert_an_older_version_says_whose_it_issues():
    with unit_of_work() as db:
        names = [column.name for column in Bill.__table__.columns]
        names = [name for name in names if name not in {"id", "driver_id"}]
        new = {"sequence": "99", "number": "'x'", "place": "NULL"}
        for kind, corrects in (("correction", "NULL"), ("credit", "bills.id")):
            new |= {"kind": f"'{kind}'", "corrects_id": corrects, "sequence": f"90 + {len(kind)}"}
            new["number"] = f"'{kind}'"
            given = ", ".join(new.get(name, f"bills.{name}") for name in names)
            last = "WHERE driver_id IS NOT NULL AND kind = 'bill' ORDER BY id DESC LIMIT 1"
            db.execute(
                text(f"INSERT INTO bills ({', '.join(names)}) SELECT {given} FROM bills {last}")
            )
        wanted = text(f"SELECT driver_id FROM bills {last}")
        made = text("SELECT driver_id FROM bills WHERE sequence > 90")
        assert set(db.scalars(made)) == set(db.scalars(wanted))
        db.rollback()


def test_foreign_keys_hold_again_after_a_migration(full):
    flask_db.session.remove()
    downgrade(directory=MIGRATIONS, revision="-1")
    upgrade(directory=MIGRATIONS)
    with pytest.raises(IntegrityError), unit_of_work() as db:
        db.execute(text("DELETE FROM tenants"))


def test_a_migration_that_would_leave_a_row_without_its_other_is_taken_back(full, caplog):
    db = fresh()
    connection = db.connection().connection.driver_connection
    db.rollback()
    connection.execute("PRAGMA foreign_keys=OFF").close()
    connection.execute("UPDATE stations SET site_id = 4711 WHERE id = 1").close()
    connection.execute("PRAGMA foreign_keys=ON").close()
    at = version()
    flask_db.session.remove()
    with pytest.raises(SystemExit):
        downgrade(directory=MIGRATIONS, revision="-1")
    assert "would leave a row of stations without one of sites" in caplog.text
    assert version() == at


def version():
    return fresh().scalar(text("SELECT version_num FROM alembic_version"))
