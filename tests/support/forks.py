"""Programs of Ampdesk for tests, forked from processes that have loaded all they need (Linux).

`python -m worker` loads some eight hundred modules before it does anything, for most of a second,
and Celery and the desk take longer; tests start them hundreds of times.  A forked one is a process
of its own with its own log, and is killed and waited for like any other.  How they are really
started is what the tests of `make run` and of the command line try.

All test processes of a run share what is loaded: each is served by a fork of its own, which is told
by its socket what to start, gets what each child is to have there, and ends with that socket.
"""

import _signal
import _socket
import atexit
import gc
import json
import os
import posix
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import warnings
import weakref
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from deploy.keep import LIBC, ending_with
from deploy.processes import ROOT

POSSIBLE = LIBC is not None
#: The programs that are forked, and where each begins.
PROGRAMS = {
    "worker": ("worker.__main__", "main"),
    "gunicorn": ("gunicorn.app.wsgiapp", "run"),
    "celery": ("celery.__main__", "main"),
    "flask": ("flask.cli", "main"),
}
#: Those that are forked from one process: gevent is the first thing in theirs, or not at all.
ALIKE = {"worker": ("worker", "gunicorn"), "celery": ("celery", "flask")}
#: Two of them, with traps: each from a process of its own.
TRAPPED = "tests.support.trap"
#: What the desk's server loads only while it starts.
OF_DESK = ("deploy.desk_worker", "deploy.fit", "gunicorn.arbiter", "gunicorn.glogging")
#: What Celery loads only while it starts.
OF_CELERY = (
    *("celery.apps.beat", "celery.apps.worker", "celery.bin.celery", "celery.concurrency.thread"),
    *("celery.events.state", "celery.worker.consumer", "celery.worker.strategy"),
    *("celery.fixups.django", "kombu.transport.redis"),
)
#: The longest message: the environment of a child.
MOST_BYTES = 1 << 17
#: How often it is started anew: whoever shares it may end just while another comes.
TRIES = 3
#: How long a command that is waited for may take, in seconds.
MOST_S = 120


class Forked:
    """A process that was forked; what tests use of `subprocess.Popen`.

    Its state is told by whoever waits for it in its own tree: first its id, then how it ended.
    Threads may ask at once.
    """

    def __init__(self, told: int) -> None:
        self.returncode: int | None = None
        self._told, self._asking = told, threading.Lock()
        weakref.finalize(self, os.close, told)
        self.pid = int(self._line() or 0)
        if not self.pid:
            raise RuntimeError("nothing was forked: the process to fork has ended")

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        with self._asking:
            if self.returncode is None and select.select([self._told], [], [], 0)[0]:
                self.returncode = int(self._line() or -signal.SIGKILL)
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
            with suppress(ProcessLookupError):  # it has, and whoever waits for it tells so next
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


def start(
    command: Sequence[str], environment: Mapping[str, str], log: Path, errors: Path | None = None
) -> Forked | None:
    """Start a command with this environment, its output added to the log file.

    Where `errors` names another file, they are added to that.  None: it is none that is forked.
    """
    if not POSSIBLE or "-m" not in command:
        return None
    at = command.index("-m") + 1
    trap = command[at] == TRAPPED
    program, *arguments = command[at + trap :]
    if program not in PROGRAMS:
        return None
    python = command.index(sys.executable) + 1
    alike = next(name for name, others in ALIKE.items() if program in others)
    loaded = _loaded(*command[:python], "-c", _beginning(program if trap else alike, trap))
    message = [program, command[python : at - 1], arguments, dict(environment)]
    told, tells = os.pipe()
    with log.open("ab") as out, (errors or log).open("ab") as err:
        files = [tells, out.fileno(), err.fileno()]
        socket.send_fds(loaded, [json.dumps(message).encode()], files)
    os.close(tells)
    return Forked(told)


def run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command until it ends, as `subprocess.run` does; what it said is captured."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        forked = start(command, environment, out, err)
        if forked is None:
            return subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
        try:
            status = forked.wait(MOST_S)
        finally:
            forked.kill()
        return subprocess.CompletedProcess(command, status, out.read_text(), err.read_text())


def _beginning(which: str, trapped: bool) -> str:
    """The program of a process that is forked: gevent first, as in the worker's own."""
    first = "from gevent import monkey; monkey.patch_all(); " if which == "worker" else ""
    return f"{first}from tests.support import forks; forks.main({which!r}, {trapped})"


@cache
def _loaded(*command: str) -> socket.socket:
    """Reach the process that is forked, which all test processes of a run share.

    Whoever is the first to have its name listens there for it and starts it.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    name = f"\0ampdesk-tests-{run}-{zlib.crc32(repr(command).encode())}"
    for _ in range(TRIES):
        _start_loading(name, command)
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
        with suppress(OSError):
            ours.connect(name)
            if ours.recv(1):
                atexit.register(ours.close)
                return ours
        ours.close()  # it has just ended with the last of those that shared it
    raise RuntimeError(f"{command} ended while it was loaded")


def _start_loading(name: str, command: Sequence[str]) -> None:
    """Start it, unless another test process has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listens:
        try:
            listens.bind(name)
        except OSError:
            return
        listens.listen()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=listens)
    atexit.register(process.wait)  # which goes on until all that share it have ended


# In the process that is forked


def main(which: str, trapped: bool) -> None:
    """Load all that programs load; fork one for each test process, until the last of them ends."""
    gc.disable()
    _load(which, trapped)
    # What was loaded stays: whoever looks through it for what is not needed copies all of it.
    gc.freeze()
    gc.enable()
    # One that waits without gevent's help; whoever is forked keeps none of it.
    listens: Any = _socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _signal.signal(signal.SIGCHLD, _end_with_the_last)
    while True:
        file, _ = listens._accept()
        asked: Any = _socket.socket(fileno=file)
        if _mine(asked) and posix.fork() == 0:
            listens.close()
            _serve(asked)
            return
        asked.close()


def _end_with_the_last(*_: object) -> None:
    try:
        while posix.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        os._exit(0)


def _mine(asked: Any) -> bool:
    """Tell whether this user asks: what is forked does what it is told."""
    told = asked.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", told)
    return bool(user == os.geteuid())


def _serve(asked: Any) -> None:
    """Fork a program for each message of a test process, until it ends."""
    ending_with(os.getppid())()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked.send(b"1")
    while True:
        size = _socket.CMSG_SPACE(3 * 4)
        message, ancillary, *_ = asked.recvmsg(MOST_BYTES, size)
        if not message:
            return
        files = memoryview(ancillary[0][2]).cast("i")
        if posix.fork() == 0:
            asked.close()
            _watch(*json.loads(message), *files)
            return
        for file in files:
            os.close(file)


def _load(which: str, trapped: bool) -> None:
    if trapped:  # first: some functions are taken by name when a module is loaded
        from tests.support import trap

        trap.lay(which)
    for program in (which,) if trapped else ALIKE[which]:
        import_module(PROGRAMS[program][0])
    for module in OF_DESK if which == "worker" else OF_CELERY:
        import_module(module)
    from app import factory

    for package in ("app.views", "app.api", "app.cli", "app.tasks"):
        list(factory._modules(package))


def _watch(
    program: str,
    options: list[str],
    arguments: list[str],
    environment: dict[str, str],
    *files: int,
) -> None:
    """Fork once more: one is the program, the other waits for its end and tells of it."""
    ending_with(os.getppid())()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    tells, *outputs = files
    pid = posix.fork()
    if pid == 0:
        os.close(tells)
        _become(program, options, arguments, environment, outputs)
    for file in outputs:
        os.close(file)
    os.write(tells, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(tells, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(
    program: str,
    options: list[str],
    arguments: list[str],
    environment: dict[str, str],
    outputs: list[int],
) -> NoReturn:
    ending_with(os.getppid())()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, *outputs)):
        os.dup2(file, number)
    for file in outputs:
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    for option in options:  # -W and what it says
        if option.startswith("ignore:"):
            warnings.filterwarnings("ignore", option.removeprefix("ignore:"))
    sys.argv[:] = [program, *arguments]
    if program == "gunicorn":
        _check_here()
    module, begin = PROGRAMS[program]
    sys.exit(getattr(import_module(module), begin)())


def _check_here() -> None:
    """Have the desk check its database in a fork of its own, not in a program that is loaded."""
    from deploy import fit, gunicorn_conf

    def on_starting(_: Any) -> None:
        pid = posix.fork()
        if pid == 0:
            ending_with(os.getppid())()
            try:
                os._exit(fit.main())
            except SystemExit as refused:
                os._exit(int(refused.code or 0))
        if status := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            sys.exit(status)

    gunicorn_conf.on_starting = on_starting
