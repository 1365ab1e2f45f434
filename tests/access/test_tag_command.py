"""flask tag: the same list as the desk's, without case, with plain refusals."""

import json

import pytest
from sqlalchemy import select

from app.domain.access import authorisation
from app.domain.ground.vocabulary import SYSTEM, Token
from app.domain.network import stations
from app.models import Site, Station
from app.uow import unit_of_work


@pytest.fixture
def depot(flask, now):
    flask("site", "add", "Depot", "--timezone", "Europe/Berlin", "--currency", "EUR")
    with unit_of_work() as db:
        site = db.get(Site, 1)
        stations.register(db, SYSTEM, site.tenant_id, site, "CP-7", now=now)


def tags(flask, *more):
    return json.loads(flask("tag", "list", "--json", *more).stdout)


def test_a_tag_is_added_for_a_driver(flask):
    flask("driver", "add", "Ada Lovelace", "--email", "ada@example.org")
    added = flask("tag", "add", "04A2B3", "--driver", "ada@example.org")
    assert (added.exit_code, added.stdout) == (0, "Added the tag 04A2B3 for Ada Lovelace.\n")
    (tag,) = tags(flask)
    assert (tag["tag"], tag["driver"], tag["status"]) == ("04A2B3", "ada@example.org", "active")


def test_the_same_tag_in_another_case_is_refused(flask):
    flask("tag", "add", "04A2B3")
    again = flask("tag", "add", "04a2b3")
    assert (again.exit_code, again.stderr) == (1, "04A2B3 is already on the list.\n")


def test_an_unknown_driver_adds_nothing(flask):
    refused = flask("tag", "add", "04A2B3", "--driver", "nobody@example.org")
    assert refused.exit_code == 1
    assert tags(flask) == []


def test_places_limit_and_expiry_are_set_and_lifted(flask, depot):
    flask("tag", "add", "04A2B3", "--site", "Depot", "--station", "CP-7", "--limit", 1,
          "--expires", "2027-12-31")  # fmt: skip
    (tag,) = tags(flask)
    assert (tag["sites"], tag["stations"], tag["limit"]) == ("Depot", "CP-7", 1)
    assert tag["expires"] == "2028-01-01T00:00:00Z"
    edited = flask("tag", "edit", "04a2b3", "--site", "", "--limit", 0, "--expires", "")
    assert edited.exit_code == 0, edited.stderr
    (tag,) = tags(flask)
    assert (tag["sites"], tag["stations"], tag["limit"], tag["expires"]) == (
        None,
        "CP-7",
        None,
        None,
    )


def test_block_unblock_archive_and_back(flask):
    flask("tag", "add", "04A2B3")
    assert flask("tag", "block", "04a2b3").stdout == "Blocked the tag 04A2B3.\n"
    assert tags(flask)[0]["status"] == "blocked"
    flask("tag", "unblock", "04A2B3")
    flask("tag", "archive", "04A2B3")
    assert tags(flask) == []
    assert len(tags(flask, "--archived")) == 1
    flask("tag", "archive", "04A2B3", "--undo")
    assert tags(flask)[0]["status"] == "active"


def test_a_tag_that_nobody_knows_is_said(flask):
    refused = flask("tag", "show", "04A2B3")
    assert (refused.exit_code, refused.stderr) == (1, "04A2B3 is not on the list of tags.\n")


def test_a_tag_is_shown_with_what_its_taps_were_answered(flask, depot, now):
    flask("tag", "add", "04A2B3")
    flask("tag", "block", "04A2B3")
    with unit_of_work() as db:
        station = db.scalars(select(Station)).one()
        tap = authorisation.Tap(station, Token("04a2b3"), authorisation.START, now)
        authorisation.decide(db, tap)
    text = flask("tag", "show", "04A2B3").stdout
    assert "The tag 04A2B3 is blocked." in text and "CP-7" in text
    (tap,) = json.loads(flask("tag", "show", "04A2B3", "--json").stdout)["taps"]
    assert (tap["verdict"], tap["station"]) == ("blocked", "CP-7")


@pytest.mark.parametrize(
    ("since", "listed"), [([], 1), (["2026-03-02"], 1), (["2026-03-03"], 0), (["soon"], None)]
)
def test_unknown_tags_are_listed_from_the_beginning_of_a_day(flask, depot, now, since, listed):
    with unit_of_work() as db:
        station = db.scalars(select(Station)).one()
        authorisation.decide(
            db, authorisation.Tap(station, Token("04FF"), authorisation.START, now)
        )
    told = flask("tag", "unknown", "--json", *[f"--since={day}" for day in since])
    if listed is None:
        assert (told.exit_code, told.stderr[:25]) == (1, "--since is no date: soon.")
    else:
        assert len(json.loads(told.stdout)) == listed


def test_an_export_can_be_imported_again_without_a_change(flask, depot, tmp_path):
    flask("driver", "add", "Nobody's mail")
    flask("tag-group", "add", "Fleet")
    flask("tag", "add", "=04A2B3", "--driver", "Nobody's mail", "--group", "fleet",
          "--site", "Depot", "--expires", "2027-12-31T18:00:00+02:00")  # fmt: skip
    path = tmp_path / "tags.csv"
    assert flask("tag", "export", path).exit_code == 0
    assert "'=04A2B3" in path.read_text(encoding="utf-8")
    again = flask("tag", "import", path)
    assert again.stdout == "Imported: 0 new, 0 changed, 1 as they were.\n", again.stderr


def test_a_file_with_an_error_names_its_lines(flask, tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text("tag,limit\n04AA,1\n04BB,many\n", encoding="utf-8")
    refused = flask("tag", "import", path)
    assert refused.exit_code == 1
    assert "Line 3: “many” is not a limit" in refused.stderr
    assert tags(flask) == []
    assert flask("tag", "import", path, "--valid-only").exit_code == 0
    assert [tag["tag"] for tag in tags(flask)] == ["04AA"]


def test_groups_are_made_changed_and_removed(flask):
    assert flask("tag-group", "add", "Fleet").stdout == "Made the group Fleet (FLEET).\n"
    flask("tag", "add", "04A2B3", "--group", "Fleet")
    assert flask("tag-group", "edit", "fleet", "--parent", "FLEET-1").exit_code == 0
    assert flask("tag-group", "edit", "fleet", "--master-pass").exit_code == 0
    (group,) = json.loads(flask("tag-group", "list", "--json").stdout)
    assert group["master_pass"]
    assert flask("tag-group", "edit", "fleet", "--no-master-pass").exit_code == 0
    assert (group["parent"], group["tags"]) == ("FLEET-1", 1)
    assert flask("tag-group", "remove", "Fleet").exit_code == 1
    flask("tag", "edit", "04A2B3", "--group", "")
    assert flask("tag-group", "remove", "Fleet").exit_code == 0
