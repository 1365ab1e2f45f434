"""flask site: the same operations as the desk, with plain errors and two forms of lists."""

import json

import pytest


@pytest.fixture
def depot(flask):
    return flask("site", "add", "Depot", "--timezone", "Europe/Berlin", "--currency", "EUR")


def test_a_site_is_added_and_listed(flask, depot):
    assert depot.exit_code == 0, depot.output
    assert "Depot" in depot.stdout
    listed = json.loads(flask("site", "list", "--json").stdout)
    assert [(site["name"], site["currency"]) for site in listed] == [("Depot", "EUR")]


def test_a_second_depot_is_refused_in_one_sentence(flask, depot):
    again = flask("site", "add", "depot", "--timezone", "UTC", "--currency", "EUR")
    assert again.exit_code == 1
    assert again.stdout == ""
    assert again.stderr == "There is a site called depot already.\n"


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [("--timezone", "Berlin", "time zone"), ("--currency", "Taler", "currency")],
)
def test_what_cannot_be_used_is_said(flask, option, value, word):
    given = {"--timezone": "UTC", "--currency": "EUR", option: value}
    refused = flask("site", "add", "X", *[part for pair in given.items() for part in pair])
    assert refused.exit_code == 1
    assert word in refused.stderr


def test_show_and_edit(flask, depot):
    assert flask("site", "edit", "Depot", "--address", "Hafenstraße 12").exit_code == 0
    shown = json.loads(flask("site", "show", "depot", "--json").stdout)
    assert shown["address"] == "Hafenstraße 12"
    assert shown["timezone"] == "Europe/Berlin"
    assert flask("site", "show", "Nowhere").exit_code == 1


def test_archive_and_back(flask, depot):
    assert flask("site", "archive", "Depot").exit_code == 0
    assert json.loads(flask("site", "list", "--json").stdout) == []
    assert len(json.loads(flask("site", "list", "--archived", "--json").stdout)) == 1
    assert flask("site", "archive", "Depot", "--undo").exit_code == 0


def test_an_export_can_be_imported(flask, depot, tmp_path):
    file = tmp_path / "sites.csv"
    flask("site", "edit", "Depot", "--latitude", 53.5, "--longitude", 9.9, "--address", "=1+1")
    assert flask("site", "export", file).exit_code == 0
    assert "'=1+1" in file.read_text(encoding="utf-8")
    text = file.read_text(encoding="utf-8").replace("Depot", "Harbour")
    file.write_text(text, encoding="utf-8")
    assert flask("site", "import", file).exit_code == 0
    harbour = json.loads(flask("site", "show", "Harbour", "--json").stdout)
    assert (harbour["latitude"], harbour["address"]) == (53.5, "=1+1")


def test_an_import_takes_all_rows_or_none(flask, tmp_path):
    file = tmp_path / "sites.csv"
    file.write_text("name,timezone,currency\nA,UTC,EUR\nB,Nowhere,EUR\n,UTC,EUR\n")
    refused = flask("site", "import", file)
    assert refused.exit_code == 1
    assert "Line 3:" in refused.stderr
    assert "Line 4:" in refused.stderr
    assert json.loads(flask("site", "list", "--json").stdout) == []


def test_an_export_can_be_imported_again_without_a_change(flask, tmp_path):
    given = ("--latitude", 52.5, "--longitude", 13.404, "--supply-limit-kw", "1.500")
    flask("site", "add", "Depot", "--timezone", "Europe/Berlin", "--currency", "EUR", *given)
    file = tmp_path / "sites.csv"
    flask("site", "export", file)
    again = flask("site", "import", file)
    assert again.stdout == "Imported: 0 new, 0 changed, 1 as they were.\n", again.stderr


@pytest.mark.parametrize(
    ("power", "kept"), [("63,5", "63.5"), ("7.361", "7.361"), ("1.500", None), ("1,500", None)]
)
def test_a_limit_from_a_file_is_never_a_thousandth_of_itself(flask, depot, tmp_path, power, kept):
    file = tmp_path / "sites.csv"
    file.write_text(f"name;supply limit;lat;lon\nDepot;{power};52,5;13,4\n")
    answer = flask("site", "import", file)
    shown = json.loads(flask("site", "show", "Depot", "--json").stdout)
    assert shown["supply_limit_kw"] == kept
    if kept is None:
        assert "“" + power + "” can be read as thousands or as decimals" in answer.stderr
