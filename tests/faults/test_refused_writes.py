"""A database that can be read and not written: pages that only read go on, changes say why not."""

import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from tests.faults.test_discs import mounted
from tests.support import apps, seed

READ = ("/", "/sessions", "/stations", "/bills", "/tags", "/audit", "/settings", "/reports")
PLACE = {"timezone": "Europe/Berlin", "currency": "EUR"}


class Desk:
    """A signed-in admin of a seeded site, in the browser and by a token."""

    def __init__(self, app):
        db, now = flask_db.session(), datetime.now(UTC)
        admin = seed.fill(db, now, history=0).people["admin"]
        _, token = api_tokens.issue(db, SYSTEM, admin, name="Script", now=now)
        db.commit()
        self.browser = seed.signed_in(app, admin)
        self.api, self.bearer = app.test_client(), {"Authorization": f"Bearer {token}"}
        hang_up()

    def reads(self):
        assert [self.browser.get(page).status_code for page in READ] == [200] * len(READ)
        assert self.api.get("/api/v1/stations", headers=self.bearer).status_code == 200

    def writes(self, name):
        """Make a site in both ways; return what was answered."""
        about = {"name": name, **PLACE}
        by_hand = self.browser.post("/sites/new", data=about)
        return by_hand, self.api.post(
            "/api/v1/sites", json={**about, "name": f"{name} 2"}, headers=self.bearer
        )

    def is_well(self, name):
        self.reads()
        assert [answer.status_code for answer in self.writes(name)] == [303, 201]

    def says_why_not(self):
        self.reads()
        by_hand, by_token = self.writes("Never")
        said = by_hand.get_data(as_text=True)
        assert (by_hand.status_code, by_hand.headers["Retry-After"]) == (503, "5")
        assert "The database takes no writes" in said and "can be looked at" in said
        assert (by_token.status_code, by_token.json["code"]) == (503, "unavailable")
        assert "takes no writes" in by_token.json["detail"]


def hang_up():
    """End all connections to the database: new ones find it as it is."""
    flask_db.session.remove()
    flask_db.engine.dispose()


@pytest.mark.landing
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_sqlite_on_a_mount_that_can_only_be_read(app, tmp_path):
    desk = Desk(app)
    desk.is_well("Before")
    # Another process has the file open, as the worker does.
    with closing(sqlite3.connect(tmp_path / "ampdesk.sqlite3")) as other:
        other.execute("SELECT count(*) FROM sites").fetchall()
        hang_up()
        with mounted(tmp_path, "--bind", tmp_path):
            subprocess.run(["mount", "-o", "remount,bind,ro", tmp_path], check=True)
            desk.says_why_not()
            hang_up()
        desk.is_well("After")


@pytest.mark.landing
@pytest.mark.postgres
def test_a_postgresql_that_refuses_writes(postgres_url, tmp_path):
    with (
        apps.running(tmp_path, database_url=postgres_url) as app,
        psycopg.connect(postgres_url, autocommit=True) as server,
    ):
        name = server.info.dbname
        desk = Desk(app)
        desk.is_well("Before")
        hang_up()
        server.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        desk.says_why_not()
        hang_up()
        server.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        desk.is_well("After")
