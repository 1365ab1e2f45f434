"""Code and tables of neighbouring versions get along where the migrations say so, and wait."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from contextlib import nullcontext

import psutil
import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from sqlalchemy import select
from sqlalchemy.engine import make_url
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.extensions import db as flask_db
from app.models import SchemaSupport
from app.process import revisions
from deploy import prepare
from deploy.checks import CannotStart
from deploy.processes import ROOT
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.processes import Process, descendants, free_port
from tests.support.wait import eventually

#: The first migration that says whether the code of the step before can live with it.
FIRST = "0042"

STEP = '''"""A step of the future."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
{attributes}


def upgrade() -> None:
    op.add_column("system_marks", sa.Column("of_{revision}", sa.String(10)))


def downgrade() -> None:
    op.drop_column("system_marks", "of_{revision}")
'''


def scripts(folder):
    configuration = Config()
    configuration.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(configuration)


@pytest.fixture
def future(tmp_path):
    """Migrations of a later version: these and some more, of which each says what it is told."""
    folder = tmp_path / "migrations"

    def make(*steps):
        shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
        (before,) = revisions.heads()
        for number, attributes in enumerate(steps, 9001):
            text = STEP.format(revision=number, before=before, attributes=attributes)
            (folder / "versions" / f"{number}_future.py").write_text(text)
            before = number
        return folder

    return make


def may_start(settings):
    """Check a database as every server does before it starts."""
    try:
        revisions.fit_or_exit(settings)
    except SystemExit as refused:
        return refused.code
    return 0


@pytest.mark.landing
@pytest.mark.parametrize(
    ("steps", "status"),
    [
        (("compatible = True",), 0),
        (("compatible = True", "compatible = True"), 0),
        (("compatible = False",), 2),
        (("",), 2),
        (("compatible = False", "compatible = True"), 2),
    ],
)
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_an_older_version_goes_on_where_each_newer_step_lets_it(
    make_site, database, future, steps, status, capsys
):
    site = make_site(database, processes=())
    with site.app.app_context():
        upgrade(directory=str(future(*steps)))
        flask_db.session.remove()
        flask_db.engine.dispose()
    assert may_start(site.settings) == status
    with site.app.app_context():
        # As `make run` does, before it starts anything.
        with pytest.raises(CannotStart, match="newest known here") if status else nullcontext():
            prepare.migrate()
        flask_db.session.remove()
        flask_db.engine.dispose()
    newest, said = 9000 + len(steps), capsys.readouterr().err
    assert f"at step {newest}, the newest known here is {revisions.heads()[0]}" in said


@pytest.mark.parametrize(("attributes", "fits"), [("needed = False", True), ("", False)])
def test_a_newer_version_runs_before_a_step_that_it_does_not_need(app, future, attributes, fits):
    newer = scripts(future(f"compatible = True\n{attributes}"))
    with flask_db.engine.connect() as connection:
        sentence = revisions.misfit(connection, newer)
    assert (not sentence) is fits
    assert fits or "flask db upgrade" in sentence


def test_the_database_says_which_code_can_live_with_it(app):
    [told] = flask_db.session().scalars(select(SchemaSupport)).all()
    assert [told.revision] == revisions.heads()
    assert told.oldest <= told.revision


def test_every_new_migration_says_whether_the_version_before_can_live_with_it():
    silent = [
        step.revision
        for step in scripts(ROOT / "migrations").walk_revisions()
        if step.revision >= FIRST and not isinstance(getattr(step.module, "compatible", None), bool)
    ]
    assert not silent


# Waiting for the database


class Away:
    """A database that is not there yet, by the name that it will have."""

    def __init__(self, server, url):
        self.url, self._server = url, server
        self._name = make_url(url).database
        self._rename(self._name, f"{self._name}_later")

    def come(self):
        self._rename(f"{self._name}_later", self._name)

    def _rename(self, old, new):
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{old}" RENAME TO "{new}"')


@pytest.fixture
def away(postgres_server):
    with postgres_server.new_database() as url:
        yield Away(postgres_server, url)


@pytest.fixture
def start(tmp_path, away):
    running = []

    def run(*command, **settings):
        given = {"data_dir": tmp_path, "database_url": away.url, "demo": 0, **settings}
        given = {"redis_url": "redis://127.0.0.1:1/0", "ocpp_host": "127.0.0.1", **given}
        environment = {f"AMPDESK_{name.upper()}": str(value) for name, value in given.items()}
        log = tmp_path / "log"
        process = Process("it", [sys.executable, *command], {**os.environ, **environment}, log)
        running.append(process)
        process.start()
        return process

    yield run
    for process in running:
        process.kill9()


def health(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def refusal(port):
    """How a charger is refused."""
    url = f"ws://127.0.0.1:{port}/ocpp/CP1"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, subprotocols=["ocpp1.6"], open_timeout=60)
    return refused.value.response


@pytest.mark.processes
def test_a_worker_waits_for_its_database_and_sends_chargers_away_until_then(start, away):
    port = free_port()
    worker = start("-m", "worker", ocpp_port=port)
    eventually(lambda: health(port) == 503)
    refused = refusal(port)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 5
    away.come()
    eventually(lambda: health(port) == 200)
    assert refusal(port).status_code == 404
    assert worker.stop(30) == 0
    said = worker.log.read_text("utf-8")
    assert said.count("It is waited for") == 1
    assert "The database answers." in said


def landing(*command):
    return pytest.param(command, marks=pytest.mark.landing)


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "worker"),
        pytest.param(("-m", "deploy.run"), marks=pytest.mark.nightly),
        landing("-m", "gunicorn", "wsgi:app", "--config", "python:deploy.gunicorn_conf"),
        landing("-m", "celery", "-A", "wsgi:celery", "worker", "--pool", "threads"),
        landing("-m", "celery", "-A", "wsgi:celery", "beat"),
    ],
)
@pytest.mark.processes
def test_whatever_waits_ends_when_it_is_told(start, away, command):
    process = start(*command, ocpp_port=free_port(), web_port=free_port())
    waits = "It is waited for; AMPDESK_DATABASE_URL"
    eventually(lambda: process.said(waits), what="it waits")
    started = descendants(process.process.pid)
    process.process.terminate()
    process.process.wait(30)
    eventually(lambda: not any(map(psutil.pid_exists, started)), what="what it started ends, too")
    away.come()
