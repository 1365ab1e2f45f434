"""The database: how the engines of both kinds are tuned, and the unit of work, which alone commits.

A unit of work begins a write transaction (IMMEDIATE on SQLite), commits when
its block ends, and only then lets the reactions act on the facts recorded.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar

import orjson
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import reactions
from app.domain.commands.orders import catalogue  # noqa: F401  (what follows commands is known everywhere)
from app.domain.ground import events, texts
from app.domain.ground.clock import let_others_run
from app.extensions import db as flask_db
from app.extensions import thread_pool
from app.process import traces

Row = TypeVar("Row")

#: How long a writer waits for another process's write to end, in seconds; a worker less long, for
#: chargers wait for it (`app.process.postgresql.mind_writes`).
lock_patience = {"s": 20.0}
#: Work on SQLite lets others run after so long of its own, in seconds of the processor: it never
#: waits for its database by itself.
SQLITE_PAUSE_S = 0.01
#: SQLite's steps after which a long read looks at the clock: about a millisecond.
SQLITE_STEPS = 10_000
#: How long what only reads may take, in seconds: a page waits less long than a file.  None: as
#: long as it takes, as whatever writes, and all that no request asked for.
patience_s: ContextVar[float | None] = ContextVar("patience_s", default=None)

#: What the first unit of work of a request that commits does before all else (`app.web.once`).
beforehand: ContextVar[Callable[[Session], None] | None] = ContextVar("beforehand", default=None)


class CooperativeConnection(sqlite3.Connection):
    """A SQLite connection whose commit (an fsync) does not stall the other greenlets.

    Under gevent the commit runs in the hub's thread pool; without gevent it is
    an ordinary commit.  Those of one process that write take turns in the order they came,
    or a busy one would hardly let another in: the file's own lock knows no queue.
    """

    _turns: ClassVar[dict[str, threading.Lock]] = {}

    def __init__(self, database: str, *given: Any, **named: Any) -> None:
        super().__init__(database, *given, **named)
        self._turn = self._turns.setdefault(str(database), threading.Lock())
        self._mine = False

    def take_turn(self, within_s: float) -> None:
        """Wait until nobody else of this process writes; raises OperationalError."""
        if not self._turn.acquire(timeout=within_s):
            raise sqlite3.OperationalError("database is locked")
        self._mine = True

    def end_turn(self) -> None:
        """Let the next one write."""
        if self._mine:
            self._mine = False
            self._turn.release()

    def end_within(self, seconds: float | None) -> None:
        """Have reads interrupted after so long (None: never), and let others run meanwhile."""
        if seconds is None:
            self.set_progress_handler(None, 0)
            return
        ran_since = time.thread_time()
        deadline = time.monotonic() + seconds

        def interrupt() -> bool:
            # Whoever gives way at each step waits each time until all others gave way once.
            nonlocal ran_since
            if time.thread_time() - ran_since > SQLITE_PAUSE_S:
                let_others_run()
                ran_since = time.thread_time()
            return time.monotonic() > deadline

        self.set_progress_handler(interrupt, SQLITE_STEPS)

    def commit(self) -> None:
        """Commit, in another thread where a gevent hub runs in this one."""
        pool = thread_pool()
        if pool is None:
            super().commit()
        else:
            pool.apply(super().commit)
        self.end_turn()

    def rollback(self) -> None:
        """Take back what was not committed."""
        try:
            super().rollback()
        finally:
            self.end_turn()

    def close(self) -> None:
        """Close, whatever it was in."""
        try:
            super().close()
        finally:
            self.end_turn()


def _from_json(stored: Any) -> Any:
    """Read what a JSON column holds; SQLite keeps a bare number as a number."""
    return stored if isinstance(stored, (int, float)) else orjson.loads(stored)


#: When a host of PostgreSQL counts as gone: what the address of the database says goes before.
_GIVES_UP = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

_SHARED = {
    # What was to be stored may be a secret: errors that are logged do not repeat it.
    "hide_parameters": True,
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": _from_json,
}


def engine_options(uri: str) -> dict[str, Any]:
    """What create_engine needs for this database."""
    if uri.startswith("sqlite"):
        return {
            **_SHARED,
            # A connection knows what indexes are worth from when it was opened.
            "pool_recycle": 600,
            "connect_args": {
                "factory": CooperativeConnection,
                "check_same_thread": False,
                "timeout": 0.02,
            },
        }
    return {
        **_SHARED,
        "connect_args": {name: value for name, value in _GIVES_UP.items() if name not in uri},
        # The connection that was used last knows the statements, and the processor its process.
        "pool_use_lifo": True,
        "pool_size": 10,
        "max_overflow": 10,
        "pool_timeout": 10,
    }


def tune_sqlite(engine: Engine) -> None:
    """Make SQLite durable (WAL, synchronous FULL) and its write lock cooperative.

    The driver's own transactions are off; a unit of work begins IMMEDIATE, so
    that it never has to upgrade a read lock.  SQLite's busy time-out sleeps
    inside C, which would stop every greenlet: the wait is here instead.  Long
    work lets other greenlets run between its statements.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.create_function("sorting", 1, texts.sorting, deterministic=True)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "wal_autocheckpoint=4000",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "after_cursor_execute")
    def pause(connection: Any, *_: Any) -> None:
        ran_since = connection.info.setdefault("ran_since", time.thread_time())
        if time.thread_time() - ran_since > SQLITE_PAUSE_S:
            let_others_run()
            connection.info["ran_since"] = time.thread_time()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.info["ran_since"] = time.thread_time()
        raw = connection.connection.driver_connection
        if not connection.get_execution_options().get("write"):
            raw.end_within(patience_s.get())
            connection.exec_driver_sql("BEGIN")
            return
        raw.end_within(None)
        cursor = connection.connection.cursor()
        durable = connection.get_execution_options().get("durable", True)
        if connection.info.setdefault("durable", True) is not durable:
            cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.info["durable"] = durable
        deadline = time.monotonic() + lock_patience["s"]
        try:
            raw.take_turn(lock_patience["s"])
            _begin_immediate(cursor, deadline)
        except sqlite3.OperationalError as error:
            raw.end_turn()
            # What a listener raises is not translated: it would pass for a fault of ours.
            raise OperationalError("BEGIN IMMEDIATE", {}, error) from error


def _begin_immediate(cursor: Any, deadline: float) -> None:
    """Begin to write as soon as no other process does, or raise what SQLite does in the end."""
    while True:
        try:
            cursor.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.002)


#: So many rows of an index tell what it is worth: all indexes take some milliseconds.
_SAMPLED = 1000
_OF_TENANTS = """
    SELECT idx, stat FROM sqlite_stat1 WHERE idx IN (
        SELECT held.name FROM sqlite_schema AS held, pragma_index_info(held.name) AS part
        WHERE held.type = 'index' AND part.seqno = 0 AND part.name = 'tenant_id'
    )
"""


def weigh_indexes() -> None:
    """Have SQLite look anew at what its indexes are worth; PostgreSQL does so by itself.

    Without that it guesses, and a list of many rows takes ten times as long.  What a look at some
    rows cannot tell is said here: that nearly all rows may be one tenant's.
    """
    if flask_db.engine.dialect.name != "sqlite":
        return
    with unit_of_work() as db:
        run = db.connection().exec_driver_sql
        run(f"PRAGMA analysis_limit={_SAMPLED}")
        run("ANALYZE")
        tenants = run("SELECT max(count(*), 1) FROM tenants").scalar_one()
        for index, stat in run(_OF_TENANTS).all():
            rows, alike, *rest = stat.split()
            alike = max(int(alike), int(rows) // tenants)
            told = " ".join([rows, str(alike), *rest])
            run("UPDATE sqlite_stat1 SET stat = ? WHERE idx = ?", (told, index))


def took_too_long(error: OperationalError) -> bool:
    """Tell whether a statement was ended because nobody waits for it any longer."""
    state = getattr(error.orig, "sqlstate", None)
    return state == "57014" or str(error.orig) == "interrupted"


#: Rows of a long piece of work that are written in one unit: some tenths of a second at most.
UNIT = 200


def in_units(rows: Sequence[Row], write: Callable[[Session, Sequence[Row]], None]) -> None:
    """Write rows in units of work of some at a time, between which others get their turn."""
    for first in range(0, len(rows), UNIT):
        with unit_of_work() as db:
            write(db, rows[first : first + UNIT])


@contextmanager
def unit_of_work(
    *, durable: bool = True, causes: Collection[Any] = (), aside: bool = False
) -> Iterator[Session]:
    """Open the app context's session for writing; commit at the end, roll back on any error.

    What was read before is read again: rows that the caller holds are expired,
    so that a decision is taken on what the write transaction sees.  A commit that need not be
    `durable` does not wait for the disk: the next one that does takes it along.  It is for what
    nobody is told of before that.  `causes` are the traces of what it does, if they are others'
    than the one in hand (`app.process.traces.here`).  What is noted `aside` is not what the
    request is for.
    """
    db = flask_db.session()
    db.rollback()
    events.take(db)
    with traces.unit(causes):
        db.connection(execution_options={"write": True, "durable": durable})
        first = None if aside else beforehand.get()
        try:
            if first is not None:
                first(db)
            yield db
            db.commit()
        except BaseException:
            db.rollback()
            events.take(db)
            raise
        if first is not None:
            beforehand.set(None)
        reactions.react(events.take(db))
