"""A program that tests fork is like one that is started: same words, same end."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from app.config import Settings
from deploy.processes import ROOT, commands
from tests.support import forks
from tests.support.processes import free_port, listens
from tests.support.wait import eventually

FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not forks.POSSIBLE, reason="programs are forked on Linux only"),
]


@pytest.fixture
def settings(tmp_path, migrated):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    return Settings(
        data_dir=tmp_path,
        redis_url="redis://127.0.0.1:1/0",
        ocpp_port=free_port(),
        ocpp_host="127.0.0.1",
        web_port=free_port(),
    )


@pytest.fixture
def environment(settings):
    names = ("data_dir", "redis_url", "ocpp_port", "ocpp_host", "web_port")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
    return inherited | {f"AMPDESK_{name.upper()}": str(getattr(settings, name)) for name in names}


@pytest.mark.landing
@pytest.mark.parametrize("name", ["worker", pytest.param("web", marks=pytest.mark.nightly)])
def test_a_wrong_setting_ends_both_with_the_same_words(settings, environment, tmp_path, name):
    environment["AMPDESK_OCPP_PORT"] = "many"
    command = commands(settings)[name]
    started = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    log = tmp_path / "log"
    assert forks.start(command, environment, log).wait(60) == started.returncode == 2
    assert log.read_text() == started.stdout + started.stderr


@pytest.mark.landing
@pytest.mark.parametrize(
    "words",
    [("station", "lst"), pytest.param(("site", "add", "Depot"), marks=pytest.mark.nightly)],
)
def test_a_command_says_the_same_and_in_the_same_place(environment, words):
    command = [*FLASK, *words]
    started = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    forked = forks.run(command, environment)
    assert forked.returncode == started.returncode != 0
    assert forked.stdout == started.stdout
    assert forked.stderr == started.stderr.replace("python -m flask", "flask")


@pytest.mark.landing
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_it_runs_until_it_is_ended_and_tells_how(settings, environment, tmp_path, number, status):
    log = tmp_path / "worker.log"
    forked = forks.start(commands(settings)["worker"], environment, log)
    eventually(lambda: "up to" in log.read_text(), what="the worker's first lines")
    assert forked.poll() is None
    forked.send_signal(number)
    assert forked.wait(60) == forked.poll() == status
    forked.kill()  # nobody is there any more, and nobody is hit


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_reaches_it_can_end_it_in_good_order(settings, environment, tmp_path, number):
    log = tmp_path / "worker.log"
    forked = forks.start(commands(settings)["worker"], environment, log)
    eventually(lambda: listens(settings.ocpp_port), what="the worker listens")
    forked.send_signal(number)
    assert forked.wait(60) == 0
    assert "stopping: 0 chargers" in log.read_text()


def test_a_desk_serves_and_ends_when_it_is_told(settings, environment, tmp_path):
    forked = forks.start(commands(settings)["web"], environment, tmp_path / "web.log")

    def answers():
        address = f"http://127.0.0.1:{settings.web_port}/healthz"
        try:
            with urllib.request.urlopen(address, timeout=30) as page:
                return page.status == 200
        except OSError:
            return False

    eventually(answers, what="the desk answers")
    forked.terminate()
    assert forked.wait(60) == 0


def test_what_is_loaded_is_shared_until_the_last_has_gone_and_then_loaded_anew(tmp_path):
    log = tmp_path / "log"
    serves_two = f"""
import socket
listens = socket.socket(fileno=0)
print("loaded", file=open({str(log)!r}, "a"))
for _ in range(2):
    listens.accept()[0].send(b"1")
"""
    for times in (1, 1, 2, 2):
        forks._loaded.__wrapped__(sys.executable, "-S", "-c", serves_two).close()
        assert log.read_text().count("loaded") == times
