"""The extensions, not yet bound to an application, and the engine's settings."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery
from flask import Flask, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy.exc import SQLAlchemyError

from app import engines
from app.domain.ground import addresses
from app.domain.ground.errors import Busy
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


#: Slow sums that wait their turn in one lane; beyond that they are refused at once.
MOST_WAITING = 50
_lanes: dict[bool, Any] = {}


def off_the_loop(work: Callable[[], Any], ahead: bool) -> Any:
    """Do slow sums in a thread of their own, one after another, while the loop goes on.

    There is one lane for everybody and one for those who go `ahead`; raises `Busy`
    when too many wait in a lane.  Without gevent the sums are simply done.
    """
    if engines.thread_pool() is None:
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
