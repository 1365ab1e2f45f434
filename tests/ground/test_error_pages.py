"""The pages that say what went wrong: headline, sentence and way on agree, in both languages."""

import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import extensions
from app.extensions import db as flask_db
from app.uow import unit_of_work
from tests.support import seed

#: What happens -> the headline, a word of its sentence, and whether chargers are spoken of.
DATABASE = {
    "away": ("The database does not answer", "until it answers again", True),
    "busy": ("The database is busy", "Too many wait for it", True),
    "all connections taken": ("The database is busy", "Too many wait for it", True),
    "read-only": ("The database takes no writes", "can be looked at", True),
    "no table": ("The database is not ready", "upgrade", False),
}


def an_error(kind, folder):
    """An error as the database itself raises it."""
    if kind == "all connections taken":
        return PoolTimeout("QueuePool limit")
    path = folder / "one.sqlite3"
    with sqlite3.connect(path) as keeper:
        keeper.execute("create table x (y)")
    text = "select * from z" if kind == "no table" else "insert into x values (1)"
    place = f"file:{folder / 'none' / 'one' if kind == 'away' else path}"
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("begin immediate" if kind == "busy" else "select 1")
        with pytest.raises(sqlite3.OperationalError) as raised:
            ours = sqlite3.connect(
                f"{place}?mode=ro" if kind == "read-only" else place, uri=True, timeout=0
            )
            ours.execute(text)
    return OperationalError(text, {}, raised.value)


@pytest.mark.parametrize("kind", DATABASE)
def test_what_the_database_cannot_do_now_is_said_in_words_that_agree(app, tmp_path, kind):
    error = an_error(kind, tmp_path)
    headline, words, chargers = DATABASE[kind]

    def fail():
        raise error

    app.before_request_funcs[None].append(fail)
    answer = app.test_client().get("/sign-in?next=/bills")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert f"<h1>{headline}</h1>" in answer.text and words in answer.text
    assert ("Chargers are served meanwhile" in answer.text) == chargers
    assert 'href="">' in answer.text and "Try again" in answer.text
    sent = app.test_client().post("/sign-in", headers={"Referer": "http://localhost/sign-in"})
    assert "Try again" not in sent.text and 'href="http://localhost/sign-in"' in sent.text
    german = app.test_client().get("/sign-in", headers={"Accept-Language": "de"}).text
    assert headline not in german and words not in german and "Erneut versuchen" in german


def test_a_collision_in_postgresql_is_no_database_that_is_away():
    class Cause(Exception):
        sqlstate = ""

    told = {"40P01": (False, True), "53300": (True, True), "53100": (True, False)}
    for state, (away, busy) in told.items():
        cause = Cause()
        cause.sqlstate = state
        error = OperationalError("select", {}, cause)
        assert (extensions.is_away(error), extensions.is_busy(error)) == (away, busy), state


@pytest.mark.postgres
def test_a_database_behind_its_migrations_is_told_by_postgresql_as_by_sqlite(postgres_app):
    for change in ("users RENAME COLUMN totp_secret TO old", "users RENAME TO gone"):
        flask_db.session.execute(text(f"ALTER TABLE {change}"))
        flask_db.session.commit()
        client = postgres_app.test_client()
        with client.session_transaction() as kept:
            kept["_user_id"], kept["_fresh"] = "1:0", True
        answer = client.get("/sign-in")
        flask_db.session.rollback()
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), change
        assert "The database is not ready" in answer.text
    told = postgres_app.test_cli_runner().invoke(args=["user", "list"])
    assert (told.exit_code, "behind its migrations" in told.stderr) == (1, True)


#: What breaks which rule of the database -> what is said, or nothing: then it is our fault.
COLLISIONS = {
    "INSERT INTO tenants SELECT * FROM tenants": "Somebody made the same in this moment.",
    "UPDATE stations SET site_id = 999": "What it refers to was just removed",
    "UPDATE stations SET identity = NULL": None,
}


@pytest.mark.parametrize("kind", ["app", pytest.param("postgres_app", marks=pytest.mark.postgres)])
@pytest.mark.parametrize("statement", COLLISIONS)
def test_two_who_collide_are_told_by_the_rule_that_they_broke(kind, statement, now, request):
    app, words = request.getfixturevalue(kind), COLLISIONS[statement]
    with app.test_request_context("/api/v1/tags"):
        with unit_of_work() as db:
            seed.fill(db, now, history=0)
        with pytest.raises(IntegrityError) as raised, unit_of_work() as db:
            db.execute(text(statement))
        if words is None:
            with pytest.raises(IntegrityError):
                app.handle_user_exception(raised.value)
        else:
            answer = app.make_response(app.handle_user_exception(raised.value))
            assert answer.status_code == 409
            assert words in answer.json["detail"]


def test_each_refusal_has_words_of_its_own(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    client = seed.signed_in(app, made.people["admin"])
    known = {
        client.get("/nothing").text: "Page not found",
        client.get("/sign-out").text: "This address opens no page",
        client.post("/sites/new", data={"name": "x" * 2**25}).text: "This is too large",
    }
    for page, headline in known.items():
        assert f"<h1>{headline}</h1>" in page


def test_a_form_of_another_visit_is_told_so_and_leads_back(app):
    app.config["WTF_CSRF_ENABLED"] = True
    there = {"Referer": "http://localhost/sign-in"}
    answer = app.test_client().post("/sign-in", data={"email": "a"}, headers=there)
    assert answer.status_code == 400
    assert "This page was open for too long" in answer.text and "CSRF" not in answer.text
    assert 'href="http://localhost/sign-in"' in answer.text
    elsewhere = app.test_client().post("/sign-in", headers={"Referer": "http://evil.example/"})
    assert "evil.example" not in elsewhere.text


def test_who_tries_too_often_is_told_in_words_not_in_numbers_of_a_program(app):
    client = app.test_client()
    answers = [client.post("/forgotten", data={"email": "a@b.example"}) for _ in range(11)]
    last = answers[-1]
    assert last.status_code == 429
    assert "Too many attempts" in last.text and "per 15 minute" not in last.text
