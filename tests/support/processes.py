"""One real process of a test: started, killed, started again, and never left behind."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy import redis_server
from deploy.keep import ending_with
from deploy.processes import ROOT
from tests.support import forks
from tests.support.wait import eventually

TAIL_BYTES = 6000
#: What keeps the ports that `free_port` gave away.
_HOLDING: list[socket.socket] = []


class Process:
    """A program with its log file.  It gets SIGTERM when the test run dies (Linux)."""

    def __init__(
        self, name: str, command: list[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.command = command
        self.environment = dict(environment)
        self.log = log
        self.process: subprocess.Popen[bytes] | forks.Forked | None = None

    @property
    def running(self) -> bool:
        """Tell whether the program was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the program; its output is added to the log file."""
        assert not self.running, f"{self.name} runs already"
        self.process = forks.start(self.command, self.environment, self.log)
        if self.process is not None:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=ending_with(os.getpid()),
            )

    def kill9(self) -> None:
        """End the program, and what it started, with SIGKILL: it can save nothing."""
        if self.process is None:
            return
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def stop(self, patience_s: float = 8) -> int:
        """Ask the program to end, kill it when it will not; return its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.kill9()
        return self.process.returncode

    def tail(self) -> str:
        """Return the end of the log, for people."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace")

    def said(self, words: str) -> bool:
        """Tell whether the log holds these words."""
        return self.log.exists() and words in self.log.read_text("utf-8", "replace")


def descendants(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started, theirs too."""
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def free_port() -> int:
    """Return a port that stays free for whoever is told of it, until this test process ends.

    A socket of ours stays bound to it and never listens.  Nobody else who looks for a free port
    is given that one, not even while its server is down; and a server, which shares its address
    with such a socket, can listen there at any time.
    """
    while True:
        holds = socket.socket()
        try:
            holds.bind(("0.0.0.0", redis_server.free_port()))
        except OSError:
            holds.close()
            continue
        holds.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _HOLDING.append(holds)
        return int(holds.getsockname()[1])


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections at a port."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
        return True
    except OSError:
        return False


def wait_for_port(port: int, process: Process, within: float = 90) -> None:
    """Wait until a process listens; fail with its log when it ended or takes too long."""

    def ready() -> bool:
        if not process.running:
            raise RuntimeError(f"{process.name} ended at its start:\n{process.tail()}")
        return listens(port)

    try:
        eventually(ready, within=within, what=f"{process.name} on port {port}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{process.tail()}") from None
