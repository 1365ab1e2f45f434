"""Keep one program running: start it again after a crash, end it when told, never outlive `run`.

Usage: python -m deploy.keep [--wait-for HOST:PORT] [--patience SECONDS] NAME -- COMMAND ...

A crash (also kill -9) is followed by a new start after a pause that grows from half a second to
fifteen.  Exit status 0 and 2 are final and passed on: 0 is a program that is done, 2 one whose
settings are wrong, which no new start can mend.
"""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

FINAL = (0, 2)
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
CALM_S = 30.0  # a program that lived this long has not crashed in a row
PATIENCE_S = 8.0  # from SIGTERM to SIGKILL, for a program that names no other time
WAIT_S = 20.0
SUPERVISOR_VARIABLE = "KEEPER_SUPERVISOR"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Keeper:
    """One program and the wish to end it."""

    def __init__(self, name: str, command: list[str], patience_s: float = PATIENCE_S) -> None:
        self.name = name
        self.command = command
        self.patience_s = patience_s
        self.ending = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None

    def keep(self) -> int:
        """Run the program until it ends for good; return its exit status, or 0 when told to end."""
        pause_s = FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            status = self._run_once()
            if self.ending.is_set():
                return 0
            if status in FINAL:
                return status
            if time.monotonic() - started > CALM_S:
                pause_s = FIRST_PAUSE_S
            print(f"{self.name} ended ({_reason(status)}); starting again in {pause_s:g} s")
            sys.stdout.flush()
            if self.ending.wait(pause_s):
                return 0
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def end(self, *_: object) -> None:
        """Ask the program to end; `keep` kills it when its patience ends."""
        self.ending.set()
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)

    def _run_once(self) -> int:
        if self.ending.is_set():
            return 0
        # In a session of its own, so that what is meant for the keeper's group is heard only once.
        self.child = subprocess.Popen(
            self.command, preexec_fn=ending_with(os.getpid()), start_new_session=True
        )
        if self.ending.is_set():  # told so between the check and the start
            self.child.send_signal(signal.SIGTERM)
        while True:
            try:
                return self.child.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self.ending.is_set():
                    return self._wait_or_kill()

    def _wait_or_kill(self) -> int:
        assert self.child is not None
        try:
            return self.child.wait(timeout=self.patience_s)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not end within {self.patience_s:g} s; it is killed", flush=True)
            self.child.kill()
            return self.child.wait()


def main() -> int:
    """Keep the program named on the command line; return the exit status for the shell."""
    parser = argparse.ArgumentParser(prog="python -m deploy.keep")
    parser.add_argument("--wait-for", default="")
    parser.add_argument("--patience", type=float, default=PATIENCE_S)
    parser.add_argument("name")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    keeper = Keeper(given.name, given.command, given.patience)
    signal.signal(signal.SIGTERM, keeper.end)
    signal.signal(signal.SIGINT, keeper.end)
    supervisor = int(os.environ.pop(SUPERVISOR_VARIABLE, "0"))
    if supervisor:
        threading.Thread(target=_watch, args=(supervisor, keeper), daemon=True).start()
    if given.wait_for:
        _wait_until_reachable(given.wait_for, keeper.ending)
    return keeper.keep()


def _watch(supervisor: int, keeper: Keeper) -> None:
    """End the program when the supervisor is gone; it may have been killed without a word."""
    while not keeper.ending.is_set():
        try:
            os.kill(supervisor, 0)
        except OSError:
            keeper.end()
        time.sleep(0.5)


def _wait_until_reachable(address: str, ending: threading.Event) -> None:
    """Wait for a listener, but not for ever: every program here can live without its neighbours."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and not ending.is_set():
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            ending.wait(0.1)


def ending_with(parent: int) -> Callable[[], None]:
    """What a child runs before its program starts, to get SIGTERM when `parent` dies (Linux only).

    One whose parent died before it could ask for that ends at once.
    """

    def end_with_parent() -> None:
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return end_with_parent


def _reason(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"


if __name__ == "__main__":
    sys.exit(main())
