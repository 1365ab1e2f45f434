"""The extensions, not yet bound to an application, and the engine's settings."""

import logging
from collections.abc import Callable
from typing import Any

import redis
from flask import current_app, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.config import Settings
from app.domain.ground import texts
from app.domain.ground.errors import Busy
from app.models import Base

db = SQLAlchemy(metadata=Base.metadata)
migrate = Migrate(directory="migrations", render_as_batch=True)
login = LoginManager()
csrf = CSRFProtect()
htmx = Htmx()
babel = Babel()
limiter = Limiter(
    lambda: texts.household(request.remote_addr), default_limits=[], strategy="fixed-window"
)

log = logging.getLogger(__name__)


def the_settings() -> Settings:
    """The settings of the application that runs."""
    found: Settings = current_app.config["SETTINGS"]
    return found


#: What is raised while Redis or the database cannot be reached.
AWAY = (redis.RedisError, SQLAlchemyError)
#: SQLite's errors of a file that cannot be had now: busy, locked, no room, no such file or disk.
_SQLITE_AWAY = frozenset({5, 6, 8, 10, 13, 14, 15})
#: PostgreSQL's classes of errors of a server that is away, ends, has no room or takes no writes, or
#: whose tables somebody locks; a statement that takes too long is the statement's own fault.
_POSTGRESQL_AWAY = ("08", "25006", "53", "55P03", "57P", "58")


def is_away(error: Exception) -> bool:
    """Whether an error says that the database cannot be reached or cannot store anything now."""
    cause = getattr(error, "orig", None)
    if (state := getattr(cause, "sqlstate", None)) is not None:
        return str(state).startswith(_POSTGRESQL_AWAY)
    number = getattr(cause, "sqlite_errorcode", None)
    return number is None or number & 0xFF in _SQLITE_AWAY


#: Of a file or server that others use just now: SQLite's busy and locked; PostgreSQL's collisions,
#: connections and memory that are all taken, and locks that were not given.
_SQLITE_BUSY, _POSTGRESQL_BUSY = frozenset({5, 6}), ("40", "532", "533", "55P03")


def is_busy(error: Exception) -> bool:
    """Whether an error says that the database is there, and had no time or room for this now."""
    cause = getattr(error, "orig", None)
    if (state := getattr(cause, "sqlstate", None)) is not None:
        return str(state).startswith(_POSTGRESQL_BUSY)
    number = getattr(cause, "sqlite_errorcode", 0)
    return isinstance(error, PoolTimeout) or number & 0xFF in _SQLITE_BUSY


#: Of a file or server that can be read but not written: SQLite's read-only and full, PostgreSQL's.
_SQLITE_READS, _POSTGRESQL_READS = frozenset({8, 13}), ("25006", "53100")


def takes_no_writes(error: Exception) -> bool:
    """Whether an error says that the database is there and stores nothing now."""
    cause = getattr(error, "orig", None)
    if (state := getattr(cause, "sqlstate", None)) is not None:
        return str(state) in _POSTGRESQL_READS
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_READS


def gevent_has_sockets() -> bool:
    """Whether the waits of this process are those of gevent."""
    try:
        from gevent import monkey
    except ImportError:
        return False
    return bool(monkey.is_module_patched("socket"))


def thread_pool() -> Any:
    """The hub's threads, where gevent has the sockets of this process; else None."""
    if not gevent_has_sockets():
        return None
    from gevent.hub import _get_hub

    hub = _get_hub()
    return None if hub is None else hub.threadpool


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Do what asks neither database nor request in a thread, while the loop goes on."""
    pool = thread_pool()
    return work() if pool is None else pool.apply(work)


#: Slow sums that wait their turn in one lane; beyond that they are refused at once.
MOST_WAITING = 50
_lanes: dict[bool, Any] = {}


def off_the_loop(work: Callable[[], Any], ahead: bool) -> Any:
    """Do slow sums in a thread of their own, one after another, while the loop goes on.

    There is one lane for everybody and one for those who go `ahead`; raises `Busy`
    when too many wait in a lane.  Without gevent the sums are simply done.
    """
    if thread_pool() is None:
        return work()
    from gevent.threadpool import ThreadPool

    if ahead not in _lanes:
        _lanes[ahead] = ThreadPool(1)
    lane = _lanes[ahead]
    if len(lane) > MOST_WAITING:
        raise Busy("Too many people sign in at this moment; try again in a few seconds.")
    return lane.apply(work)
