"""flask system: the parts of the installation from the command line."""

import json
from datetime import UTC, datetime

from app.domain.network import presence
from app.uow import unit_of_work


def parts(app):
    done = app.test_cli_runner().invoke(args=["system", "show", "--json"])
    return done.exit_code, {part["part"]: part for part in json.loads(done.stdout)}


def test_a_worker_that_never_answered_is_said_and_ends_with_status_1(app):
    status, told = parts(app)
    assert status == 1
    assert list(told) == ["Worker", "Redis", "Celery", "Mail", "Database", "Disk"]
    assert (told["Worker"]["state"], told["Worker"]["fact"]) == ("bad", "has never answered")
    assert "python -m worker" in told["Worker"]["sentence"]


def test_spaces_that_do_not_break_are_printed_as_spaces(app):
    said = app.test_cli_runner().invoke(args=["system", "show"]).stdout
    assert "GB free" in said and "?" not in said


def test_a_worker_that_lives_is_well(app):
    with unit_of_work() as db:
        presence.beat(db, "here", now=datetime.now(UTC))
    _, told = parts(app)
    assert (told["Worker"]["state"], told["Worker"]["sentence"]) == ("ok", "")
