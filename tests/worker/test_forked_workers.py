"""A worker that tests fork is like one that is started: same words, same end."""

import os
import signal
import subprocess
import sys

import pytest

from tests.support import forks
from tests.support.processes import free_port, listens
from tests.support.wait import eventually

WORKER = [sys.executable, "-m", "worker"]
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not forks.POSSIBLE, reason="workers are forked on Linux only"),
]


@pytest.fixture
def environment(tmp_path, migrated):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    own = {
        "DATA_DIR": tmp_path,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "OCPP_PORT": free_port(),
        "OCPP_HOST": "127.0.0.1",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
    return inherited | {f"AMPDESK_{name}": str(value) for name, value in own.items()}


def test_a_wrong_setting_ends_both_with_the_same_words(environment, tmp_path):
    environment["AMPDESK_OCPP_PORT"] = "many"
    started = subprocess.run(WORKER, env=environment, capture_output=True, text=True)
    log = tmp_path / "worker.log"
    assert forks.start(WORKER, environment, log).wait(60) == started.returncode == 2
    assert log.read_text() == started.stdout + started.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_it_runs_until_it_is_ended_and_tells_how(environment, tmp_path, number, status):
    log = tmp_path / "worker.log"
    forked = forks.start(WORKER, environment, log)
    eventually(lambda: "up to" in log.read_text(), within=90, what="the worker's first lines")
    assert forked.poll() is None
    forked.send_signal(number)
    assert forked.wait(60) == forked.poll() == status
    forked.kill()  # nobody is there any more, and nobody is hit


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_reaches_it_can_end_it_in_good_order(environment, tmp_path, number):
    log = tmp_path / "worker.log"
    forked = forks.start(WORKER, environment, log)
    eventually(lambda: listens(int(environment["AMPDESK_OCPP_PORT"])), 90, "the worker listens")
    forked.send_signal(number)
    assert forked.wait(60) == 0
    assert "stopping: 0 chargers" in log.read_text()
