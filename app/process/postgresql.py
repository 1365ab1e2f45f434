"""PostgreSQL: how its connections wait, and when a server that does not answer counts as away."""

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from app.extensions import gevent_has_sockets
from app.process import clock
from app.uow import lock_patience, patience_s

#: A connection to PostgreSQL that was idle for longer is asked whether it still lives, in seconds.
IDLE_S = 5.0
#: How long a connection that was idle may take to say that it lives, in seconds.
PING_S = 2.0
#: How long a server may take for an answer before it counts as away, in seconds: for this piece of
#: work, and for all of this process (`mind_writes`).  None: as long as it takes.
answer_s: ContextVar[float | None] = ContextVar("answer_s", default=None)
_answers: dict[str, float] = {}
#: The server itself ends what is limited by `patience_s`; where it does not, it is frozen.
FROZEN_S = 5.0
#: How long anybody waits for a lock, in seconds: a process that was frozen may hold it.
LOCKED_S = 30.0


#: A server that owes an answer for so long is asked whether it lives, again and again, and may take
#: so long to say so, in seconds.  A statement may take long; a frozen server tells nobody anything.
LOOKS_S, SAYS_S = 3.0, 2.0
#: What asks a server whether it speaks TLS: whoever lives answers, before any password.
_LIVES = struct.pack("!ii", 8, 80_877_103)


def mind_answers() -> None:
    """Have psycopg hang up on a server that does not answer.

    The library finds the connection broken then, as it would if the server had ended it.  Under
    gevent it waits by the hub's own watchers: what it does by itself is a poll in Python with a
    timer, for every round trip.
    """
    from psycopg import waiting

    waiting.wait = _wait_in_greenlet if gevent_has_sockets() else _wait_in_thread  # type: ignore[assignment]


def _limit_s() -> float | None:
    patience = patience_s.get()
    return (answer_s.get() or _answers.get("s")) if patience is None else patience + FROZEN_S


def _wait_in_greenlet(
    generator: Any, fileno: int, interval: float = 0.0, timeout: Any = None
) -> Any:
    from gevent import get_hub, spawn
    from psycopg import waiting

    if timeout is not None:
        return waiting.wait_poll(generator, fileno, interval, timeout)
    hub, limit_s = get_hub(), _limit_s()

    def look(owed: list[bool]) -> None:
        if owed and not _lives(fileno) and owed:
            _hang_up(fileno)

    try:
        state = next(generator)
        while True:
            # Reading is 1 and writing 2 in both; to try what is not ready yet does no harm.
            watcher, owed = hub.loop.io(fileno, state), [True]
            looks = hub.loop.timer(LOOKS_S, repeat=LOOKS_S)
            looks.start(spawn, look, owed)
            timer = limit_s and hub.loop.timer(limit_s)
            if timer:
                timer.start(_hang_up, fileno)
            try:
                hub.wait(watcher)
            finally:
                owed.clear()
                for each in filter(None, (watcher, looks, timer)):
                    each.close()
            state = generator.send(state)
    except StopIteration as done:
        return done.value


def _wait_in_thread(generator: Any, fileno: int, interval: float = 0.0, timeout: Any = None) -> Any:
    from psycopg import waiting

    if timeout is not None:
        return waiting.wait_poll(generator, fileno, interval, timeout)
    limit_s = _limit_s()
    try:
        state = next(generator)
        while True:
            since, poll = time.monotonic(), select.poll()
            poll.register(fileno, _EVENTS[int(state)])
            while not poll.poll(1000 * min(LOOKS_S, limit_s or LOOKS_S)):
                late = limit_s is not None and time.monotonic() - since >= limit_s
                if late or not _lives(fileno):
                    _hang_up(fileno)
            state = generator.send(state)
    except StopIteration as done:
        return done.value


_EVENTS = {1: select.POLLIN, 2: select.POLLOUT, 3: select.POLLIN | select.POLLOUT}


def _hang_up(fileno: int) -> None:
    with contextlib.suppress(OSError), _line(fileno) as line:
        line.shutdown(socket.SHUT_RDWR)


def _lives(fileno: int) -> bool:
    """Whether the server at the other end of a connection answers somebody who is new."""
    try:
        with _line(fileno) as line:
            family, address = line.family, line.getpeername()
        with socket.socket(family, socket.SOCK_STREAM) as asking:
            asking.settimeout(SAYS_S)
            asking.connect(address)
            asking.sendall(_LIVES)
            return asking.recv(1) != b""
    except OSError:
        return False


def _line(fileno: int) -> Any:
    """The socket of a connection, which stays open when this is closed."""
    kind: Any = socket.socket
    if gevent_has_sockets():
        from gevent.monkey import get_original

        kind = get_original("socket", "socket")
    return kind(fileno=os.dup(fileno))


def mind_writes(engine: Engine, within_s: float) -> None:
    """Have this process's statements end within so long, and hang up on a server that is frozen.

    For a process whose writes are short; what is long by right runs elsewhere.  What SQLite needs
    to take one row back stays in memory, then: a session has more indexes than it keeps there by
    itself, and a file that is made and removed takes half of the time of the row.
    """
    if engine.dialect.name != "postgresql":
        lock_patience["s"] = within_s
        event.listen(engine, "connect", _without_files)
        return
    _answers["s"] = within_s + FROZEN_S
    limits = {
        "statement_timeout": _ms(within_s),
        "lock_timeout": _ms(within_s / 2),
        "idle_in_transaction_session_timeout": _ms(6 * within_s),
    }

    _set_at_connect(engine, limits)
    event.listen(engine, "connect", _keeping_statements)


def _keeping_statements(connection: Any, _record: Any) -> None:
    """Have a connection keep over a rollback what it had the server prepare.

    psycopg drops all of it then, in case a table went that was made before; nobody makes tables
    here, what only reads ends in a rollback, and the next commit takes the same connection.  Where
    a statement fails all of it goes: a step of the tables may have changed what it returns.
    """
    from psycopg import _preparing
    from psycopg.pq import ExecStatus

    failed = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)

    class Kept(_preparing.PrepareManager):
        def maybe_add_to_cache(self, query: Any, prep: Any, name: bytes) -> Any:
            super().maybe_add_to_cache(query, prep, name)
            return self.key(query)  # has each looked at as it ends, not only those that are new

        def validate(self, key: Any, prep: Any, name: bytes, results: Any) -> None:
            if results[-1].status in failed:
                super().clear()
            else:
                super().validate(key, prep, name, results)

        def clear(self) -> bool:
            return False

    connection._prepared = Kept()


def _without_files(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA temp_store=MEMORY").close()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _set_at_connect(engine: Engine, wanted: Mapping[str, int]) -> None:
    """Set the server's settings for each new connection."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name, value in wanted.items():
                cursor.execute(f"SET {name} = {value}")
        connection.autocommit = False


def tune(engine: Engine) -> None:
    """Ask a connection whether it lives only when it was idle, and now and then what time it is.

    Commits of units of work that need not be durable do not wait for the disk, and nobody waits
    for a lock without end.  No statement is shared among processes of the server: helpers read on
    after a page has its fifty rows, and what they take of the processors others wait for.
    """
    wanted = {"lock_timeout": _ms(LOCKED_S), "max_parallel_workers_per_gather": 0}
    _set_at_connect(engine, wanted)
    # A server that takes no writes (its disk is full, another one took its place) is no fault of
    # ours, as the library has it, but the server's; and so is a database that is behind its
    # migrations, as it is with SQLite.
    of_the_server = ("ReadOnlySqlTransaction", "UndefinedTable", "UndefinedColumn")
    engine.dialect.dbapi_exception_translation_map = dict.fromkeys(
        of_the_server, "OperationalError"
    )

    def ask_time() -> None:
        with contextlib.suppress(SQLAlchemyError), engine.begin():
            pass

    clock.SHARED.ask = ask_time

    @event.listens_for(engine, "checkin")
    def put_back(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def take(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", 0.0) < IDLE_S:
            return
        limit = answer_s.set(PING_S)
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("the connection has ended meanwhile") from error
        finally:
            answer_s.reset(limit)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        clock.SHARED.keep(connection.connection)
        options, patience = connection.get_execution_options(), patience_s.get()
        if patience is not None and not options.get("write"):
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_ms(patience)}")
        if not options.get("durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
