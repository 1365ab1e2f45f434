"""`make run` from nothing: a desk, a demo that charges and bills, an end that leaves nothing."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

from deploy.processes import ROOT
from tests.support.processes import free_port
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


class Running:
    """A supervisor started as `make run` does, and all that it printed."""

    def __init__(self, data_dir, **settings):
        self.data_dir = data_dir
        self.ocpp_port = free_port()
        given = {"data_dir": data_dir, "web_port": free_port(), "ocpp_port": self.ocpp_port}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
        environment |= {f"AMPDESK_{n.upper()}": str(v) for n, v in (given | settings).items()}
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
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("AMPDESK_DATA_DIR") == str(self.data_dir)
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def one(self, words):
        """Return the process whose command line holds these words, its keeper left out."""
        for process in self.members():
            line = " ".join(process.cmdline())
            if words in line and "deploy.keep" not in line:
                return process
        return None


@pytest.fixture
def run(tmp_path):
    started = []

    def start(**settings):
        running = Running(tmp_path / "data", **settings)
        started.append(running)
        running.wait_until_ready()
        return running

    yield start
    for running in started:
        for process in running.members():
            process.kill()
        running.process.wait()


def test_a_newcomer_finds_a_desk_with_a_finished_session_and_leaves_nothing(run):
    running = run()
    link = re.search(r"http://\S+/setup/\S+", running.said())
    assert link, running.said()
    with urllib.request.urlopen(link[0], timeout=30) as page:
        assert page.status == 200
    mail = running.data_dir / "mail"
    eventually(lambda: mail.exists() and list(mail.glob("*.eml")), within=180, what="a receipt")
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0, running.said()
    assert running.members() == []
    assert "Traceback" not in running.said()


def test_a_killed_worker_comes_back_and_a_killed_supervisor_leaves_nothing(run):
    running = run(demo=0)
    first = eventually(lambda: running.one("-m worker"), what="the worker")
    first.kill()

    def another():
        found = running.one("-m worker")
        return found and found.pid != first.pid

    eventually(another, within=60, what="the worker comes back")
    running.process.kill()
    running.process.wait()
    eventually(lambda: running.members() == [], within=60, what="everything ends")
