"""flask driver: people by address, plain refusals, files that go in whole or say why not."""

import json
from zipfile import ZipFile

import pytest


@pytest.fixture
def ada(flask):
    return flask("driver", "add", "Ada Lovelace", "--email", "ada@example.org")


def drivers(flask, *more):
    return json.loads(flask("driver", "list", "--json", *more).stdout)


def test_a_driver_is_added_and_listed(flask, ada):
    assert ada.stdout == "Added the driver Ada Lovelace; receipts go to ada@example.org.\n"
    (driver,) = drivers(flask)
    assert (driver["name"], driver["email"], driver["language"]) == (
        "Ada Lovelace",
        "ada@example.org",
        "en",
    )


def test_a_second_owner_of_an_address_is_refused_in_one_sentence(flask, ada):
    again = flask("driver", "add", "Eve", "--email", "ADA@example.org")
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == "Ada Lovelace has this e-mail address.\n"


def test_an_edit_changes_what_is_given_only(flask, ada):
    assert flask("driver", "edit", "ada@example.org", "--language", "de").exit_code == 0
    (driver,) = drivers(flask)
    assert (driver["language"], driver["email"]) == ("de", "ada@example.org")
    assert flask("driver", "edit", "Ada Lovelace", "--email", "").exit_code == 0
    assert drivers(flask)[0]["email"] is None


def test_archiving_takes_the_tags_along_and_can_be_undone(flask, ada):
    flask("tag", "add", "04A2B3", "--driver", "ada@example.org")
    gone = flask("driver", "archive", "ada@example.org")
    assert gone.stdout == "Archived the driver Ada Lovelace and 1 of their tags.\n"
    assert drivers(flask) == []
    assert json.loads(flask("tag", "list", "--json").stdout) == []
    assert flask("driver", "archive", "ada@example.org", "--undo").exit_code == 0
    assert len(drivers(flask)) == 1


def test_an_export_can_be_imported_again_without_a_change(flask, ada, tmp_path):
    path = tmp_path / "drivers.csv"
    assert flask("driver", "export", path).exit_code == 0
    again = flask("driver", "import", path)
    assert again.stdout == "Imported: 0 new, 0 changed, 1 as they were.\n"


FILE = "name,email,language\nGrace Hopper,grace@example.org,de\nNobody,not an address,en\n"


def test_a_file_with_an_error_changes_nothing_unless_asked(flask, tmp_path):
    path = tmp_path / "drivers.csv"
    path.write_text(FILE, encoding="utf-8")
    refused = flask("driver", "import", path)
    assert refused.exit_code == 1
    assert "Line 3: “not an address” is not an e-mail address." in refused.stderr
    assert drivers(flask) == []
    assert flask("driver", "import", path, "--valid-only").exit_code == 0
    assert [driver["name"] for driver in drivers(flask)] == ["Grace Hopper"]


def test_a_dry_run_only_tells(flask, tmp_path):
    path = tmp_path / "drivers.csv"
    path.write_text("name\nGrace Hopper\n", encoding="utf-8")
    told = flask("driver", "import", path, "--dry-run")
    assert told.stdout == "Would import: 1 new, 0 changed, 0 as they were.\n"
    assert drivers(flask) == []


def test_somebody_unknown_is_said(flask):
    refused = flask("driver", "show", "nobody@example.org")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "No driver has the e-mail address nobody@example.org.\n",
    )


def test_a_driver_is_shown_by_name_address_or_id(flask, ada):
    number = drivers(flask)[0]["id"]
    for who in ("Ada Lovelace", "ada@example.org", number):
        assert json.loads(flask("driver", "show", who, "--json").stdout)["id"] == number


def test_all_that_is_kept_is_written_and_then_forgotten(flask, ada, tmp_path):
    flask("tag", "add", "04A2B3", "--driver", "ada@example.org")
    path = tmp_path / "ada.zip"
    assert flask("driver", "data", "ada@example.org", path).stderr == f"Wrote {path}.\n"
    with ZipFile(path) as archive:
        assert json.loads(archive.read("tags.json"))[0]["value"] == "04A2B3"
    wrong = flask("driver", "forget", "ada@example.org", "--name", "Ada")
    assert (wrong.exit_code, wrong.stderr) == (1, "Type the driver’s name as it stands here.\n")
    gone = flask("driver", "forget", "ada@example.org", "--name", "Ada Lovelace")
    assert gone.stdout.startswith("Forgotten: Former driver ")
    assert drivers(flask) == []


def test_a_month_without_bills_is_empty_and_one_that_is_none_is_refused(flask, ada):
    assert flask("driver", "statement", "ada@example.org", "2026-10").stderr == "None.\n"
    wrong = flask("driver", "statement", "ada@example.org", "2026-13")
    assert (wrong.exit_code, wrong.stderr) == (1, "Name the month like 2026-10.\n")
    assert flask("driver", "statement", "ada@example.org", "2026-10", "--mail").exit_code == 1
