"""flask reservation and flask local-list: the same operations as the desk's."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import CommandState, Outcome
from app.models import Command
from tests.support import seed


@pytest.fixture
def made(db):
    made = seed.fill_online(db, datetime.now(UTC))
    db.commit()
    return made


@pytest.fixture
def tag(made):
    return made.tags["Ada"].value


def answer(db, state):
    db.expire_all()
    command = db.scalar(select(Command).order_by(Command.id.desc()).limit(1))
    command.state = CommandState.SENT
    commands.settle(db, command, Outcome(state, {}, "Said."), now=datetime.now(UTC))
    db.commit()


def test_a_connector_is_reserved_listed_and_let_go(flask, db, tag):
    asked = flask("reservation", "add", "CP-03", tag, "--connector", 2, "--minutes", 5, "--no-wait")
    assert (asked.exit_code, asked.stdout) == (0, "queued: on its way.\n")
    answer(db, CommandState.ACCEPTED)
    [row] = json.loads(flask("reservation", "list", "--state", "open", "--json").stdout)
    assert (row["station"], row["connector"], row["state"]) == ("CP-03", 2, "active")
    assert flask("reservation", "cancel", row["id"], "--no-wait").exit_code == 0
    answer(db, CommandState.ACCEPTED)
    [row] = json.loads(flask("reservation", "list", "--station", "CP-03", "--json").stdout)
    assert row["sentence"] == "Cancelled by command line."


def test_refusals_are_one_sentence(flask, tag):
    refused = flask("reservation", "add", "CP-03", "NOBODY", "--minutes", 5)
    assert (refused.exit_code, refused.stderr) == (1, "The tag NOBODY is on no list.\n")
    assert "until when" in flask("reservation", "add", "CP-03", tag).stderr
    assert "no reservation 99" in flask("reservation", "cancel", 99).stderr


def test_a_list_is_sent_and_shown(flask, db, tag):
    pending = json.loads(flask("local-list", "show", "CP-03", "--pending", "--json").stdout)
    assert tag in [entry["tag"] for entry in pending]
    assert {entry["change"] for entry in pending} == {"added"}
    assert flask("local-list", "send", "CP-03", "--no-wait").exit_code == 0
    answer(db, CommandState.ACCEPTED)
    shown = flask("local-list", "show", "CP-03")
    assert tag in shown.stdout
    assert shown.stderr == "Version 1; it says: not asked. Changes to send: 0.\n"
    again = flask("local-list", "send", "CP-03")
    assert "has this list already" in again.stderr
    assert flask("local-list", "version", "CP-03", "--no-wait").exit_code == 0
