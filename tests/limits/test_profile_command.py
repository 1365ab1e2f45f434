"""flask profile: the library from the command line."""

import json

import pytest
from sqlalchemy import select

from app.models import ChargingProfile, Command
from tests.support import energy_seed


@pytest.fixture
def profile(app):
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=["profile", *words])


def test_a_profile_is_added_listed_shown_and_archived(profile, made, db):
    added = profile("add", "Night", "--kind", "daily", "--limits", "00:00 32 3; 07:00 10")
    assert added.exit_code == 0, added.output
    assert added.output == "Added Night: Default for every session, every day, 10.0 to 32.0 A.\n"
    assert [row["name"] for row in json.loads(profile("list", "--json").output)] == ["Night"]
    assert json.loads(profile("show", "night").output)["periods"][1]["start_s"] == 25_200
    assert profile("archive", "Night").output == "Night is in the archive.\n"
    assert "Night" in profile("list", "--archived").output
    assert profile("restore", "Night").exit_code == 0
    assert db.scalar(select(ChargingProfile)).archived_at is None


def test_what_is_wrong_is_one_sentence(profile, made, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("{")
    for words, sentence in (
        (("add", "X"), "Give --limits or --file."),
        (("add", "X", "--limits", "now 1"), "Line 1: write start"),
        (("add", "X", "--file", str(broken)), "is no file with JSON: "),
        (("show", "X"), "There is no charging profile named X."),
    ):
        answer = profile(*words)
        assert answer.exit_code == 1
        assert sentence in answer.output + answer.stderr


def test_a_file_says_all(profile, made, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({**energy_seed.NIGHT, "min_rate": "6"}))
    assert profile("add", "Night", "--file", str(path)).exit_code == 0
    path.write_text("[]")
    assert profile("add", "Other", "--file", str(path)).exit_code == 1


def test_a_station_is_given_a_profile(profile, made, db):
    station = made.stations["CP-01"]
    energy_seed.fill(db, station, made.now)
    db.commit()
    answer = profile("set", "CP-01", "night and day", "--connector", "1", "--no-wait")
    assert answer.exit_code == 0, answer.output
    command = db.scalars(select(Command).order_by(Command.id.desc())).first()
    assert command.arguments["connector"] == 1
    held = json.loads(profile("held", "CP-01", "--json").output)
    assert {row["source"] for row in held} == {"csms", "ems"}
    number = str(held[0]["number"])
    assert profile("clear", "CP-01", number, "--no-wait").exit_code == 0
