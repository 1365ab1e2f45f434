"""A whole installation as `make run` starts it, on ports and a data folder of its own."""

import contextlib
import os
import subprocess
import sys

import psutil

from deploy.processes import ROOT
from tests.support.processes import free_port
from tests.support.wait import eventually


class Running:
    """A supervisor started as `make run` does, and all that it printed."""

    def __init__(self, data_dir, **settings):
        self.data_dir = data_dir
        self.ocpp_port = free_port()
        given = {
            "data_dir": data_dir,
            "web_port": free_port(),
            "ocpp_port": self.ocpp_port,
            "run_redis_port": free_port(),
        }
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
        environment |= {f"AMPDESK_{n.upper()}": str(v) for n, v in (given | settings).items()}
        self.environment = environment
        self.log = data_dir.parent / f"{data_dir.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.run"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self):
        return self.log.read_text("utf-8", "replace")

    def wait_until_ready(self):
        def ready():
            assert self.process.poll() is None, self.said()
            return "Ampdesk is running" in self.said()

        eventually(ready, within=180, what="the banner")

    def members(self):
        """Return the processes that belong to this installation, wherever they hang."""
        return [process for process, _ in self._lines()]

    def all(self, words):
        """Return the processes whose command lines hold these words, their keepers left out."""
        return [one for one, line in self._lines() if words in line and "deploy.keep" not in line]

    def _lines(self):
        """The processes with their command lines; whoever ends while it is looked at is none."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("AMPDESK_DATA_DIR") == str(self.data_dir)
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append((process, " ".join(process.cmdline())))
            except psutil.Error:
                continue
        return found

    def end(self):
        """Kill whatever is left."""
        for process in self.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
