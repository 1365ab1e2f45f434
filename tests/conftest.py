"""Fixtures that every test may use: an application on a fresh, migrated database.

`app` runs on SQLite; `database` of tests/support/fixtures.py names both kinds in turn.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask, g
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy.orm import Session

from app import create_app, reactions
from app.config import Settings
from app.extensions import db as flask_db

# A slow machine is no finding: no test here asserts a time.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("patient")

pytest_plugins = ["tests.support.fixtures", "tests.support.network"]

#: The instant at which most tests play.
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Compiled(BytecodeCache):
    """Templates are compiled once per test process, not once per application."""

    def __init__(self) -> None:
        self.codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if it is known."""
        if bucket.key in self.codes:
            bucket.bytecode_from_string(self.codes[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code."""
        self.codes[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()

#: Nothing listens there: nudges to Redis fail at once and are logged, as they should be.
NO_REDIS = "redis://127.0.0.1:1/0"


def make_app(data_dir: Path, **given: object) -> Flask:
    """Build an application on `data_dir`; nothing outside is reached."""
    values: dict[str, object] = {"data_dir": data_dir, "redis_url": NO_REDIS, **given}
    settings = Settings(**values)  # type: ignore[arg-type]
    app = create_app(settings=settings, TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = COMPILED
    app.before_request_funcs.setdefault(None, []).insert(0, _forget_the_last_request)
    return app


def _forget_the_last_request() -> None:
    """Requests made within a test's app context share `g`; nobody stays signed in by it."""
    for name in list(g):
        g.pop(name)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest migration, copied by each test."""
    folder = tmp_path_factory.mktemp("migrated")
    app = make_app(folder)
    with app.app_context():
        upgrade(directory=str(Path(__file__).parent.parent / "migrations"))
        flask_db.engine.dispose()
    return folder / "ampdesk.sqlite3"


@pytest.fixture
def app(migrated: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application on an empty, migrated SQLite database."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    app = make_app(tmp_path)
    with app.app_context():
        yield app
        reactions.flush(1)
        flask_db.session.remove()
        flask_db.engine.dispose()


@pytest.fixture
def db(app: Flask) -> Session:
    """The open database session of the test's app context; nothing is committed by itself."""
    return flask_db.session()


@pytest.fixture
def now() -> datetime:
    """The instant at which the test plays."""
    return NOW
