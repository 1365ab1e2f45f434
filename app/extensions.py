"""The extensions, not yet bound to an application, and the engine's settings."""

import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import redis
from celery import Celery
from flask import Flask, current_app, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from app.domain import addresses
from app.domain.errors import Busy
from app.models import Base

db = SQLAlchemy(metadata=Base.metadata)
migrate = Migrate(directory="migrations", render_as_batch=True)
login = LoginManager()
csrf = CSRFProtect()
htmx = Htmx()
babel = Babel()
limiter = Limiter(lambda: addresses.household(request.remote_addr), default_limits=[])

log = logging.getLogger(__name__)

#: What is raised while Redis or the database cannot be reached.
AWAY = (redis.RedisError, SQLAlchemyError)
#: How long a writer waits for another process's write to end, in seconds.
SQLITE_PATIENCE_S = 20.0
#: Work on SQLite lets others run so often, in seconds: it never waits for its database by itself.
SQLITE_PAUSE_S = 0.01

#: A connection to PostgreSQL that was idle for longer is asked whether it still lives, in seconds.
POSTGRESQL_IDLE_S = 5.0


def redis_client() -> "redis.Redis[Any]":
    """The application's Redis client; short time-outs, because Redis only nudges."""
    client: redis.Redis[Any] = current_app.extensions["redis"]
    return client


def make_redis(url: str) -> "redis.Redis[Any]":
    """Build a client whose calls fail within a second when Redis is away."""
    return redis.Redis.from_url(url, socket_connect_timeout=1.0, socket_timeout=1.0)


@dataclass(frozen=True, slots=True)
class RedisState:
    """How long Redis took to answer, in seconds, and how many tasks wait in it for Celery."""

    took_s: float
    waiting: int


def redis_state(client: "redis.Redis[Any]") -> RedisState | None:
    """Ask Redis how it is; None when it does not answer."""
    began = time.monotonic()
    try:
        waiting = client.llen("celery")
    except redis.RedisError:
        return None
    return RedisState(time.monotonic() - began, int(waiting))


class CooperativeConnection(sqlite3.Connection):
    """A SQLite connection whose commit (an fsync) does not stall the other greenlets.

    Under gevent the commit runs in the hub's thread pool; without gevent it is
    an ordinary commit.
    """

    def commit(self) -> None:
        """Commit, in another thread where a gevent hub runs in this one."""
        pool = _thread_pool()
        if pool is None:
            super().commit()
        else:
            pool.apply(super().commit)


def _gevent_has_sockets() -> bool:
    try:
        from gevent import monkey
    except ImportError:
        return False
    return bool(monkey.is_module_patched("socket"))


def _thread_pool() -> Any:
    if not _gevent_has_sockets():
        return None
    from gevent.hub import _get_hub

    hub = _get_hub()
    return None if hub is None else hub.threadpool


#: Slow sums that wait their turn in one lane; beyond that they are refused at once.
MOST_WAITING = 50
_lanes: dict[bool, Any] = {}


def off_the_loop(work: Callable[[], Any], ahead: bool) -> Any:
    """Do slow sums in a thread of their own, one after another, while the loop goes on.

    There is one lane for everybody and one for those who go `ahead`; raises `Busy`
    when too many wait in a lane.  Without gevent the sums are simply done.
    """
    if _thread_pool() is None:
        return work()
    from gevent.threadpool import ThreadPool

    if ahead not in _lanes:
        _lanes[ahead] = ThreadPool(1)
    lane = _lanes[ahead]
    if len(lane) > MOST_WAITING:
        raise Busy("Too many people sign in at this moment; try again in a few seconds.")
    return lane.apply(work)


_SHARED = {
    # What was to be stored may be a secret: errors that are logged do not repeat it.
    "hide_parameters": True,
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}


def engine_options(uri: str) -> dict[str, Any]:
    """What create_engine needs for this database."""
    if uri.startswith("sqlite"):
        return {
            **_SHARED,
            "connect_args": {
                "factory": CooperativeConnection,
                "check_same_thread": False,
                "timeout": 0.02,
            },
        }
    return {
        **_SHARED,
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
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "wal_autocheckpoint=4000",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "after_cursor_execute")
    def let_others_run(connection: Any, *_: Any) -> None:
        ran_since = connection.info.setdefault("ran_since", time.monotonic())
        if time.monotonic() - ran_since > SQLITE_PAUSE_S:
            time.sleep(0)
            connection.info["ran_since"] = time.monotonic()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.info["ran_since"] = time.monotonic()
        if not connection.get_execution_options().get("write"):
            connection.exec_driver_sql("BEGIN")
            return
        cursor = connection.connection.cursor()
        durable = connection.get_execution_options().get("durable", True)
        if connection.info.setdefault("durable", True) is not durable:
            cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.info["durable"] = durable
        deadline = time.monotonic() + SQLITE_PATIENCE_S
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.002)


def wait_with_gevent() -> None:
    """Have psycopg wait for PostgreSQL by the hub's own watchers, where gevent has the sockets.

    What it does by itself under gevent is a poll in Python with a timer, for every round trip.
    """
    if not _gevent_has_sockets():
        return
    from gevent import get_hub
    from psycopg import waiting

    def wait(generator: Any, fileno: int, interval: float = 0.0, timeout: Any = None) -> Any:
        if timeout is not None:
            return waiting.wait_poll(generator, fileno, interval, timeout)
        hub = get_hub()
        try:
            state = next(generator)
            while True:
                # Reading is 1 and writing 2 in both; to try what is not ready yet does no harm.
                watcher = hub.loop.io(fileno, state)
                try:
                    hub.wait(watcher)
                finally:
                    watcher.close()
                state = generator.send(state)
        except StopIteration as done:
            return done.value

    waiting.wait = wait


def tune_postgresql(engine: Engine) -> None:
    """Ask a connection whether it lives only when it was idle; let commits not wait for the disk.

    That is for units of work that need not be durable.
    """

    @event.listens_for(engine, "checkin")
    def put_back(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def take(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", 0.0) < POSTGRESQL_IDLE_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("the connection has ended meanwhile") from error

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if not connection.get_execution_options().get("durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def make_celery(app: Flask) -> Celery:
    """Build Celery inside the Flask application: each task runs in an app context."""
    settings = app.config["SETTINGS"]

    class FlaskTask(celery_task_class()):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery("ampdesk", task_cls=FlaskTask)
    celery.conf.update(
        broker_url=settings.redis_address,
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={
            "visibility_timeout": 120,
            "socket_timeout": 5.0,
            "socket_connect_timeout": 2.0,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        timezone="UTC",
        beat_schedule={
            "sweep": {"task": "sweep", "schedule": float(settings.sweep_s)},
            "sweep_certificates": {"task": "sweep_certificates", "schedule": 60.0},
            "housekeeping": {"task": "housekeeping", "schedule": 3600.0},
        },
        beat_schedule_filename=str(settings.data_dir / "celerybeat"),
    )
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


def celery_task_class() -> Any:
    """Celery's task base class."""
    from celery import Task

    return Task
