"""What is measured side by side: systems that store what chargers say, and their processes."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from bench import past, peer
from bench.installation import Known, on_postgres, on_sqlite, python
from bench.scripts import SCRIPTS
from deploy.processes import ROOT

INSTALLATIONS = {"sqlite": on_sqlite, "postgresql": on_postgres}


@dataclass(frozen=True)
class System:
    """A running system: where chargers connect, which they are, and what processes it is.

    `database` is the first process of its PostgreSQL and `redis` that of its Redis, if it has them;
    `count` tells how many rows a table has.
    """

    name: str
    port: int
    stations: Sequence[Known]
    servers: Sequence[psutil.Process]
    database: psutil.Process | None
    redis: psutil.Process | None
    count: Callable[[str], int]

    def cpu_s(self) -> tuple[float, float, float]:
        """Seconds of processor time used so far by server, database and Redis."""
        servers = sum(map(cpu_s, self.servers))
        return servers, cpu_s(self.database), cpu_s(self.redis)


def cpu_s(process: psutil.Process | None) -> float:
    """Seconds of processor time of a process, its children, and those that have ended."""
    total = 0.0
    for each in [process, *process.children(recursive=True)] if process is not None else ():
        try:
            total += sum(each.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue  # it ended just now, and counts as one that has
    return total


@contextmanager
def ours(
    on: str, chargers: int, *, name: str = "ours", sessions: int = 0, **more: str
) -> Iterator[System]:
    """The product on "sqlite" or "postgresql", empty or with the past of so many `sessions` of
    each station.

    `more` are AMPDESK_* variables.
    """
    with ExitStack() as stack:
        made = stack.enter_context(INSTALLATIONS[on](chargers, **more))
        if sessions:
            past.fill(made, sessions)
        redis, *workers = stack.enter_context(made.running())
        port = made.settings.ocpp_port
        yield System(f"{name}-{on}", port, made.stations, workers, made.database, redis, made.count)


@contextmanager
def floor(on: str, chargers: int) -> Iterator[System]:
    """The bare program of `bench.floor`, into the product's own tables."""
    with INSTALLATIONS[on](chargers) as made:
        port = made.settings.ocpp_port
        with Program("bench.floor", {"port": port, "url": made.settings.database_uri}) as program:
            server = psutil.Process(program.pid)
            yield System(
                f"floor-{on}", port, made.stations, [server], made.database, None, made.count
            )


@contextmanager
def baseline(chargers: int) -> Iterator[System]:
    """The Node program of bench/baseline/."""
    with peer.running(chargers) as (port, stations, server, database, url):
        yield System("baseline", port, stations, [server], database, None, partial(peer.count, url))


@dataclass(frozen=True)
class Kind:
    """How a system is started, given the number of chargers, and what scripts it can answer."""

    start: Callable[[int], AbstractContextManager[System]]
    scripts: Collection[str]


SYSTEMS: dict[str, Kind] = {
    "ours-sqlite": Kind(partial(ours, "sqlite"), SCRIPTS),
    "ours-postgresql": Kind(partial(ours, "postgresql"), SCRIPTS),
    "floor-sqlite": Kind(partial(floor, "sqlite"), SCRIPTS),
    "floor-postgresql": Kind(partial(floor, "postgresql"), SCRIPTS),
    "baseline": Kind(baseline, ("sessions-16", "meter-16")),
}


class Program:
    """A helper program: it is given its JSON, says "ready", and answers a line with a line."""

    def __init__(self, module: str, wanted: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            python(module), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self._module = module
        self.tell(json.dumps(wanted))
        if self._read() != "ready":
            raise RuntimeError(f"{module} did not start, or could not connect its chargers")

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.tell("")
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(BrokenPipeError):  # it ended before it was told
                    pipe.close()  # type: ignore[union-attr]

    def ask(self, line: object = "") -> dict[str, Any]:
        """Give it a line and return the object that it answers with."""
        self.tell(str(line))
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Return the object that it answers a line with that it was told."""
        text = self._read()
        if not text:
            raise RuntimeError(f"{self._module} ended before its time")
        found: dict[str, Any] = json.loads(text)
        return found

    def tell(self, line: str) -> None:
        """Write a line; a program that has ended needs no telling."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.poll()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
