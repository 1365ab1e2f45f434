"""`make run`: check, migrate, start everything under one supervisor, say where it is.

Exit status: 0 after Ctrl-C or SIGTERM, 2 when a setting or the surroundings must be changed first.
"""

import contextlib
import multiprocessing
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable

import honcho.manager
from honcho.printer import Printer

from app.config import Settings, WrongSetting, unknown_settings
from deploy import banner, checks, keep, prepare, redis_server
from deploy.healthy import reachable
from deploy.processes import ROOT, commands, patience_s

#: What keepers take beyond their program's patience; honcho kills what is left then.
KEEPERS_S = 4
STOPPED_BY_USER = (130, 143)


class Output:
    """Standard output for honcho, unbuffered: a signal's handler may print amid a print.

    Nobody may read it any more, as where Ctrl-C ended `make run | tee`: all ends without a word.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self._descriptor, text.encode("utf-8", "replace"))

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


class Supervisor(honcho.manager.Manager):
    """Honcho, with something to do once everything is started, and Redis ended last."""

    def __init__(self, afterwards: Callable[[], None], patience_s: float) -> None:
        super().__init__(Printer(Output()))
        self._afterwards = afterwards
        self._patience_s = patience_s

    def _start(self) -> None:
        super()._start()
        # After the forks: a thread must not be running while honcho forks.
        threading.Thread(target=self._afterwards, daemon=True).start()

    def terminate(self) -> None:
        """End all processes: Redis once its users are gone, so that none of them complains."""
        if not self._terminating:
            super().terminate()
            threading.Thread(target=self._end_redis, daemon=True).start()

    def _killall(self, force: bool = False) -> None:
        redis = None if force else self._processes.pop("redis", None)
        super()._killall(force)
        if redis is not None:
            self._processes["redis"] = redis

    def _end_redis(self) -> None:
        deadline = time.monotonic() + self._patience_s
        others = [state for name, state in self._processes.items() if name != "redis"]
        while time.monotonic() < deadline and not all("returncode" in state for state in others):
            time.sleep(0.05)
        pid = self._processes.get("redis", {}).get("pid")
        if pid:
            self._procmgr.terminate(pid)


def main() -> int:
    """Run until told to end; return the exit status for the shell."""
    os.environ.setdefault("AMPDESK_DATA_DIR", str(ROOT / "var"))
    try:
        settings = Settings.from_environment()
        for sentence in unknown_settings():
            print(f"ampdesk: {sentence}", file=sys.stderr)
        checks.check(settings)
        environment = child_environment(settings)
        started = prepare.in_own_process(environment)
    except (WrongSetting, checks.CannotStart) as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    redis = None
    if not settings.redis_url:
        redis, environment["AMPDESK_REDIS_URL"] = redis_server.prepare(settings)
    try:
        return supervise(settings, environment, redis, started)
    finally:
        if redis:
            redis_server.forget(settings)


def child_environment(settings: Settings) -> dict[str, str]:
    """Return what every process is told: absolute data folder, lines as they come, this process."""
    return {
        **os.environ,
        "AMPDESK_DATA_DIR": str(settings.data_dir),
        "PYTHONUNBUFFERED": "1",
        keep.SUPERVISOR_VARIABLE: str(os.getpid()),
    }


def supervise(
    settings: Settings,
    environment: dict[str, str],
    redis: list[str] | None,
    started: prepare.Prepared,
) -> int:
    """Start the processes and pass their lines on until they have all ended."""
    longest_s = max(patience_s(name, settings) for name in commands(settings))
    # Redis ends after its users, and has its keeper's patience then.
    honcho.manager.KILL_WAIT = longest_s + keep.PATIENCE_S + KEEPERS_S
    if sys.platform == "linux":  # what honcho was made for; newer Pythons default to another way
        multiprocessing.set_start_method("fork")
    supervisor = Supervisor(lambda: banner.show_when_ready(settings, started), longest_s)
    wanted = dict(commands(settings))
    if started.demo:
        wanted["demo"] = [sys.executable, "-m", "deploy.demo"]
    address = environment["AMPDESK_REDIS_URL"].rpartition("@")[2].partition("/")[0]
    if redis:
        line = kept("redis", redis, keep.PATIENCE_S)
        supervisor.add_process("redis", line, env=environment, cwd=str(ROOT))
    for name, command in wanted.items():
        wait_for = _worker_address(settings) if name == "demo" else address if redis else ""
        line = kept(name, command, patience_s(name, settings), wait_for)
        supervisor.add_process(name, line, env=environment, cwd=str(ROOT))
    supervisor.loop()
    return 0 if supervisor.returncode in STOPPED_BY_USER else int(supervisor.returncode or 0)


def kept(name: str, command: list[str], patience_s: float, wait_for: str = "") -> str:
    """Return the shell line that runs a command under its keeper."""
    options = ["--patience", f"{patience_s:g}", *(["--wait-for", wait_for] if wait_for else [])]
    keeper = [sys.executable, "-m", "deploy.keep", *options, name, "--", *command]
    return "exec " + shlex.join(keeper)


def _worker_address(settings: Settings) -> str:
    return f"{reachable(settings.ocpp_host)}:{settings.ocpp_port}"


if __name__ == "__main__":
    sys.exit(main())
