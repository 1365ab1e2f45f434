"""A whole Ampdesk as real processes on ports and a data folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from app import reactions
from app.config import Settings
from app.extensions import db as flask_db
from app.uow import unit_of_work
from deploy.processes import commands
from tests.support import apps, forks
from tests.support.processes import Process, free_port, wait_for_port
from tests.support.redis import RedisServer
from tests.support.wait import eventually

ALL = ("web", "worker", "celery", "beat")


class Site:
    """Redis, desk, worker, Celery and beat: started, killed and looked into by a test.

    Arguments: an empty data folder, the URL of a migrated database, further AMPDESK_* settings by
    their lower-case names (`sweep_s=1`), and the names of the processes that are wanted.
    `launch` makes the command of a process, by its name, the one that is run.
    """

    def __init__(
        self,
        data_dir: Path,
        database_url: str = "",
        processes: tuple[str, ...] = ALL,
        launch: Callable[[str, list[str]], list[str]] | None = None,
        **settings: object,
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        self.redis = RedisServer(data_dir)
        given = {
            "data_dir": data_dir,
            "database_url": database_url,
            "redis_url": self.redis.url,
            "web_port": free_port(),
            "ocpp_port": free_port(),
            "ocpp_host": "127.0.0.1",
            "demo": "0",
            "sweep_s": 1,
            **settings,
        }
        environment = {f"AMPDESK_{name.upper()}": str(value) for name, value in given.items()}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
        self.environment = {**inherited, "PYTHONUNBUFFERED": "1", **environment}
        self.settings = Settings.from_environment(environment)
        self._kept = apps.lent(self.settings)
        self.app: Flask = self._kept.app
        table = commands(self.settings)
        if launch is not None:
            table = {name: launch(name, command) for name, command in table.items()}
        self.processes = {
            name: Process(name, table[name], self.environment, data_dir / f"{name}.log")
            for name in processes
        }

    # Life

    def start(self) -> None:
        """Start everything and wait until it can be used."""
        self.redis.start()
        for process in self.processes.values():
            process.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the desk and the worker listen and Celery takes tasks."""
        ports = {"web": self.settings.web_port, "worker": self.settings.ocpp_port}
        for name, port in ports.items():
            if name in self.processes:
                wait_for_port(port, self.processes[name])
        if "celery" in self.processes:
            eventually(self._celery_listens, what="Celery is ready")

    def _celery_listens(self) -> bool:
        if self.settings.broker_address.startswith("amqp"):
            celery = self.app.extensions["celery"]
            with celery.connection_for_read() as connection:
                declared = celery.conf.task_queues[0](connection.channel()).queue_declare()
            return bool(declared.consumer_count)
        redis = self.app.extensions["redis"]
        return any(client["cmd"] == "brpop" for client in redis.client_list())

    def kill9(self, name: str) -> None:
        """Kill one process (or "redis") with SIGKILL."""
        (self.redis if name == "redis" else self.processes[name]).kill9()

    def restart(self, name: str) -> None:
        """Start a killed process again; returns before it is ready, as in life."""
        (self.redis if name == "redis" else self.processes[name]).start()

    def stop(self) -> None:
        """End everything, without the time that a good end takes."""
        for process in self.processes.values():
            process.kill9()
        self.redis.kill9()
        with self.app.app_context():
            flask_db.engine.dispose()
        apps.give_back(self._kept)

    # Looking in

    @property
    def desk_url(self) -> str:
        """Return the desk's address."""
        return f"http://127.0.0.1:{self.settings.web_port}"

    @property
    def charger_url(self) -> str:
        """Return the worker's address, to which `/<identity>` is added."""
        return f"ws://127.0.0.1:{self.settings.ocpp_port}/ocpp"

    @contextmanager
    def work(self) -> Iterator[Session]:
        """Open a unit of work on the site's database, for what staff would do."""
        with self.app.app_context():
            with unit_of_work() as db:
                yield db
            reactions.flush(2)
            flask_db.session.remove()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open the site's database for reading."""
        with self.app.app_context():
            try:
                yield flask_db.session()
            finally:
                flask_db.session.remove()

    def logs(self) -> str:
        """Return the ends of all logs, for the report of a failed test."""
        every = [*self.processes.values(), self.redis.process]
        return "\n".join(f"--- {process.name}\n{process.tail()}" for process in every)

    def flask(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a `flask` command on this site."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        return forks.run(command, {**self.environment, **environment})


def kept(name: str, command: list[str]) -> list[str]:
    """Put Celery's processes under their keeper, as they are in life: where Redis is killed.

    Celery's own recovery from a lost Redis sometimes ends in a crash of its client library; its
    keeper starts it again.  Killing the keeper kills the program, too.
    """
    if name not in ("celery", "beat"):
        return command
    return [sys.executable, "-m", "deploy.keep", name, "--", *command]
