"""The desk and its command line while the database does not answer, and what waits afterwards."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.domain.network import presence
from app.extensions import db as flask_db
from app.queries.office import attention
from app.web import system
from tests.support import apps, seed
from tests.support.charging import network


def take_away(app):
    """Have the database be no file any more."""
    flask_db.session.remove()
    flask_db.engine.dispose()
    path = app.config["SETTINGS"].data_dir / "ampdesk.sqlite3"
    path.rename(path.with_name("away"))
    path.mkdir()
    for rest in path.parent.glob("ampdesk.sqlite3-*"):
        rest.unlink()


def test_every_page_says_that_the_database_does_not_answer(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    client = seed.signed_in(app, made.people["admin"])
    take_away(app)
    for address in ("/", "/sessions", "/stations"):
        answer = client.get(address)
        said = answer.text
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert "The database does not answer" in said
        assert "Traceback" not in said and "sqlite" not in said
    # What is refused without it is said on a page that shows who reads it.
    for answer in (client.get("/nowhere"), client.post("/sessions")):
        assert answer.status_code == 503
        assert "The database does not answer" in answer.text
    answer = client.get("/api/v1/stations", headers={"Authorization": "Bearer amp_x"})
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")


class Health(BaseHTTPRequestHandler):
    """A worker's word about itself."""

    told = {"connections": 40, "storage": False, "spool": {"frames": 234, "oldest_s": 90}}

    def do_GET(self):
        body = json.dumps(self.told).encode()
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def health():
    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def show(app):
    done = app.test_cli_runner().invoke(args=["system", "show", "--json"])
    assert done.exit_code == 1, done.output
    return {part["part"]: part for part in json.loads(done.stdout)}


def test_flask_system_says_so_and_what_the_worker_keeps(tmp_path, migrated, health):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    with apps.running(tmp_path, ocpp_port=health) as app:
        take_away(app)
        told = show(app)
    assert list(told) == ["Database", "Worker", "Redis", "Disk"]
    assert (told["Database"]["state"], told["Database"]["fact"]) == ("bad", "does not answer")
    assert told["Worker"]["fact"] == "40 connected · 234 messages to store"
    age = datetime.now(UTC) - datetime.fromisoformat(told["Worker"]["since"])
    assert timedelta(seconds=89) < age < timedelta(seconds=150)


def test_flask_system_says_where_no_worker_answers(tmp_path, migrated):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    with apps.running(tmp_path, ocpp_port=1) as app:
        take_away(app)
        assert show(app)["Worker"]["fact"] == "does not answer here"


def test_what_waits_in_a_spool_is_a_finding_until_it_is_stored(app, db, now):
    tenant_id = network(db).station.tenant_id
    presence.beat(db, "one", now=now)
    presence.beat(db, "two", now=now)
    since = now - timedelta(minutes=10)
    presence.note_spool(db, "two", 234, 5_000_000, since)
    [finding] = of_spools(db, tenant_id, now)
    assert (finding.since, finding.facts["worker"].spooled) == (since, 234)
    assert of_spools(db, tenant_id, now + presence.ALIVE) == []
    part = system.parts(db, now=now)[0]
    assert (part.state, part.since) == ("warn", since)
    assert "234 messages to store" in part.fact
    presence.note_spool(db, "two", 0, 0, None)
    assert of_spools(db, tenant_id, now) == []


def test_home_says_what_waits(app, db):
    now = datetime.now(UTC)
    made = seed.fill(db, now, history=0)
    presence.beat(db, "here", now=now)
    presence.note_spool(db, "here", 3, 900, now - timedelta(minutes=10))
    db.commit()
    said = seed.signed_in(app, made.people["viewer"]).get("/").text
    assert "3 messages wait to be stored" in said


def of_spools(db, tenant_id, now):
    db.flush()
    found = attention.findings(db, tenant_id=tenant_id, now=now)
    return [one for one in found if one.kind == "spooled"]
