"""Programs of Ampdesk for tests, forked from processes that have loaded all they need (Linux).

`python -m worker` loads some eight hundred modules before it does anything, for most of a second,
and Celery takes longer; tests start them hundreds of times.  A forked one is a process of its own
with its own log, and is killed and waited for like any other.  How they are really started is
what the tests of `make run` try.

Run as a program, this is a process that is forked.  It is told by the socket that is its standard
input, gets what each child is to have there, and ends with it.
"""

import _socket
import atexit
import json
import os
import posix
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from deploy.keep import LIBC, end_with_parent
from deploy.processes import ROOT

POSSIBLE = LIBC is not None
#: The programs that are forked, with traps or without.
PROGRAMS = ("worker", "celery")
TRAPPED = "tests.support.trap"
#: What Celery loads only while it starts.
OF_CELERY = (
    *("celery.apps.beat", "celery.apps.worker", "celery.bin.celery", "celery.concurrency.thread"),
    *("celery.events.state", "celery.worker.consumer", "celery.worker.strategy"),
    *("celery.fixups.django", "kombu.transport.redis"),
)
#: The longest message: the environment of a child.
MOST_BYTES = 1 << 17


class Forked:
    """A process that was forked; what tests use of `subprocess.Popen`.

    Its state is told by whoever waits for it in its own tree: first its id, then how it ended.
    """

    def __init__(self, told: int) -> None:
        self.returncode: int | None = None
        self._told = told
        self.pid = int(self._line() or 0)
        if not self.pid:
            raise RuntimeError("nothing was forked: the process to fork has ended")

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.returncode = int(self._line() or -signal.SIGKILL)
            os.close(self._told)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked worker", timeout or 0)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _line(self) -> bytes:
        found = b""
        while not found.endswith(b"\n"):
            if not (byte := os.read(self._told, 1)):
                return b""
            found += byte
        return found


def start(command: list[str], environment: Mapping[str, str], log: Path) -> Forked | None:
    """Start a command with this environment, its output added to the log file.

    None: it is none that is forked.
    """
    if not POSSIBLE or "-m" not in command:
        return None
    at = command.index("-m") + 1
    trap = command[at] == TRAPPED
    program, *arguments = command[at + trap :]
    if program not in PROGRAMS:
        return None
    told, tells = os.pipe()
    loaded = _loaded(*command[:at], "tests.support.forks", program, *(["trapped"] if trap else []))
    with log.open("ab") as file:
        message = json.dumps([arguments, dict(environment)]).encode()
        socket.send_fds(loaded, [message], [tells, file.fileno()])
    os.close(tells)
    return Forked(told)


@cache
def _loaded(*command: str) -> socket.socket:
    """Start a process that is forked, once per test process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
    with theirs:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=theirs,
            preexec_fn=end_with_parent,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


# In the process that is forked


def main(program: str, trapped: bool) -> None:
    """Load all that a program loads; fork one for each message, until nobody is there to ask."""
    _load(program, trapped)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked: Any = _socket.socket(fileno=os.dup(0))  # one that waits without gevent's help
    while True:
        size = _socket.CMSG_SPACE(2 * 4)
        message, ancillary, *_ = asked.recvmsg(MOST_BYTES, size)
        if not message:
            return
        tells, log = memoryview(ancillary[0][2]).cast("i")
        if posix.fork() == 0:
            asked.close()
            _watch(program, *json.loads(message), tells, log)
            return
        os.close(tells)
        os.close(log)


def _load(program: str, trapped: bool) -> None:
    if program == "worker":
        from gevent import monkey

        monkey.patch_all()
    if trapped:  # first: some functions are taken by name when a module is loaded
        from tests.support import trap

        trap.lay(program)
    for module in (f"{program}.__main__", *(OF_CELERY if program == "celery" else ())):
        import_module(module)
    from app import factory

    for package in ("app.views", "app.api", "app.cli", "app.tasks"):
        list(factory._modules(package))


def _watch(
    program: str, arguments: list[str], environment: dict[str, str], tells: int, log: int
) -> None:
    """Fork once more: one is the program, the other waits for its end and tells of it."""
    end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = posix.fork()
    if pid == 0:
        os.close(tells)
        _become(program, arguments, environment, log)
    os.close(log)
    os.write(tells, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(tells, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(program: str, arguments: list[str], environment: dict[str, str], log: int) -> NoReturn:
    end_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, nothing), (1, log), (2, log)):
        os.dup2(file, number)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = [program, *arguments]
    sys.exit(import_module(f"{program}.__main__").main())


if __name__ == "__main__":
    main(sys.argv[1], "trapped" in sys.argv)
