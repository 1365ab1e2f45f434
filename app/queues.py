"""Redis and Celery: how they are reached, which queue each task waits in, and what waits there.

Each kind of work has a queue of its own, and none of its tasks runs twice in a process
(`app.tasks.rounds.one_at_a_time`): whoever is slow, a mail server or a large export, takes one
thread and holds up nobody else.  A site may give each queue a process (AMPDESK_TASK_PROCESSES).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery, Task, signals
from flask import Flask
from kombu.entity import Queue
from kombu.exceptions import KombuError

from app.config import Settings
from app.revisions import fit_or_exit

#: queue -> its tasks
QUEUES: Mapping[str, tuple[str, ...]] = {
    "bills": ("bill_ended",),
    "mails": ("send_post", "tell_webhooks"),
    "sweeps": (
        *("sweep", "housekeeping", "watch_alerts", "advance_broadcasts"),
        *("sign_certificate", "sweep_certificates"),
    ),
    "jobs": ("work_jobs",),
    "reports": ("make_reports",),
}
#: Threads of a process that serves all queues: each task may run, and certificates be signed.
THREADS = sum(map(len, QUEUES.values())) + 2
THREADS_OF_QUEUE = max(map(len, QUEUES.values())) + 2


def make_redis(url: str) -> redis.Redis:
    """Build a client whose calls fail within a second when Redis is away.

    Whoever comes while all its connections are in use waits for one.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url, timeout=1.0, socket_connect_timeout=1.0, socket_timeout=1.0
    )
    return redis.Redis.from_pool(pool)


def redis_took_s(client: redis.Redis) -> float | None:
    """How long Redis takes to answer, in seconds; None when it does not."""
    began = time.monotonic()
    try:
        client.ping()
    except redis.RedisError:
        return None
    return time.monotonic() - began


# Celery


def make_celery(app: Flask) -> Celery:
    """Build Celery inside the Flask application: each task runs in an app context."""
    settings: Settings = app.config["SETTINGS"]

    class FlaskTask(Task):  # type: ignore[misc]
        def __call__(self, *args: object, **kwargs: object) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery("ampdesk", task_cls=FlaskTask)
    signals.before_task_publish.connect(_note_time)
    for begins in (signals.celeryd_init, signals.beat_init):
        begins.connect(lambda **_: fit_or_exit(settings), weak=False)
    celery.conf.update(
        broker_url=settings.redis_address,
        result_backend=None,
        task_ignore_result=True,
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_routes={task: {"queue": name} for name, tasks in QUEUES.items() for task in tasks},
        task_default_queue="sweeps",
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
        beat_schedule=_beats(float(settings.sweep_s)),
        beat_schedule_filename=str(settings.data_dir / "celerybeat"),
    )
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


def _beats(sweep_s: float) -> dict[str, Any]:
    """When each task that looks for its work is asked for.

    One that nobody took until the next was asked for is dropped: they never pile up.
    """
    pauses = {
        **dict.fromkeys(("sweep", "bill_ended", "send_post", "watch_alerts"), sweep_s),
        "sweep_certificates": 60.0,
        "tell_webhooks": 5.0,
        "housekeeping": 3600.0,
    }
    return {
        task: {"task": task, "schedule": pause, "options": {"expires": pause}}
        for task, pause in pauses.items()
    }


# What waits

#: The header in which a task says when it was asked for, in seconds since 1970.
_ASKED_AT = "asked_at"


def _note_time(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Write into a task when it was asked for: what waits in a queue tells its age by it."""
    if headers is not None:
        headers[_ASKED_AT] = time.time()


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many tasks wait in a queue, and for how long the first of them does, in seconds.

    `oldest_s` is None where none waits, or where the broker does not say.
    """

    name: str
    waiting: int
    oldest_s: float | None = None


def queue_states(celery: Celery) -> list[QueueState] | None:
    """Ask the broker what waits in each queue; None when it does not answer."""
    connection = celery.connection_for_read()
    try:
        channel = connection.channel()
        return [_state(channel, queue) for queue in celery.conf.task_queues]
    except (KombuError, *connection.connection_errors, *connection.channel_errors):
        return None
    finally:
        connection.release()


def _state(channel: Any, queue: Queue) -> QueueState:
    waiting = int(queue(channel).queue_declare().message_count)  # type: ignore[no-untyped-call]
    tells = waiting and channel.connection.client.transport.driver_type == "redis"
    return QueueState(
        queue.name, waiting, _waits_s(channel.client.lindex(queue.name, -1)) if tells else None
    )


def _waits_s(task: bytes | None) -> float | None:
    try:
        asked_at = float(json.loads(task or b"")["headers"][_ASKED_AT])
    except (ValueError, KeyError, TypeError):
        return None
    return max(time.time() - asked_at, 0.0)
