"""Gunicorn's settings and hooks: wrong settings or an old database end the desk at its start.

Gunicorn starts a worker that cannot load again and again and does not pass its exit status on.
The check runs in a program of its own, because gevent wants to be the first thing in a process.
"""

import gc
import os
import subprocess
import sys
from typing import Any

from deploy.keep import ending_with

worker_class = "deploy.desk_worker.DeskWorker"
worker_connections = 4000
#: Between two requests of one connection, in seconds: longer than proxies and clients keep one
#: (Node's fetch uses an idle connection again), so that it is they who let go.
keepalive = 75
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190


def on_starting(server: Any) -> None:
    """Check settings and database; ends the process with status 2 when they do not fit."""
    check = [sys.executable, "-m", "deploy.fit"]
    if status := subprocess.run(check, check=False, preexec_fn=ending_with(os.getpid())).returncode:
        sys.exit(status)


def post_worker_init(worker: Any) -> None:
    """Load the pages before anybody asks for one; they stay, as all that wsgi.py loads."""
    gc.disable()
    worker.wsgi.add_pages()
    gc.freeze()
    gc.enable()
