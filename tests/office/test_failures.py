"""What Sentry hears of failures, and what it never hears, from a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from app.config import Settings, WrongSetting
from deploy.processes import ROOT
from tests.support.watchers import Sentry

#: A desk in which a page, a charger's message, a task and the end of the process itself fail.
PROGRAM = """
import gc
gc.disable()  # as wsgi.py does
import logging
from app import create_app
from app.process import logs
app = create_app()

@app.get("/fails/<key>")
def fails(key):
    raise ValueError("tag 04DEADBEEF of ada@example.org has password hunter2")

client = app.test_client()
client.get("/fails/secretkey", headers={"Authorization": "Bearer topsecrettoken"})
with logs.about(station="CP-1", station_id=7, action="Authorize", token="04DEADBEEF"):
    try:
        raise KeyError("04DEADBEEF")
    except KeyError:
        logging.getLogger("worker.dispatch").exception("%s of %s failed", "Authorize", "04DEADBEEF")
log = logging.getLogger("app.tasks.rounds")
for _ in range(50):
    log.error("mail to %s is lost", "ada@example.org")
log.error("mail to ada@example.org is lost, password=hunter2")
log.warning("nothing that fails")

@app.extensions["celery"].task(name="fails")
def task(number):
    raise RuntimeError("hunter2")

task.apply(args=["04DEADBEEF"])
raise SystemError("hunter2 ends it")
"""
SECRETS = ("04DEADBEEF", "ada@example.org", "hunter2", "topsecrettoken", "secretkey")


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """What a Sentry hears of the program: its events, and all of it as text."""
    with Sentry(status=200, text="{}") as sentry:
        run(tmp_path_factory.mktemp("heard"), AMPDESK_SENTRY_DSN=sentry.dsn)
        return sentry.events, "\n".join(sentry.texts)


def run(folder, program=PROGRAM, **more):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AMPDESK_")}
    given = {**inherited, "AMPDESK_DATA_DIR": str(folder), "AMPDESK_DEMO": "0", **more}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@pytest.mark.landing
def test_sentry_hears_where_something_failed_and_nothing_that_somebody_wrote(heard):
    events, text = heard
    kinds = [event["exception"]["values"][-1]["type"] for event in events if "exception" in event]
    assert kinds == ["ValueError", "KeyError", "RuntimeError", "SystemError"]
    for event in events:
        assert not {"user", "request", "breadcrumbs", "extra"} & set(event)
    page, message = events[:2]
    assert page["tags"]["endpoint"] == "fails"
    assert any(
        frame["function"] == "fails"
        for frame in page["exception"]["values"][-1]["stacktrace"]["frames"]
    )
    assert message["message"] == "%s of %s failed"
    assert message["tags"] == {"station_id": "7", "action": "Authorize"}
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.landing
def test_a_failure_over_and_over_is_told_as_often_as_it_is_logged(heard):
    events, _ = heard
    lost = [event for event in events if event.get("message") == "mail to %s is lost"]
    assert len(lost) == 3


#: As the worker and the desk are: greenlets, the loop's own calls, threads; nobody catches.
UNCAUGHT = """
from gevent import monkey
monkey.patch_all()
import gc
gc.disable()
import threading
import gevent
from app import create_app
create_app()

def of_greenlet(tag):
    raise ValueError(tag)

def of_loop(tag):
    raise KeyError(tag)

def of_thread(tag):
    raise RuntimeError(tag)

def ends_well(tag):
    raise gevent.GreenletExit(tag)

for each in (of_greenlet, ends_well):
    gevent.spawn(each, "04DEADBEEF").join()
gevent.get_hub().loop.run_callback(of_loop, "04DEADBEEF")
gevent.sleep(0)
try:
    gevent.get_hub().threadpool.apply(of_loop, ["04DEADBEEF"])
except KeyError:
    pass  # caught
thread = threading.Thread(target=of_thread, args=["04DEADBEEF"])
thread.start()
thread.join()
"""


@pytest.mark.landing
def test_what_nobody_catches_is_logged_and_told_like_everything_else(migrated, tmp_path):
    with Sentry(status=200, text="{}") as sentry:
        more = {"AMPDESK_SENTRY_DSN": sentry.dsn, "AMPDESK_LOG_FORMAT": "json"}
        ended = run(tmp_path, UNCAUGHT, **more)
    logged = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in logged] == ["nobody caught a failure"] * 3
    told = [event["exception"]["values"][-1] for event in sentry.events]
    assert [one["type"] for one in told] == ["ValueError", "KeyError", "RuntimeError"]
    where = [one["stacktrace"]["frames"][-1]["function"] for one in told]
    assert where == ["of_greenlet", "of_loop", "of_thread"]
    assert "04DEADBEEF" not in "".join(sentry.texts)


@pytest.mark.landing
def test_without_a_project_or_a_collector_nothing_of_their_libraries_is_loaded(migrated, tmp_path):
    program = """
import gc
gc.disable()
import sys
from app import create_app
create_app().test_client().get("/healthz")
# redis looks by itself whether there is an opentelemetry to count with.
theirs = ("sentry_sdk", "opentelemetry.sdk.trace", "opentelemetry.exporter")
print([name for name in sys.modules if name.startswith(theirs)])
"""
    assert run(tmp_path, program).stdout.strip() == "[]"


def test_a_watcher_whose_packages_are_missing_is_a_wrong_setting(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("AMPDESK_SENTRY_DSN", "AMPDESK_TRACES_URL"):
        with pytest.raises(WrongSetting, match=f"{name}.*requirements-watch.txt"):
            Settings.from_environment({name: "http://key@watch.example.org/1"})
