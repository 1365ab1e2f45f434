"""The extensions, not yet bound to an application, and the engine's settings."""

import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from celery import Celery, signals
from flask import Flask, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

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
limiter = Limiter(lambda: texts.household(request.remote_addr), default_limits=[])

log = logging.getLogger(__name__)

#: What is raised while Redis or the database cannot be reached.
AWAY = (redis.RedisError, SQLAlchemyError)


def make_redis(url: str) -> redis.Redis:
    """Build a client whose calls fail within a second when Redis is away."""
    return redis.Redis.from_url(url, socket_connect_timeout=1.0, socket_timeout=1.0)


@dataclass(frozen=True, slots=True)
class RedisState:
    """How long Redis took to answer, in seconds, and how many tasks wait in it for Celery.

    `oldest_s` is for how long the first of them waits; None where none does, or it does not say.
    """

    took_s: float
    waiting: int
    oldest_s: float | None = None


def redis_state(client: redis.Redis) -> RedisState | None:
    """Ask Redis how it is; None when it does not answer."""
    began = time.monotonic()
    try:
        waiting = client.llen("celery")
        took_s = time.monotonic() - began
        first = client.lindex("celery", -1) if waiting else None
    except redis.RedisError:
        return None
    return RedisState(took_s, int(waiting), _waits_s(first))


def _waits_s(task: bytes | str | None) -> float | None:
    try:
        asked_at = float(json.loads(task or b"")["headers"][_ASKED_AT])
    except (ValueError, KeyError, TypeError):
        return None
    return max(time.time() - asked_at, 0.0)


#: The header in which a task says when it was asked for, in seconds since 1970.
_ASKED_AT = "asked_at"


def _note_time(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Write into a task when it was asked for: what waits in the queue tells its age by it."""
    if headers is not None:
        headers[_ASKED_AT] = time.time()


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


def make_celery(app: Flask) -> Celery:
    """Build Celery inside the Flask application: each task runs in an app context."""
    settings = app.config["SETTINGS"]

    class FlaskTask(celery_task_class()):  # type: ignore[misc]
        def __call__(self, *args: object, **kwargs: object) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery("ampdesk", task_cls=FlaskTask)
    signals.before_task_publish.connect(_note_time)
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
            "watch_alerts": {"task": "watch_alerts", "schedule": float(settings.sweep_s)},
            "tell_webhooks": {"task": "tell_webhooks", "schedule": 5.0},
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


# Whether the database has the tables that this version needs; each server asks at its start.

_BEHIND = "The database is behind this version of Ampdesk: `flask db upgrade` brings it up to date."
_AHEAD = "The database was used by a newer version of Ampdesk; this one leaves it alone."


def heads() -> list[str]:
    """The newest migrations that this version knows: what the database should be at."""
    return _scripts().get_heads()


def migrations() -> list[tuple[str, str]]:
    """The steps of the tables, the newest first: each one's number, and what it does in words."""
    return [(script.revision, script.doc) for script in _scripts().walk_revisions()]


def _scripts() -> ScriptDirectory:
    configuration = Config()
    folder = Path(__file__).resolve().parent.parent / "migrations"
    configuration.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(configuration)


def refusal(settings: Settings) -> str | None:
    """Return the sentence that says why the database cannot be used, None when it can."""
    scripts = _scripts()
    engine = create_engine(settings.database_uri, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            found = set(MigrationContext.configure(connection).get_current_heads())
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        return f"The database cannot be used: {reason}. AMPDESK_DATABASE_URL names it."
    if found == set(scripts.get_heads()):
        return None
    known = {script.revision for script in scripts.walk_revisions()}
    return _BEHIND if found <= known else _AHEAD


def check_or_exit(settings: Settings) -> None:
    """End the process with status 2 and one sentence when the database cannot be used."""
    sentence = refusal(settings)
    if sentence:
        print(f"ampdesk: {sentence}", file=sys.stderr, flush=True)
        raise SystemExit(2)
