"""Two nodes on one PostgreSQL and one Redis, each of them reached over wires that can be cut.

Every program has wires of its own: to the database and to Redis.  What ends is started again as a
keeper does, unless a fault holds it down; `deaths` tells with what status it ended.
"""

import http.client
import importlib.util
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.office import api_tokens, staff
from app.models import Station
from tests.faults.chargers import Charger, Crowd
from tests.support.cluster import Cluster
from tests.support.depot import furnish
from tests.support.mail import MailServer
from tests.support.processes import Process, descendants, free_port, wait_for_port
from tests.support.relay import Relay, Wires
from tests.support.site import Site
from tests.support.slow_disc import can_be_slow

WORKERS = ("worker", "worker2")
PROGRAMS = (*WORKERS, "celery", "beat", "web")
#: How long an order lives before it was sent, and how long a charger has for its answer.
ORDER_TTL_S, CALL_TIMEOUT_S = 10, 10
#: Where Debian's package puts it.
_DEBIAN = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Nodes(Site):
    """Two workers, Celery, its beat and a desk, with a crowd of chargers and a stream of orders."""

    def __init__(
        self,
        folder: Path,
        discs: Sequence[str],
        seed: int,
        chargers: int,
        pause_s: float,
        clocks: bool = True,
    ) -> None:
        self.dice = random.Random(seed)
        self._discs = discs
        self.folder = folder
        self.wires = Wires()
        self.mail = MailServer()
        self.cluster = Cluster(folder / "postgres")
        super().__init__(
            *(folder / "data", self.cluster.url, ("worker", "celery", "beat", "web")),
            smtp_url=self.mail.url,
            drain_s=5,
            call_timeout_s=CALL_TIMEOUT_S,
            api_rate="",
            log_level="warning",
        )
        self.second_port = free_port()
        first = self.processes["worker"]
        more = {"AMPDESK_OCPP_PORT": str(self.second_port)}
        log = self.data_dir / "worker2.log"
        self.processes["worker2"] = Process("worker2", first.command, first.environment | more, log)
        self.to_database: dict[str, Relay] = {}
        self.to_redis: dict[str, Relay] = {}
        self.clocks: dict[str, Path] = {}
        self._library = faketime() if clocks else None
        self.held_down: set[str] = set()
        self.deaths: dict[str, list[int]] = defaultdict(list)
        self._ended = threading.Event()
        #: Whoever starts programs, or says which are not to be started, does so alone.
        self._deciding = threading.Lock()
        for name, process in self.processes.items():
            self._wire(name, process)
        self._count, self._pause_s = chargers, pause_s
        self.crowd: Crowd | None = None

    def _wire(self, name: str, process: Process) -> None:
        """Give a program wires of its own, and a clock of its own where there are any."""
        database = Relay(self.wires, "127.0.0.1", self.cluster.port)
        redis = Relay(self.wires, "127.0.0.1", self.redis.port)
        self.to_database[name], self.to_redis[name] = database, redis
        process.environment |= {
            "AMPDESK_DATABASE_URL": self.cluster.at("127.0.0.1", database.port),
            "AMPDESK_REDIS_URL": self.redis.url.replace(f":{self.redis.port}/", f":{redis.port}/"),
        }
        if self._library is not None and name != "web":
            self.clocks[name] = self.folder / f"{name}.clock"
            self.clocks[name].write_text("+0\n", "ascii")
            given = {
                "LD_PRELOAD": self._library,
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_CACHE_DURATION": "1",
            }
            own = {"FAKETIME_TIMESTAMP_FILE": str(self.clocks[name])}
            process.environment |= given | own
            # Programs that are forked are given their library by the process that is forked: one
            # for all.  It looks each second for the file that the environment names by then.
            before = ["env", *(f"{key}={value}" for key, value in given.items())]
            process.command = [*before, *process.command]

    # Life

    def start(self) -> None:
        self.mail.start()
        self.cluster.start()
        super().start()
        wait_for_port(self.second_port, self.processes["worker2"])
        depot = furnish(self, self._count + 1)
        #: A station that is none of the crowd's.
        self.spare, *others = depot.stations
        known = [(identity, secret, depot.tag) for identity, secret in others]
        self._learn()
        threading.Thread(target=self._keep, daemon=True, name="keeper").start()
        ports = (self.settings.ocpp_port, self.second_port)
        self.crowd = Crowd(ports, known, self._pause_s)
        self.crowd.start()
        self.orders = Orders(self)
        self.orders.start()

    def stop(self) -> None:
        with ExitStack() as stack:
            for end in (self.wires.stop, self.mail.stop, self.cluster.kill9, self.cluster.thaw):
                stack.callback(end)
            stack.callback(super().stop)
            for process in self.processes.values():
                stack.callback(process.kill9)
            with self._deciding:
                self._ended.set()
            if self.crowd is not None:
                self.crowd.give_up()
                self.orders.stop()

    def lacks(self, what: str) -> str:
        """Why a fault that needs one of these cannot be done here; empty: it can."""
        if what == "clocks" and not self.clocks:
            return "libfaketime, which gives a program a clock of its own, is not here"
        if what == "discs" and not self._discs:
            return "only root may make a small disc, where the system lets it"
        if what == "strace" and not can_be_slow():
            return "strace, which keeps a program waiting for its disc, is not here"
        return ""

    @property
    def chargers(self) -> list[Charger]:
        """All chargers, those of the first node before those of the second in no order."""
        assert self.crowd is not None
        return self.crowd.chargers

    def rss(self) -> dict[str, int]:
        """What each program has in memory, in MiB, its children's with it."""
        found = {}
        for name, process in self.processes.items():
            if process.process is not None and process.running:
                pids = [process.process.pid, *descendants(process.process.pid)]
                found[name] = sum(map(_rss, pids)) >> 20
        return found

    def pid(self, name: str) -> int:
        """The process id of a program."""
        process = self.processes[name].process
        assert process is not None
        return process.pid

    def pids(self, *names: str) -> list[int]:
        """The processes of programs, or of PostgreSQL ("postgres"), their children with them."""
        found = []
        for name in names:
            process = self.cluster.process if name == "postgres" else self.processes[name]
            if process.process is not None:
                found += [process.process.pid, *descendants(process.process.pid)]
        return found

    def _keep(self) -> None:
        """Start again what has ended and is not held down."""
        while not self._ended.wait(0.5):
            for name, process in self.processes.items():
                with self._deciding:
                    if name in self.held_down or process.running or self._ended.is_set():
                        continue
                    if process.process is not None:
                        self.deaths[name].append(process.process.returncode or 0)
                    process.start()

    # What faults do

    def signal(self, number: int, *names: str) -> None:
        """Send a signal to programs and their children (SIGSTOP and SIGCONT: to all of them)."""
        for name in names:
            all_of_them = number in (signal.SIGSTOP, signal.SIGCONT)
            for pid in self.pids(name) if all_of_them else [self.pid(name)]:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue

    def kill(self, *names: str) -> None:
        """Kill programs; they stay down until `up`."""
        with self._deciding:
            self.held_down.update(names)
        for name in names:
            self.processes[name].kill9()

    def up(self, *names: str) -> None:
        """Let the keeper start them again."""
        self.held_down.difference_update(names)

    def set_clock(self, offset: str, *names: str) -> None:
        """Have the clocks of programs go wrong, as "+30s" or "-1d"; "+0": right again."""
        for name in names:
            self.clocks[name].write_text(f"{offset}\n", "ascii")

    # Who asks

    def _learn(self) -> None:
        with self.work() as db:
            stations = list(db.scalars(select(Station)))
            about = {"tenant_id": stations[0].tenant_id, "role": Role.ADMIN}
            now = datetime.now(UTC)
            user = staff.create(db, SYSTEM, email="o@example.org", name="Otto", now=now, **about)
            _, self.token = api_tokens.issue(db, SYSTEM, user, name="Faults", now=now)
            ours = {station.identity: station.id for station in stations}
            self.numbers = {name: ours[name] for name in ours if name != self.spare[0]}


#: In MiB, by what lies there: each has room for what a long run writes.
_DISCS = {"postgres": 600, "data": 200}


@contextmanager
def small_discs(folder: Path) -> Iterator[list[str]]:
    """Have what Ampdesk and PostgreSQL write on small discs; none where that is not possible."""
    with ExitStack() as stack:
        made = []
        for name, size in _DISCS.items():
            (folder / name).mkdir()
            how = ["-t", "tmpfs", "-o", f"size={size}m,mode=755", "tmpfs", folder / name]
            mounted = not os.geteuid() and subprocess.run(["mount", *how], capture_output=True)
            if mounted and mounted.returncode == 0:
                end = ["umount", "--lazy", folder / name]
                stack.callback(subprocess.run, end, check=False)
                made.append(name)
        yield made


def _rss(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def faketime() -> str | None:
    """The library that gives a program a clock of its own; None where there is none that works."""
    spec = importlib.util.find_spec("libfaketime")
    folders: Sequence[str] = (spec and spec.submodule_search_locations) or ()
    found = [str(path) for folder in folders for path in Path(folder).rglob("libfaketime.so.1")]
    for library in (*found, _DEBIAN):
        if Path(library).exists():
            tried = {**os.environ, "LD_PRELOAD": library, "FAKETIME": "@2001-01-01 12:00:00"}
            asked = subprocess.run(["date", "+%Y"], env=tried, capture_output=True, text=True)
            if asked.stdout.strip() == "2001":
                return library
    return None


class Orders(threading.Thread):
    """Gives orders by the API all the while, each with a mark of its own, to one at random.

    `given` are those that the desk took (mark -> command's id), `doubtful` those of which nobody
    heard what became.
    """

    def __init__(self, nodes: Nodes, pause_s: float = 0.3) -> None:
        super().__init__(daemon=True, name="orders")
        self._nodes, self._pause_s = nodes, pause_s
        self.given: dict[str, int] = {}
        self.doubtful: set[str] = set()
        self.refused: list[str] = []
        self._ended = threading.Event()
        self._number = 0
        self._lock = threading.Lock()

    def run(self) -> None:
        dice = random.Random(self._nodes.dice.random())
        desk = ApiClient(self._nodes)
        while not self._ended.wait(self._pause_s):
            self.give(desk, dice.choice(self._nodes.chargers))

    def stop(self) -> None:
        """Give no more."""
        self._ended.set()
        if self.is_alive():
            self.join(40)

    def give(self, desk: "ApiClient", charger: Charger, wait_s: int = 0) -> dict[str, Any] | None:
        """Give one order; return it as the desk has it, None where it took none."""
        with self._lock:
            self._number += 1
            mark = f"mark-{self._number}"
        about = {"vendor_id": "faults", "message_id": "mark", "data": mark}
        asked = {"order": "data_transfer", "arguments": about, "expires_in_s": ORDER_TTL_S}
        path = f"/api/v1/stations/{self._nodes.numbers[charger.identity]}/orders"
        try:
            status, found = desk.post(path + (f"?wait={wait_s}" if wait_s else ""), asked)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.refused.append(repr(error))
            self.doubtful.add(mark)
            return None
        if status not in (200, 201, 202):
            self.refused.append(f"{status} {found.get('detail') or found.get('title')}")
            if status >= 500:
                self.doubtful.add(mark)
            return None
        self.given[mark] = int(found["id"])
        return {**found, "mark": mark}


class ApiClient:
    """The API by one connection, made again when it was lost."""

    def __init__(self, nodes: Nodes) -> None:
        self._port = nodes.settings.web_port
        self._headers = {"Authorization": f"Bearer {nodes.token}"}
        self._headers["Content-Type"] = "application/json"
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask for something; return the status and what was answered."""
        return self.ask("POST", path, json.dumps(body))

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, Any]]:
        """Ask for anything; raises OSError and what http.client raises."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def instant_text(at: float) -> str:
    """A time for people."""
    return time.strftime("%H:%M:%S", time.localtime(at))
