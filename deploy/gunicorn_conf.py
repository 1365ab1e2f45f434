"""Gunicorn's hooks: wrong settings or an old database end the desk before it serves a page.

Gunicorn starts a worker that cannot load again and again and does not pass its exit status on.
The check runs in a program of its own, because gevent wants to be the first thing in a process.
"""

import subprocess
import sys
from typing import Any


def on_starting(server: Any) -> None:
    """Check settings and database; ends the process with status 2 when they do not fit."""
    status = subprocess.run([sys.executable, "-m", "deploy.fit"], check=False).returncode
    if status:
        sys.exit(status)
