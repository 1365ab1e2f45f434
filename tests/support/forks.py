"""Workers for tests, forked from a process that has loaded all they need (Linux).

`python -m worker` loads some eight hundred modules before it does anything, for most of a second;
tests start it a hundred times.  A forked one runs the same `__main__` from its first line, is a
process of its own with its own log, and is killed and waited for like any other.  How it is
really started is what the tests of `make run` try.

Run as a program (`python -m tests.support.forks`), this is the process that is forked.  It is told
by the socket that is its standard input, gets what each child is to have there, and ends with it.
"""

import _socket
import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from deploy.keep import LIBC, end_with_parent
from deploy.processes import ROOT

POSSIBLE = LIBC is not None
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


def worker(environment: Mapping[str, str], log: Path) -> Forked:
    """Start a worker with this environment; its output is added to the log file."""
    told, tells = os.pipe()
    with log.open("ab") as file:
        message = json.dumps(dict(environment)).encode()
        socket.send_fds(_loaded(), [message], [tells, file.fileno()])
    os.close(tells)
    return Forked(told)


@cache
def _loaded() -> socket.socket:
    """Start the process that is forked, once per test process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.support.forks"],
            cwd=ROOT,
            stdin=theirs,
            preexec_fn=end_with_parent,
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


# In the process that is forked


def main() -> None:
    """Load all that a worker loads; fork one for each message, until nobody is there to ask."""
    from gevent import monkey

    monkey.patch_all()
    import worker.__main__  # noqa: F401 - what it imports is wanted
    from app import factory

    for package in ("app.views", "app.api", "app.cli", "app.tasks"):
        list(factory._modules(package))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked: Any = _socket.socket(fileno=os.dup(0))  # one that waits without gevent's help
    while True:
        size = _socket.CMSG_SPACE(2 * 4)
        message, ancillary, *_ = asked.recvmsg(MOST_BYTES, size)
        if not message:
            return
        tells, log = memoryview(ancillary[0][2]).cast("i")
        if _fork() == 0:
            asked.close()
            _watch(json.loads(message), tells, log)
            return
        os.close(tells)
        os.close(log)


def _fork() -> int:
    from gevent import monkey

    return int(monkey.get_original("os", "fork")())


def _watch(environment: dict[str, str], tells: int, log: int) -> None:
    """Fork once more: one is the worker, the other waits for its end and tells of it."""
    end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = _fork()
    if pid == 0:
        os.close(tells)
        _become(environment, log)
    os.close(log)
    os.write(tells, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(tells, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(environment: dict[str, str], log: int) -> NoReturn:
    end_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, nothing), (1, log), (2, log)):
        os.dup2(file, number)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = []
    del sys.modules["worker.__main__"]  # it runs as the program, from its first line
    runpy.run_module("worker", run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
