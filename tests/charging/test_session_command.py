"""flask session: what ran, what one session holds, ending one, files."""

import csv
import io
import json
from functools import partial

import pytest

from app.domain.ground.vocabulary import SessionState
from app.models import AuditEntry, ChargingSession, MeterReading


@pytest.fixture
def flask(flask, made):
    return partial(flask, "session")


def listed(flask, *more):
    return json.loads(flask("list", "--json", *more).stdout)


def test_sessions_are_listed_newest_first(flask, made):
    rows = listed(flask)
    assert {row["session"] for row in rows} == {row.id for row in made.sessions.values()}
    started = [row["started"] for row in rows]
    assert started == sorted(started, reverse=True)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--state", "charging"), {"running", "idle"}),
        (("--billing", "held"), {"held", "unauthorised"}),
        (("--flag", "end_unexplained"), {"held"}),
        (("--station", "cp-04", "--state", "charging"), {"running"}),
        (("--site", "city garage"), set()),
        (("--until", "2020-01-01"), set()),
    ],
)
def test_options_narrow_the_list(flask, made, options, names):
    found = {row["session"] for row in listed(flask, *options)}
    assert found == {made.sessions[name].id for name in names}


def test_a_terminal_gets_a_table_and_is_told_what_is_left_out(flask):
    answer = flask("list", "--limit", 2)
    assert answer.stdout.startswith("session")
    assert len(answer.stdout.splitlines()) == 3
    assert "--limit shows more" in answer.stderr


def test_one_session_is_shown_with_its_doubts_in_words(flask, made):
    text = flask("show", made.sessions["provisional"].id).stdout
    assert "No stop was reported; the session was closed after its last reading." in text
    told = json.loads(flask("show", made.sessions["finished"].id, "--json").stdout)
    assert told["bill"] == made.sessions["finished"].bills[0].number
    assert told["readings"][0]["register_wh"] == "1204118"


def test_a_session_is_ended_with_a_reason_once(flask, made, db):
    number = made.sessions["running"].id
    assert flask("end", number).exit_code == 2
    assert flask("end", number, "--reason", " ").stderr == "Say why: --reason is empty.\n"
    assert flask("end", number, "--reason", "charger replaced").exit_code == 0
    db.expire_all()
    assert db.get(ChargingSession, number).state is SessionState.ENDED
    entry = db.query(AuditEntry).filter_by(action="session.close").one()
    assert (entry.actor, entry.note) == ("command line", "charger replaced")
    again = flask("end", number, "--reason", "again")
    assert (again.exit_code, again.stderr) == (1, f"Session {number} has ended already.\n")


def test_readings_and_sessions_leave_as_csv(flask, made, db, tmp_path):
    number = made.sessions["finished"].id
    rows = list(csv.DictReader(io.StringIO(flask("export", number).stdout)))
    assert len(rows) == db.query(MeterReading).filter_by(session_id=number).count()
    path = tmp_path / "sessions.csv"
    assert flask("export", "--state", "charging", "-o", path).exit_code == 0
    with path.open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", 4242), "There is no session 4242.\n"),
        (("export", 4242), "There is no session 4242.\n"),
        (("list", "--station", "CP-99"), "There is no station CP-99.\n"),
        (("list", "--site", "Mars"), "There is no site Mars.\n"),
        (("list", "--since", "soon"), "--since is no date: soon. Write 2026-03-01.\n"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(flask, arguments, sentence):
    answer = flask(*arguments)
    assert (answer.exit_code, answer.stdout, answer.stderr) == (1, "", sentence)


def test_a_session_without_a_stop_is_billed_at_once(flask, made):
    number = made.sessions["provisional"].id
    answer = flask("bill", number, "--reason", "the driver asks for it")
    assert answer.exit_code == 0, answer.output
    assert "2026-" in answer.output or "held for review" in answer.output
    again = flask("bill", number, "--reason", "again")
    assert again.exit_code == 1
    assert "does not wait for its stop" in again.stderr


def test_a_stop_that_does_not_exist_is_given_to_nobody(flask, made):
    answer = flask("assign-stop", 99, made.sessions["provisional"].id, "--reason", "r")
    assert "There is no stray stop 99." in answer.stderr
    assert flask("stray-stops", "--json").exit_code == 0
