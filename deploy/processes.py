"""What a running Ampdesk consists of: the command of every process, in one table.

`make run`, the tests that start whole processes and the bench all start from here.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from app.config import Settings
from app.process.queues import QUEUES, THREADS, THREADS_OF_QUEUE
from deploy.keep import PATIENCE_S

#: What a worker may take, beyond the time for its chargers, to store what it holds, in seconds.
STORES_S = 25.0

ROOT = Path(__file__).resolve().parent.parent


def workers(settings: Settings) -> list[str]:
    """Return the names of the processes that hold the chargers' sockets."""
    return ["worker", *(f"worker{number}" for number in range(2, settings.ocpp_processes + 1))]


def tasks(settings: Settings) -> list[tuple[str, list[str], int]]:
    """Return the processes that do tasks: name, the queues that each serves, its threads."""
    if settings.task_processes == "one":
        return [("celery", [*QUEUES], THREADS)]
    return [(f"celery-{name}", [name], THREADS_OF_QUEUE) for name in QUEUES]


def patience_s(name: str, settings: Settings) -> float:
    """Return how long a process may take to end: a worker closes its chargers and stores first."""
    return settings.drain_s + STORES_S if name in workers(settings) else PATIENCE_S


def commands(settings: Settings) -> Mapping[str, list[str]]:
    """Return name -> command of the processes that make up Ampdesk, Redis left out.

    They are told everything else by AMPDESK_* variables and are started in `ROOT`.
    """
    python = sys.executable
    # A container's only user is often root; Celery's page about that would hide the first lines.
    rootless = "ignore:You're running the worker with superuser"
    celery = [python, "-W", rootless, "-m", "celery", "--quiet", "-A", "wsgi:celery"]
    # Celery's information is two lines per task, four tasks a minute for the sweeps alone.
    level = "warning" if settings.log_level == "info" else settings.log_level
    return {
        "web": [
            *(python, "-m", "gunicorn", "wsgi:app"),
            *("--bind", f"{settings.web_host}:{settings.web_port}", "--workers", "1"),
            *("--config", "python:deploy.gunicorn_conf", "--log-level", "warning"),
            # Pages that listen for live updates never end by themselves.
            *("--graceful-timeout", "1", "--no-control-socket"),
        ],
        **{name: [python, "-m", "worker"] for name in workers(settings)},
        **{
            name: [
                *(*celery, "worker", "--hostname", f"{name}@%h", "--loglevel", level),
                *("--queues", ",".join(served), "--pool", "threads", "--concurrency", str(threads)),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
            for name, served, threads in tasks(settings)
        },
        # --pidfile= means: none.  One beat more would only nudge twice.
        "beat": [
            *(*celery, "beat", "--loglevel", "warning", "--pidfile="),
            *("--schedule", str(settings.data_dir / "celerybeat")),
        ],
    }
