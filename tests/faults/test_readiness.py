"""Worker and desk say whether they live, and whether they can do their work, and it is true."""

import json
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest

from tests.support.relay import Relay, Wires
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


@pytest.fixture
def site(make_site):
    return make_site("postgresql", processes=("worker", "web"))


@pytest.fixture
def relay(site):
    """What stands between the site's processes and a database that others use, too."""
    parts, wires = urlsplit(site.settings.database_url), Wires()
    folder = parse_qs(parts.query).get("host", [""])[0]
    relay = Relay(wires, folder or parts.hostname, parts.port or 5432)
    who = f"{parts.username or 'postgres'}:{parts.password or ''}"
    url = urlunsplit(("postgresql", f"{who}@127.0.0.1:{relay.port}", parts.path, "", ""))
    for process in site.processes.values():
        process.kill9()
        process.environment["AMPDESK_DATABASE_URL"] = url
        process.start()
    site.wait_ready()
    yield relay
    relay.cut()
    wires.stop()


def ask(site, name, path):
    """Status and body of what a process answers."""
    port = {"worker": site.settings.ocpp_port, "web": site.settings.web_port}[name]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def database_of(site, name):
    status, body = ask(site, name, "/readyz")
    parts = {part.lower(): told for part, told in body["parts"].items()}
    return status, parts["database"]["state"]


def both_are(site, status, state):
    eventually(lambda: database_of(site, "worker") == (status, state), what="the worker's word")
    eventually(lambda: database_of(site, "web") == (status, state), what="the desk's word")


# A database that says nothing is the harder one to tell from one that is there.
@pytest.mark.parametrize("fault", [pytest.param("cut", marks=pytest.mark.nightly), "hold"])
def test_a_database_that_is_away_is_said_and_what_lives_lives(site, relay, fault):
    both_are(site, 200, "ok")
    getattr(relay, fault)()
    both_are(site, 503, "bad")
    assert ask(site, "worker", "/healthz")[0] == 200
    assert ask(site, "web", "/healthz") == (200, {"status": "ok"})
    relay.mend()
    both_are(site, 200, "ok")


def test_without_redis_chargers_are_served_and_it_is_said(site):
    eventually(lambda: ask(site, "worker", "/readyz")[1]["status"] == "ok")
    site.kill9("redis")

    def said():
        status, body = ask(site, "worker", "/readyz")
        return status == 200 and body["parts"]["redis"]["state"] == "warn"

    eventually(said, what="the worker's word")
    assert ask(site, "web", "/readyz")[0] == 200


def test_no_answer_names_a_secret_or_a_tenant(site):
    for name in ("worker", "web"):
        text = json.dumps(ask(site, name, "/readyz")).lower()
        assert "password" not in text and "redis://" not in text and "postgres" not in text
