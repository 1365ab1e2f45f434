"""`make run` from nothing: a desk, a demo that charges and bills, an end that leaves nothing."""

import re
import signal
import urllib.request

import pytest

from tests.support.running import Running
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path / "data")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.end()


@pytest.mark.landing
def test_a_newcomer_finds_a_desk_with_a_finished_session_and_leaves_nothing(running):
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
