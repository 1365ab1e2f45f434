"""Celery: how it is reached, which queue each task waits in, and what waits there.

Each kind of work has a queue of its own, and none of its tasks runs twice in a process
(`app.tasks.rounds.one_at_a_time`): whoever is slow, a mail server or a large export, takes one
thread and holds up nobody else.  A site may give each queue a process (AMPDESK_TASK_PROCESSES).
"""

import json
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import Celery, Task, bootsteps, signals
from celery.beat import PersistentScheduler
from flask import Flask
from kombu.entity import Queue
from kombu.exceptions import KombuError

from app.config import Settings
from app.process import pulse, traces
from app.process.clock import TOOK_S, utc_now
from app.process.redis_servers import Servers
from app.process.revisions import fit_or_exit

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


def make_celery(app: Flask) -> Celery:
    """Build Celery inside the Flask application: each task runs in an app context."""
    settings: Settings = app.config["SETTINGS"]
    #: When the last run of each task began here, in seconds since 1970.
    began: dict[str, float] = {}

    class FlaskTask(Task):  # type: ignore[misc]
        def __call__(self, *args: object, **kwargs: object) -> Any:
            time.sleep(_gathers_on_s(self.request))
            if _is_needless(self.request, began.get(self.name)):
                return None
            began[self.name] = utc_now().timestamp()
            with app.app_context(), _timed(app.extensions["redis"], self.name):
                carried = self.request.get(traces.TRACEPARENT)
                with traces.span(f"task.{self.name}", carried, kind="consumer"):
                    return self.run(*args, **kwargs)

    address, options = _broker(settings.broker_address)
    celery = Celery("ampdesk", task_cls=FlaskTask)
    signals.before_task_publish.connect(_note_time)
    for begins in (signals.celeryd_init, signals.beat_init):
        begins.connect(lambda sender, **_: _begin_process(sender, settings), weak=False)
    celery.steps["consumer"].add(Turns)
    celery.conf.update(
        broker_url=address,
        result_backend=None,
        task_ignore_result=True,
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_routes={task: {"queue": name} for name, tasks in QUEUES.items() for task in tasks},
        task_default_queue="sweeps",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options=options,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        timezone="UTC",
        beat_schedule=_beats(float(settings.sweep_s)),
        beat_schedule_filename=str(settings.data_dir / "celerybeat"),
        beat_scheduler=f"{__name__}:{Scheduler.__name__}",
    )
    celery.set_default()
    app.extensions["celery"] = celery
    return celery


def _begin_process(sender: object, settings: Settings) -> None:
    """Begin one that is called NAME@HOST, or the beat."""
    name = sender.partition("@")[0] if isinstance(sender, str) else "beat"
    pulse.PULSE.begin(pulse.sign_of_life(name, settings))
    traces.name_process("tasks")
    fit_or_exit(settings)


class Turns(bootsteps.StartStopStep):  # type: ignore[misc]
    """The loop in which Celery takes tasks: it begins with a connection, and ends with it."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, consumer: Any) -> None:
        pulse.PULSE.turn()
        consumer.timer.call_repeatedly(pulse.PAUSE_S, pulse.PULSE.turn)

    def stop(self, consumer: Any) -> None:
        pulse.PULSE.wait()


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    """Beat's, which turns once it has found the broker."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Ask for what is due; return after how many seconds to look again."""
        pause_s: float = super().tick(*args, **kwargs)
        pulse.PULSE.turn()
        return pause_s

    def _ensure_connected(self) -> Any:
        """Wait for a broker that was lost; within a turn, and for as long as it is away."""
        pulse.PULSE.wait()
        return super()._ensure_connected()


def _broker(url: str) -> tuple[str, dict[str, Any]]:
    """The URL of the broker as Celery writes it, and its options."""
    parts = urlsplit(url)
    if parts.scheme.startswith("amqp"):
        return url, {}
    options: dict[str, Any] = {
        "visibility_timeout": 120,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
    }
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parts.query:
        # Celery's client would talk to whoever shows any certificate.
        url += f"{'&' if parts.query else '?'}ssl_cert_reqs=required"
    if parts.scheme == "redis+sentinel":
        servers = Servers.of(url, 26379)
        login = parts.netloc.rpartition("@")[0]
        prefix = f"sentinel://{login}@" if login else "sentinel://"
        url = ";".join(f"{prefix}{host}:{port}/{servers.db}" for host, port in servers.hosts)
        options |= {"master_name": servers.service, "sentinel_kwargs": servers.login}
    return f"redis+socket{url.removeprefix('unix')}" if parts.scheme == "unix" else url, options


def _beats(sweep_s: float) -> dict[str, Any]:
    """When each task that looks for its work is asked for; they never pile up."""
    pauses = {
        **dict.fromkeys(("sweep", "bill_ended", "send_post", "watch_alerts"), sweep_s),
        "sweep_certificates": 60.0,
        "tell_webhooks": 5.0,
        "housekeeping": 3600.0,
    }
    return {
        task: {
            "task": task,
            "schedule": pause,
            "options": {"headers": dict(FINDS_ALL)},
        }
        for task, pause in pauses.items()
    }


# What tasks did

#: Redis hash of how often each task ran and how long it took: Celery's processes come and go, on
#: several machines, and this is one sum.
DID = "ampdesk:tasks"
#: Upper ends in seconds of the classes that tasks' times are counted in.
TASK_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


@contextmanager
def _timed(client: redis.Redis, task: str) -> Iterator[None]:
    """Add a run to the sums; while Redis is away none is counted."""
    began, outcome = time.monotonic(), "failed"
    try:
        yield
        outcome = "ok"
    finally:
        took_s = time.monotonic() - began
        with suppress(redis.RedisError):
            pipe = client.pipeline(transaction=False)
            pipe.hincrby(DID, f"{task} {outcome}", 1)
            pipe.hincrby(DID, f"{task} class {bisect_left(TASK_BOUNDS, took_s)}", 1)
            pipe.hincrbyfloat(DID, f"{task} seconds", took_s)
            pipe.execute()


def did(client: redis.Redis) -> dict[str, float]:
    """The sums, by task and what is counted; nothing while Redis is away."""
    try:
        found: Any = client.hgetall(DID)
    except redis.RedisError:
        return {}
    return {field.decode(): float(figure) for field, figure in found.items()}


# What waits

#: The header in which a task says when it was asked for, in seconds since 1970.
_ASKED_AT = "asked_at"


#: The header that says for how many seconds a task waits for more of its kind.
_GATHERS_FOR = "gathers_for_s"
#: The header of a task that finds all its work by itself: it is dropped when one of its kind has
#: begun since it was asked for.  Nothing goes by how old it is, as Celery's `expires` does: where
#: all come late, none would be done.
FINDS_ALL = {"finds_all": True}


def _note_time(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Write into a task when it was asked for: what waits in a queue tells its age by it."""
    if headers is not None:
        headers[_ASKED_AT] = utc_now().timestamp()


def gathers_for(seconds: float) -> dict[str, float]:
    """The header of a task that begins so long after it was asked for, at most a second or two.

    Celery's own `countdown` compares the clocks of two machines.
    """
    return {_GATHERS_FOR: seconds}


def _is_needless(request: Any, began_at: float | None) -> bool:
    """Whether a run that began then found what this task was asked for, too.

    What is said to have begun later than now was noted by a clock that has been set back since.
    """
    if not all(request.get(name) for name in FINDS_ALL):
        return False
    if began_at is None or began_at > utc_now().timestamp():
        return False
    # The clocks of two processes may differ by as much as an answer of the database takes.
    return float(request.get(_ASKED_AT) or began_at) < began_at - TOOK_S


def _gathers_on_s(request: Any) -> float:
    """How much longer a task waits for more of its kind, in seconds."""
    gathers_s = float(request.get(_GATHERS_FOR) or 0.0)
    waited_s = utc_now().timestamp() - float(request.get(_ASKED_AT) or 0.0)
    return min(max(gathers_s - waited_s, 0.0), gathers_s)


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
        first = _FIRST.get(connection.transport.driver_type, lambda channel, queue: None)
        return [_state(channel, queue, first) for queue in celery.conf.task_queues]
    except (KombuError, *connection.connection_errors, *connection.channel_errors):
        return None
    finally:
        connection.release()


def _state(channel: Any, queue: Queue, first: Callable[[Any, str], Any]) -> QueueState:
    waiting = int(queue(channel).queue_declare().message_count)  # type: ignore[no-untyped-call]
    if not waiting:
        return QueueState(queue.name, 0)
    try:
        asked_at = float(first(channel, queue.name)[_ASKED_AT])
    except (ValueError, KeyError, TypeError):
        return QueueState(queue.name, waiting)
    return QueueState(queue.name, waiting, max(utc_now().timestamp() - asked_at, 0.0))


def _first_of_redis(channel: Any, queue: str) -> Any:
    return json.loads(channel.client.lindex(queue, -1) or b"")["headers"]


def _first_of_rabbit(channel: Any, queue: str) -> Any:
    """RabbitMQ shows a task only to whoever takes it; given back it is the first again."""
    if (task := channel.basic_get(queue)) is None:
        return None
    channel.basic_reject(task.delivery_tag, requeue=True)
    return task.headers


#: kind of broker -> the headers of the first task that waits in a queue.
_FIRST: Mapping[str, Callable[[Any, str], Any]] = {
    "redis": _first_of_redis,
    "amqp": _first_of_rabbit,
}
