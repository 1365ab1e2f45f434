"""The seeded network of `tests.support.seed` as fixtures: filled once, copied for each test."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import db as flask_db
from app.models import TariffVersion
from tests.support import apps, prepared, seed
from tests.support.seed import Seeded

#: What its stations read a while ago is no power now: after this another one is filled.
LASTS = timedelta(minutes=10)


@dataclass(frozen=True)
class Network:
    """A filled database file and what its rows are called: (group, name) -> (model, id)."""

    path: Path
    now: datetime
    rows: dict[tuple[str, str], tuple[type, int]]
    version_id: int

    def open(self, db: Session) -> Seeded:
        """The rows by name, read from a copy of the file."""
        made = Seeded(self.now)
        models = {model for model, _ in self.rows.values()}
        known = {(model, row.id): row for model in models for row in db.scalars(select(model))}
        for (group, name), key in self.rows.items():
            getattr(made, group)[name] = known[key]
        made.version = db.get_one(TariffVersion, self.version_id)
        return made


@pytest.fixture(scope="module")
def network(migrated: Path) -> Network:
    """The network, filled once for many files; it plays now, or a short while ago."""
    for number in count():
        found = prepared.once(f"network-{number}", partial(_fill, migrated))
        if datetime.now(UTC) - found.now <= LASTS:
            break
    return found


def _fill(migrated: Path, folder: Path) -> Network:
    path = folder / "ampdesk.sqlite3"
    shutil.copy(migrated, path)
    now = datetime.now(UTC)
    rows: dict[tuple[str, str], tuple[type, int]] = {}
    with apps.running(folder):
        db = flask_db.session()
        made = seed.fill(db, now, history=6)
        db.commit()
        for group in ("people", "sites", "stations", "drivers", "tags", "sessions"):
            for name, row in getattr(made, group).items():
                rows[group, name] = (type(row), row.id)
        version_id = made.version.id
    return Network(prepared.in_one_file(path), now, rows, version_id)


@pytest.fixture
def made(app: Flask, network: Network, tmp_path: Path) -> Iterator[Seeded]:
    """The network in the test's own application."""
    flask_db.session.remove()
    flask_db.engine.dispose()
    for leftover in tmp_path.glob("ampdesk.sqlite3*"):
        leftover.unlink()
    shutil.copy(network.path, tmp_path / "ampdesk.sqlite3")
    yield network.open(flask_db.session())


@pytest.fixture
def viewer(app: Flask, made: Seeded) -> FlaskClient:
    """A browser in which Vera, who may look, is signed in."""
    return _client(app, made, "viewer")


@pytest.fixture
def operator(app: Flask, made: Seeded) -> FlaskClient:
    """A browser in which Otto, who may act, is signed in."""
    return _client(app, made, "operator")


@pytest.fixture
def admin(app: Flask, made: Seeded) -> FlaskClient:
    """A browser in which Grace, who may do everything, is signed in."""
    return _client(app, made, "admin")


def _client(app: Flask, made: Seeded, role: str) -> Any:
    return seed.signed_in(app, made.people[role])
