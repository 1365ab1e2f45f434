"""Settings and About: what is set, from where, what is installed; no secret is shown."""

import importlib.util
import json
import shutil
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest
from kombu.entity import Queue
from markupsafe import escape
from sqlalchemy import select

from app.config import Settings
from app.domain.ground.vocabulary import Role
from app.models import OutgoingMail, User
from app.process import queues
from app.web import about, system
from app.web.beside import Beside
from tests.support import apps, seed
from tests.support.wait import eventually

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECRETS = ("hunter2", "opensesame", "correct-horse", "tokentoken", "signing-key")


@pytest.fixture
def desk(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return {role: seed.signed_in(app, user) for role, user in made.people.items()}


@pytest.fixture
def full(app):
    """An installation whose settings hold secrets in every way there is."""
    usual = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(
        usual,
        smtp_url="smtp://ada:hunter2@mail.example.com:587/?key=tokentoken",
        redis_url="redis://:opensesame@redis.example.com/0",
        admin_password="correct-horse-battery",
        secret_key="signing-key-of-cookies",
        sign_command="/bin/sign --pin hunter2",
        heartbeat_s=120,
    )
    yield app
    app.config["SETTINGS"] = usual


def settings_of(app, **environ):
    with app.app_context():
        return {row.name: row for row in about.settings_in_use(environ)}


def test_readme_has_every_setting_as_the_code_says_it():
    spec = importlib.util.spec_from_file_location("settings_table", DOCS / "settings_table.py")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run make docs"


def test_a_setting_says_where_its_value_is_from(full):
    rows = settings_of(full, AMPDESK_HEARTBEAT_S="120", AMPDESK_LOG_LEVEL="info")
    assert (rows["AMPDESK_HEARTBEAT_S"].origin, rows["AMPDESK_HEARTBEAT_S"].value) == (
        "environment",
        "120",
    )
    assert rows["AMPDESK_HEARTBEAT_S"].default == "300"
    assert rows["AMPDESK_LOG_LEVEL"].origin == "environment"
    assert rows["AMPDESK_SWEEP_S"].origin == "default"


def test_a_key_that_was_made_once_is_from_the_data_folder(app):
    app.config["SETTINGS"].signing_key()
    row = settings_of(app)["AMPDESK_SECRET_KEY"]
    assert (row.origin, row.value) == ("file", about.MASK)


def test_no_secret_is_shown(full, desk):
    rows = settings_of(full)
    assert rows["AMPDESK_SMTP_URL"].value == (
        f"smtp://{about.MASK}@mail.example.com:587/?{about.MASK}"
    )
    run = full.test_cli_runner()
    said = [
        desk["admin"].get("/settings").text,
        desk["admin"].get("/about").text,
        run.invoke(args=["system", "settings", "--json"]).stdout,
        run.invoke(args=["system", "about", "--report"]).stdout,
    ]
    for text in said:
        assert "Ampdesk" in text or "AMPDESK_SMTP_URL" in text
        assert not [secret for secret in SECRETS if secret in text]


def test_the_text_for_a_bug_report_names_no_place(full):
    text = full.test_cli_runner().invoke(args=["system", "about", "--report"]).stdout
    assert "AMPDESK_SMTP_URL is set" in text
    assert "AMPDESK_HEARTBEAT_S=120" in text
    assert "example.com" not in text


def test_the_command_line_says_what_is_installed(app):
    found = app.test_cli_runner().invoke(args=["system", "about", "--json"]).stdout
    facts = json.loads(found)
    assert facts["tables"] == facts["newest_tables"]
    assert facts["chargers"].startswith("ws://")


def test_about_shows_parts_tables_and_licences(desk):
    page = desk["viewer"].get("/about").text
    for words in ("SQLAlchemy", "MIT", "For a bug report", "Libraries and their licences"):
        assert words in page, words
    assert "Test mail" not in page


def test_redis_is_not_doubted_before_it_was_waited_for(app, db, now):
    answers = threading.Event()
    asked = Beside(lambda _client: 0.001 if answers.wait(60) else None, 0, 0)
    app.extensions["redis_beside"] = asked
    with app.app_context():
        (part,) = [one for one in system.parts(db, now=now) if one.name == "Redis"]
        assert (part.state, part.fact, part.sentence) == (system.OK, "is being asked", "")
        answers.set()
        eventually(lambda: asked.answer(None).value is not None)
        (part,) = [one for one in system.parts(db, now=now) if one.name == "Redis"]
        assert part.fact.startswith("answers in")


def test_settings_are_explained_in_the_language_of_the_reader(desk, db):
    db.scalars(select(User).where(User.role == Role.ADMIN)).one().language = "de"
    db.commit()
    page = desk["admin"].get("/settings").text
    assert "<p>Port von Ampdesk</p>" in page
    for item in fields(Settings):
        assert f"<p>{escape(item.metadata['meaning'])}</p>" not in page, item.name


def test_settings_are_for_admins_of_everything(desk):
    assert desk["admin"].get("/settings").status_code == 200
    assert desk["operator"].get("/settings").status_code == 403
    assert 'href="/settings"' not in desk["operator"].get("/").text


def test_an_admin_sends_a_test_mail_to_themselves(desk, db):
    assert desk["admin"].post("/about/test-mail").status_code == 303
    mail = db.scalars(select(OutgoingMail).order_by(OutgoingMail.id.desc())).first()
    assert mail.subject == "Ampdesk: test mail"
    assert "waiting" in desk["admin"].get("/about").text
    assert desk["operator"].post("/about/test-mail").status_code == 403


def test_a_task_that_is_in_hand_when_redis_ends_is_no_end_of_celery(
    migrated, tmp_path, redis_server
):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path, redis_url=redis_server.url) as app:
        celery = app.extensions["celery"]
        celery.send_task("sweep")
        connection = celery.connection_for_read()
        channel = connection.default_channel
        in_hand = Queue("sweeps")(channel).get()
        connection.transport.client = None  # as Kombu leaves it when it was lost
        connection.close()
        with pytest.raises(connection.connection_errors):
            in_hand.ack()
        app.extensions["redis"].delete(*queues.QUEUES)


def test_the_queues_say_how_many_wait_and_for_how_long(migrated, tmp_path, redis_server):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path, redis_url=redis_server.url) as app:
        client, celery = app.extensions["redis"], app.extensions["celery"]
        client.delete(*queues.QUEUES)
        assert not any(state.waiting for state in queues.queue_states(celery))
        celery.send_task("sweep")
        celery.send_task("housekeeping")
        celery.send_task("send_post")
        found = {state.name: state for state in queues.queue_states(celery)}
        assert {name: state.waiting for name, state in found.items()} == {
            **dict.fromkeys(queues.QUEUES, 0), "sweeps": 2, "mails": 1
        }  # fmt: skip
        assert 0 <= found["sweeps"].oldest_s < 60
        assert found["jobs"].oldest_s is None
        client.rpush("sweeps", b"nonsense")
        assert max(one.waiting for one in queues.queue_states(celery)) == 3
        client.delete(*queues.QUEUES)
