"""A running worker fed with spoilt payloads of every action: it stays up and answers every call.

What once went wrong is kept in tests/fixtures/fuzz/<version>.jsonl, one frame a line, and is sent
first.  The rest is made from seeds, so that a failure can be played again.
"""

import contextlib
import json
import re
import shutil
import urllib.request
from random import Random

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import OPEN_STATES
from app.models import Command
from deploy.processes import ROOT
from tests.dialects.order_samples import SAMPLES
from tests.dialects.replay import Stage
from tests.support import payloads
from tests.support.chance import at_landing
from tests.support.fixtures import POSTGRESQL_BY_DAY
from tests.support.oracle import expected
from tests.support.site import Site
from tests.support.wait import eventually
from tests.worker.test_commands import queue
from worker.ocpp.versions import Version

pytestmark = pytest.mark.processes

#: So often each action is spoilt anew.
ROUNDS = [5, pytest.param(16, marks=pytest.mark.nightly)]
BY_DAY = [*at_landing(Version.V16, Version.V201), Version.V21]
BATCH = 40
#: Memory that a worker may gain by all of it: caches that fill, and nothing that grows.
GROWTH_BYTES = 60 << 20

BOOTS = {
    Version.V16: {"chargePointVendor": "Acme", "chargePointModel": "One"},
    Version.V201: {
        "reason": "PowerUp",
        "chargingStation": {"model": "One", "vendorName": "Acme"},
    },
}
BOOTS[Version.V21] = BOOTS[Version.V201]


@pytest.fixture(scope="module", params=POSTGRESQL_BY_DAY)
def site(request, tmp_path_factory, migrated):
    """A worker on the stricter database, by night also on the other."""
    folder = tmp_path_factory.mktemp("fuzz")
    with contextlib.ExitStack() as stack:
        url = ""
        if request.param == "sqlite":
            shutil.copy(migrated, folder / "ampdesk.sqlite3")
        else:
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.new_database())
        running = Site(folder, url, processes=("worker",), call_timeout_s=5)
        stack.callback(running.stop)
        running.start()
        yield running


@pytest.fixture(params=["tolerant", "strict"])
def validation(request):
    return request.param


def corpus(version, validation, rounds):
    """The kept frames, then the seeded ones, in an order that mixes the actions."""
    kept = ROOT / "tests/fixtures/fuzz" / f"{version.value}.jsonl"
    frames = [line for line in kept.read_text("utf-8").splitlines() if line]
    for number in range(rounds if validation == "tolerant" else rounds // 4):
        for action in payloads.actions(version):
            random = Random(f"{version.value} {validation} {action} {number}")
            frames.append(payloads.frame(version, action, f"{action}-{number}", random))
    return frames


def exchange(stage, frames, mark):
    """Send frames and then a heartbeat; everything that comes back before its answer."""
    for text in frames:
        stage.socket.send(text)
    stage.socket.send(json.dumps([2, mark, "Heartbeat", {}]))
    answers = []
    while True:
        answer = json.loads(stage.socket.recv(timeout=60))
        if answer[0] in (3, 4) and answer[1] == mark:
            return answers
        answers.append(answer)


def problems(frames, answers, old, strict):
    """Calls without their one answer, and answers that tell of an error of ours."""
    found = [f"internal error: {answer}" for answer in answers if "InternalError" in answer[2:3]]
    given = [answer[1] for answer in answers if answer[0] in (3, 4)]
    wanted = {}
    for text in frames:
        message_id = expected(text, old, strict)
        if message_id is not None:
            wanted.setdefault(message_id, []).append(text)
    for message_id, texts in wanted.items():
        if message_id != "-1" and given.count(message_id) != len(set(texts)):
            found.append(f"{given.count(message_id)} answers to {texts}")
    return found


@pytest.mark.landing
@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("version", BY_DAY)
def test_the_worker_survives_and_answers_everything(site, version, validation, rounds):
    stage = Stage(site, version.value)
    stage.set_up(validation=validation, tags=["04A2B3C4"])
    boot = json.dumps([2, "boot", "BootNotification", BOOTS[version]])
    found = []
    with contextlib.closing(stage):
        frames = corpus(version, validation, rounds)
        exchange(stage, [boot], "first")
        process = psutil.Process(site.processes["worker"].process.pid)
        before = process.memory_info().rss
        for start in range(0, len(frames), BATCH):
            batch = frames[start : start + BATCH]
            try:
                answers = exchange(stage, batch, f"mark-{start}")
            except ConnectionClosed as closed:
                found.append(f"closed with {closed.rcvd} within {batch}")
                stage.close()
                continue
            found += problems(batch, answers, version is Version.V16, validation == "strict")
        assert process.memory_info().rss - before < GROWTH_BYTES
    log = site.processes["worker"].log.read_text("utf-8", "replace")
    assert not found, "\n".join([*found[:20], *raised(log)])
    assert not raised(log)
    eventually(lambda: healthy(site), what="a healthy worker")


@pytest.mark.landing
@pytest.mark.parametrize("version", BY_DAY)
def test_spoilt_answers_settle_every_order(site, version):
    stage = Stage(site, version.value)
    stage.set_up(tags=["04A2B3C4"])
    random = Random(f"{version.value} answers")
    with contextlib.closing(stage):
        boot = json.dumps([2, "boot", "BootNotification", BOOTS[version]])
        exchange(stage, [boot], "first")
        for order, samples in SAMPLES.items():
            for sample in samples[:2]:
                try:
                    number = queue(site, stage.identity, order, sample, ttl_s=60.0)
                except DomainError:
                    continue  # this station has not what the order is about
                answer_until_settled(site, stage, number, version, random)
    log = site.processes["worker"].log.read_text("utf-8", "replace")
    assert not raised(log)


def answer_until_settled(site, stage, number, version, random):
    """Give a spoilt answer to each call until the command has ended."""

    def ended():
        with contextlib.suppress(TimeoutError):
            while True:
                heard = json.loads(stage.socket.recv(timeout=0.05))
                if heard[0] == 2:
                    answer = payloads.valid(version, heard[2], "result", random)
                    answer = payloads.spoilt(answer, random)
                    stage.socket.send(json.dumps([3, heard[1], answer]))
        with site.read() as db:
            return db.get(Command, number).state not in OPEN_STATES

    eventually(ended, what=f"command {number} ends")


def raised(log):
    """The errors that a log tells of, without the frames that were played."""
    return [line[:400] for line in log.splitlines() if re.search(r"\[(error|critical) ", line)]


def healthy(site):
    """Ask the worker how it is."""
    url = f"http://127.0.0.1:{site.settings.ocpp_port}/healthz"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())["ok"]
