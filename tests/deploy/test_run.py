"""`make run` from nothing: a desk, a demo that charges and bills, an end that leaves nothing."""

import re
import signal
import urllib.request

import pytest

from tests.support.running import Running
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


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
        running.end()


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


def test_a_killed_worker_comes_back_and_a_killed_supervisor_leaves_nothing(run, postgres_url):
    running = run(demo=0, database_url=postgres_url, ocpp_processes=2)

    def both():
        found = {process.pid for process in running.all("-m worker")}
        return found if len(found) == 2 else None

    first = eventually(both, within=60, what="both workers run")
    killed = running.all("-m worker")[0]
    killed.kill()
    eventually(lambda: (both() or first) != first, within=60, what="the worker comes back")
    running.process.kill()
    running.process.wait()
    eventually(lambda: running.members() == [], within=60, what="everything ends")
