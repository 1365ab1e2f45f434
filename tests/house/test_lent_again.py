"""What tests lend from each other is as new each time: applications and databases.

A port that one is lent is nobody else's.
"""

import logging
import shutil
import socket
from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy.orm import make_transient

from app.extensions import db as flask_db
from app.models import Base
from app.web import doorkeeper
from deploy import redis_server
from tests.support import apps, seed
from tests.support.processes import free_port, listens


@pytest.fixture
def folder(migrated, tmp_path):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    return tmp_path


def look(app):
    """All that a test can change in an application, in a form that can be compared."""

    def named(value):
        if isinstance(value, dict):
            return {str(key): named(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [named(inner) for inner in value]
        return getattr(value, "__qualname__", type(value).__name__)

    own = {"SETTINGS", "SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "RATELIMIT_STORAGE_URI"}
    return {
        "config": {key: str(value) for key, value in app.config.items() if key not in own},
        "extensions": {key: type(value).__name__ for key, value in app.extensions.items()},
        "routes": [str(rule) for rule in app.url_map.iter_rules()],
        **{name: named(getattr(app, name)) for name in apps.HOOKS},
        **{name: sorted(getattr(app.jinja_env, name)) for name in apps.WORDS},
    }


def spoil(app):
    """Change whatever a test may change."""
    app.config.update(WTF_CSRF_ENABLED=True, FLAG="up")
    app.extensions["own"] = object()
    app.before_request_funcs.setdefault(None, []).append(lambda: "nothing else")
    app.teardown_appcontext_funcs.append(lambda _: None)
    app.error_handler_spec[None][418] = {LookupError: lambda _: "tea"}
    app.jinja_env.filters["kwh"] = app.jinja_env.globals["now"] = str
    app.jinja_env.filters["own"] = str
    assert doorkeeper.spend([doorkeeper.share("1/hour", "test")])
    assert not doorkeeper.spend([doorkeeper.share("1/hour", "test")])


def test_an_application_that_was_spoilt_is_lent_as_new(folder):
    new = apps.build(apps.settings_of(folder))
    with apps.running(folder) as app:
        app.test_client().get("/sign-in")
        engine = flask_db.engine
        spoil(app)
    with apps.running(folder) as again:
        assert again is app
        assert flask_db.engine is not engine
        assert look(again) == look(new)
        assert again.jinja_env.filters["kwh"] is not str
        assert doorkeeper.spend([doorkeeper.share("1/hour", "test")])
        assert again.test_client().get("/sign-in").status_code in (200, 303)


def test_two_applications_at_once_are_two(folder):
    with apps.running(folder) as one, apps.running(folder) as other:
        assert one is not other


def test_what_cannot_be_made_good_is_told_and_not_lent_again(folder):
    with pytest.raises(AssertionError, match="left the application's views changed"):
        with apps.running(folder) as app:
            app.view_functions["home.index"] = str
    with apps.running(folder) as other:
        assert other is not app


def test_an_application_follows_its_settings(folder):
    with apps.running(folder, secure_cookies=True, mail_from="a@example.org") as app:
        assert app.config["SESSION_COOKIE_SECURE"] is True
        assert app.config["SETTINGS"].mail_from == "a@example.org"
    with apps.running(folder) as again:
        assert again is app
        assert again.config["SESSION_COOKIE_SECURE"] is False


def test_what_one_had_built_in_is_not_lent_to_the_next(folder, monkeypatch):
    """A whole site looks in by an application that is lent, whatever its settings are."""
    monkeypatch.setattr(apps, "_idle", [])
    new = apps.build(apps.settings_of(folder))
    given = {"traces_url": "http://127.0.0.1:1", "trusted_proxies": ("127.0.0.1/32",)}
    level = logging.getLogger().level
    apps.give_back(apps.lent(apps.settings_of(folder, **given, log_level="error")))
    with apps.running(folder) as app:
        assert look(app) == look(new)
        assert type(app.wsgi_app) is type(new.wsgi_app)
        assert app.test_client().get("/sign-in").status_code in (200, 303)
    assert logging.getLogger().level == level


def spoil_rows(connection):
    """Add a row, by which a sequence counts on, and change one that was there."""
    connection.execute("INSERT INTO tenants (name, created_at) VALUES ('Volt', now())")
    connection.execute("UPDATE alembic_version SET version_num = 'spoilt'")


def rows(connection):
    names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    tables = [name for (name,) in connection.execute(names).fetchall()]
    return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}


@pytest.mark.postgres
def test_a_lent_database_holds_what_a_new_one_holds(postgres_server):
    with postgres_server.new_database() as url, psycopg.connect(url) as connection:
        new = rows(connection)
    with postgres_server.lent_database() as url:
        left_open = psycopg.connect(url, autocommit=True)
        spoil_rows(left_open)
    with postgres_server.lent_database() as again:
        assert again == url
        with psycopg.connect(again) as connection:
            assert rows(connection) == new
            used = "SELECT count(*) FROM pg_sequences WHERE last_value IS NOT NULL"
            assert connection.execute(used).fetchone() == (0,)
    with left_open, pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (id int)",
        "ALTER TABLE sites DROP COLUMN address",
        "ALTER TABLE bills DISABLE TRIGGER USER",
        "DROP INDEX {index}",
        "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    ],
)
def test_a_database_whose_tables_were_changed_is_not_lent_again(postgres_server, change):
    with postgres_server.lent_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
                " AND indexname LIKE 'ix_%'"
            ).fetchone()
            connection.execute(change.format(index=found[0]))
    with postgres_server.lent_database() as other:
        assert other != url


def test_a_port_is_lent_once_and_whoever_has_it_can_listen_there(monkeypatch):
    """Two test processes that begin a server at once could be told of the same one, else."""
    mine = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", mine))
    with socket.create_server(("127.0.0.1", mine)):
        assert listens(mine)
    assert not listens(mine)
    found, told = redis_server.free_port, [mine]
    monkeypatch.setattr(redis_server, "free_port", lambda: told.pop() if told else found())
    assert free_port() != mine


def test_what_is_seeded_again_is_what_was_seeded(folder, now, database, request):
    at, server = {}, request.getfixturevalue("postgres_server") if database != "sqlite" else None
    seeded = []
    for _ in range(2):
        with ExitStack() as stack:
            if server is not None:
                at["database_url"] = stack.enter_context(server.lent_database())
            stack.enter_context(apps.running(folder, **at))
            made = seed.fill(flask_db.session(), now, history=1)
            rows = [
                list(map(repr, flask_db.session.execute(table.select())))
                for table in Base.metadata.sorted_tables
            ]
            named = {name: (type(row), row.id) for name, row in made.sessions.items()}
            added = made.sites["Depot Nord"]
            make_transient(added)
            added.id, added.name_key = None, "another"
            flask_db.session.add(added)
            flask_db.session.flush()
            seeded.append((rows, named, made.version.id, made.people["admin"].email, added.id))
    assert seeded[0] == seeded[1]
