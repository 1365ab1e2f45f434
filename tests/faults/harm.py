"""How things go wrong: what each does before it yields is the fault, what it does after its end."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import redis
from sqlalchemy import insert, select

from app.domain.commands import broadcasts
from app.domain.ground.vocabulary import SYSTEM, Order
from app.models import Station
from tests.faults.nodes import Nodes
from tests.faults.unruly import Deaf, Flood
from tests.support.slow_disc import slow_writes
from tests.support.wait import passing

Inflict = Callable[[Nodes], Iterator[None]]


def killed(*names: str) -> Inflict:
    """Programs are killed, and started again when the fault is over."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        nodes.kill(*names)
        yield
        nodes.up(*names)

    return inflict


def restarted(*names: str) -> Inflict:
    """Programs are killed and started again at once, whatever else is wrong."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        nodes.kill(*names)
        nodes.up(*names)
        yield

    return inflict


def stopped(*names: str) -> Inflict:
    """Programs stand still, as on a computer that hangs."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        nodes.signal(signal.SIGSTOP, *names)
        yield
        nodes.signal(signal.SIGCONT, *names)

    return inflict


def asked_to_end(*names: str) -> Inflict:
    """Programs are asked to end one after another, each once the one before is back."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        for name in names:
            deaths = len(nodes.deaths[name])
            nodes.signal(signal.SIGTERM, name)
            _until(lambda name=name, deaths=deaths: len(nodes.deaths[name]) > deaths, 60)
            _until(lambda name=name: nodes.processes[name].running, 30)
        yield

    return inflict


def database(how: int) -> Inflict:
    """PostgreSQL is ended by a signal, and started when the fault is over."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        if how == signal.SIGKILL:
            nodes.cluster.kill9()
        else:
            nodes.cluster.stop(how)
        yield
        nodes.cluster.start()

    return inflict


def database_frozen(nodes: Nodes) -> Iterator[None]:
    """All processes of PostgreSQL stand still."""
    nodes.cluster.freeze()
    yield
    nodes.cluster.thaw()


def database_drops_all(nodes: Nodes) -> Iterator[None]:
    """PostgreSQL ends every connection, and takes new ones."""
    nodes.cluster.cut_off()
    yield


def wires(which: str, how: str, *names: str, late_s: float = 0.0) -> Inflict:
    """Wires of programs to "database" or "redis" are cut, on hold or slow."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        relays = nodes.to_database if which == "database" else nodes.to_redis
        for name in names:
            match how:
                case "cut":
                    relays[name].cut()
                case "held":
                    relays[name].hold()
                case _:
                    relays[name].slow(late_s)
        yield
        for name in names:
            relays[name].mend()

    return inflict


def redis_down(nodes: Nodes) -> Iterator[None]:
    """Redis is killed, and started with what it had on disc."""
    nodes.kill9("redis")
    yield
    nodes.restart("redis")


def redis_empty(nodes: Nodes) -> Iterator[None]:
    """Redis is killed and comes back without what it had."""
    nodes.kill9("redis")
    shutil.rmtree(nodes.data_dir / "redis" / "appendonlydir", ignore_errors=True)
    yield
    nodes.restart("redis")


def redis_flushed(nodes: Nodes) -> Iterator[None]:
    """Everything that Redis holds is gone at once."""
    redis.Redis.from_url(nodes.redis.url).flushall()
    yield


def redis_paused(nodes: Nodes) -> Iterator[None]:
    """Redis takes connections and answers nothing for some seconds."""
    redis.Redis.from_url(nodes.redis.url).execute_command("CLIENT", "PAUSE", 5000)
    yield


def redis_stands_still(nodes: Nodes) -> Iterator[None]:
    """Redis hangs."""
    process = nodes.redis.process.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    yield
    os.kill(process.pid, signal.SIGCONT)


def clock(offset: str, *names: str) -> Inflict:
    """The clock of programs is wrong."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        nodes.set_clock(offset, *names)
        yield
        nodes.set_clock("+0", *names)

    return inflict


def full(where: str) -> Inflict:
    """A disc is full: that of PostgreSQL ("postgres"), or of our own files ("data")."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        ballast = nodes.folder / where / "ballast"
        fill(ballast)
        yield
        ballast.unlink()
        if where == "postgres" and not nodes.cluster.process.running:
            nodes.cluster.start()

    return inflict


def slow_disc(*names: str, late_s: float = 0.1) -> Inflict:
    """A disc keeps whoever writes waiting: programs, or PostgreSQL ("postgres")."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        with slow_writes(nodes.pids(*names), late_s):
            yield

    return inflict


def mail(**wrong: object) -> Inflict:
    """The mail server does something else than keep mails."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        for name, value in wrong.items():
            setattr(nodes.mail, name, value)
        yield
        for name in wrong:
            setattr(nodes.mail, name, type(nodes.mail).__dict__.get(name))

    return inflict


def mail_away(nodes: Nodes) -> Iterator[None]:
    """Nobody listens where mails are to be given."""
    nodes.mail.stop()
    yield
    nodes.mail.start()


def moved(home: int | None, times: int = 1) -> Inflict:
    """All chargers come to the other node at once, each before its old socket is gone."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        for _ in range(times):
            nodes.crowd.move(home)
        yield
        for number, charger in enumerate(nodes.chargers):
            charger.home = number // 2 % 2

    return inflict


def lines_cut(nodes: Nodes) -> Iterator[None]:
    """The line of every charger is cut at once."""
    nodes.crowd.drop()
    yield


def flood(nodes: Nodes) -> Iterator[None]:
    """A charger sends as fast as it can."""
    with Flood(nodes):
        yield


def deaf(nodes: Nodes) -> Iterator[None]:
    """A charger asks and asks and reads no answer."""
    with Deaf(nodes):
        yield


UNREACHABLE = 2_000


def broadcast(nodes: Nodes) -> Iterator[None]:
    """An order is given to thousands of stations that are not there."""
    with nodes.work() as db:
        now = datetime.now(UTC)
        like = db.scalars(select(Station).order_by(Station.id)).first()
        assert like is not None
        names = [f"AWAY-{now:%H%M%S}-{number:04}" for number in range(UNREACHABLE)]
        shared = {"tenant_id": like.tenant_id, "site_id": like.site_id, "created_at": now}
        rows = [{"identity": name, "identity_key": name.casefold(), **shared} for name in names]
        away = list(db.scalars(insert(Station).returning(Station.id), rows))
        targets = [*away, *nodes.numbers.values()]
        about = (like.tenant_id, targets, Order.CLEAR_CACHE, {})
        broadcasts.start(db, SYSTEM, *about, now=now, ttl_s=60)
    yield


def together(*all_of_them: Inflict, apart_s: float = 1.0) -> Inflict:
    """One fault within another; they end in the opposite order."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for one in all_of_them:
                stack.enter_context(contextlib.contextmanager(one)(nodes))
                passing(apart_s)
            yield

    return inflict


def one_after_another(*all_of_them: Inflict) -> Inflict:
    """The first is over when the second begins; the second lasts."""

    def inflict(nodes: Nodes) -> Iterator[None]:
        *before, last = all_of_them
        for one in before:
            with contextlib.contextmanager(one)(nodes):
                passing(1.0)
        yield from last(nodes)

    return inflict


def _until(condition: Callable[[], object], within: float) -> None:
    end = time.monotonic() + within
    while not condition() and time.monotonic() < end:
        passing(0.1)


def fill(ballast: Path) -> None:
    """Write until there is no room left."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * (1 << 16))
