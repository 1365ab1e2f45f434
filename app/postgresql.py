"""PostgreSQL: how its connections wait, and when a server that does not answer counts as away."""

import contextlib
import os
import socket
import time
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from app import clock
from app.extensions import gevent_has_sockets
from app.uow import patience_s

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


def wait_with_gevent() -> None:
    """Have psycopg wait for PostgreSQL by the hub's own watchers, where gevent has the sockets.

    What it does by itself under gevent is a poll in Python with a timer, for every round trip.  A
    server that does not answer in time is hung up on.
    """
    if not gevent_has_sockets():
        return
    from gevent import get_hub
    from gevent.monkey import get_original
    from psycopg import waiting

    def hang_up(fileno: int) -> None:
        # The library finds the connection broken, as it would if the server had ended it.
        with contextlib.suppress(OSError):
            line = get_original("socket", "socket")(fileno=os.dup(fileno))
            line.shutdown(socket.SHUT_RDWR)
            line.close()

    def wait(generator: Any, fileno: int, interval: float = 0.0, timeout: Any = None) -> Any:
        if timeout is not None:
            return waiting.wait_poll(generator, fileno, interval, timeout)
        hub, limit_s, patience = get_hub(), answer_s.get() or _answers.get("s"), patience_s.get()
        if patience is not None:
            limit_s = patience + FROZEN_S
        try:
            state = next(generator)
            while True:
                # Reading is 1 and writing 2 in both; to try what is not ready yet does no harm.
                watcher = hub.loop.io(fileno, state)
                timer = limit_s and hub.loop.timer(limit_s)
                if timer:
                    timer.start(hang_up, fileno)
                try:
                    hub.wait(watcher)
                finally:
                    watcher.close()
                    if timer:
                        timer.close()
                state = generator.send(state)
        except StopIteration as done:
            return done.value

    waiting.wait = wait  # type: ignore[assignment]


def mind_writes(engine: Engine, within_s: float) -> None:
    """Have this process's statements end within so long, and hang up on a server that is frozen.

    For a process whose writes are short; what is long by right runs elsewhere.
    """
    if engine.dialect.name != "postgresql":
        return
    _answers["s"] = within_s + FROZEN_S
    limits = {
        "statement_timeout": within_s,
        "lock_timeout": within_s / 2,
        "idle_in_transaction_session_timeout": 6 * within_s,
    }

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name, seconds in limits.items():
                cursor.execute(f"SET {name} = {round(seconds * 1000)}")
        connection.autocommit = False


def tune(engine: Engine) -> None:
    """Ask a connection whether it lives only when it was idle, and now and then what time it is.

    Commits of units of work that need not be durable do not wait for the disk.
    """

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
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(patience * 1000)}")
        if not options.get("durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
