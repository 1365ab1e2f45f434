"""Files of other systems and spreadsheets on the command line: understood, or refused in words."""

import json
from pathlib import Path

import pytest

INPUTS = Path(__file__).parent.parent / "fixtures" / "inputs"


@pytest.fixture
def depot(flask):
    return flask("site", "add", "Depot", "--timezone", "Europe/Berlin", "--currency", "EUR")


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(text, coding="utf-8"):
        path = tmp_path / "list.csv"
        path.write_bytes(text.encode(coding))
        return path

    return write


def listed(flask, noun):
    return json.loads(flask(noun, "list", "--json").stdout)


# ---- the files that went wrong ----


def test_a_list_of_another_system_keeps_its_groups_and_its_blocked_cards(flask, depot):
    path = INPUTS / "tags-other-systems-columns.csv"
    refused = flask("tag", "import", path)
    assert refused.exit_code == 1
    assert "Line 2: There is no group “FLEET”." in refused.stderr
    assert "--make-groups" in refused.stderr
    assert listed(flask, "tag") == []
    taken = flask("tag", "import", path, "--make-groups")
    assert taken.stdout == "Imported: 2 new, 0 changed, 0 as they were.\n", taken.stderr
    assert "An import leaves these alone: “inTransaction”." in taken.stderr
    assert "Line 2: 0A1B2C3D: It has expired." in taken.stderr
    blocked, free = listed(flask, "tag")
    assert (blocked["tag"], blocked["status"], blocked["group"]) == ("0A1B2C3D", "blocked", "FLEET")
    assert blocked["expires"] == "2020-12-31T22:59:00Z"
    assert (free["tag"], free["status"], free["group"]) == ("0A1B2C3E", "active", None)
    assert json.loads(flask("tag-group", "list", "--json").stdout)[0]["parent"] == "FLEET"
    again = flask("tag", "import", path)
    assert again.stdout == "Imported: 0 new, 0 changed, 2 as they were.\n", again.stderr


def test_a_card_that_excel_was_kept_from_changing_is_that_card(flask):
    taken = flask("tag", "import", INPUTS / "tags-excel-guard.csv")
    assert taken.exit_code == 0, taken.stderr
    assert [(tag["tag"], tag["label"]) for tag in listed(flask, "tag")] == [("04112233", "Guest")]


def test_a_first_line_that_names_the_separator_is_no_heading(flask):
    taken = flask("tag", "import", INPUTS / "tags-sep-line.csv")
    assert taken.exit_code == 0, taken.stderr
    assert [(tag["tag"], tag["label"]) for tag in listed(flask, "tag")] == [("0A1B2C6D", "Guest")]


def test_an_address_is_read_whatever_its_column_is_called(flask):
    taken = flask("driver", "import", INPUTS / "drivers-e-mail.csv")
    assert taken.exit_code == 0, taken.stderr
    (ada,) = listed(flask, "driver")
    assert (ada["name"], ada["email"]) == ("Ada Example", "ada@example.org")


def test_a_station_that_stands_in_a_file_twice_is_pointed_out_with_both_lines(flask, depot):
    refused = flask("station", "import", INPUTS / "stations-same-twice.csv")
    assert refused.exit_code == 1
    assert "Line 2: CP-902 stands in line 3 (as cp-902) too" in refused.stderr
    assert "Line 3: cp-902 stands in line 2 (as CP-902) too" in refused.stderr
    assert listed(flask, "station") == []


# ---- agreeing to what an import may do ----


@pytest.mark.parametrize(
    ("noun", "text", "named"),
    [
        ("tag", "tag,colour,shoe size\n04A2B3C4,red,7\n", "“colour”, “shoe size”"),
        ("driver", "name,e-mail,iban\nAda,ada@example.org,1\n", "“iban”"),
        ("station", "identity,site,paint\nCP-1,Depot,red\n", "“paint”"),
        ("site", "name,timezone,currency,mood\nYard,UTC,EUR,fine\n", "“mood”"),
    ],
)
def test_a_column_that_is_not_understood_stops_an_import_until_it_is_left_out(
    flask, depot, file, noun, text, named
):
    before = len(listed(flask, noun))
    refused = flask(noun, "import", file(text))
    assert refused.exit_code == 1
    assert f"not understood: {named}. --ignore-columns" in refused.stderr
    assert len(listed(flask, noun)) == before
    assert flask(noun, "import", file(text), "--ignore-columns").exit_code == 0
    assert len(listed(flask, noun)) == before + 1


@pytest.mark.parametrize(
    ("column", "word"),
    [("status", "active"), ("blocked", "false"), ("gesperrt", "nein"), ("valid", "true")],
)
def test_a_blocked_card_stays_blocked_unless_that_is_agreed_to(flask, file, column, word):
    flask("tag", "add", "04A2B3C4")
    flask("tag", "block", "04A2B3C4")
    path = file(f"tag,label,{column}\n04:a2:b3:c4,red,{word}\n")
    taken = flask("tag", "import", path)
    assert "--unblock lets these in again: 04A2B3C4." in taken.stderr
    (tag,) = listed(flask, "tag")
    assert (tag["status"], tag["label"]) == ("blocked", "red")
    assert flask("tag", "import", path, "--unblock").exit_code == 0
    assert listed(flask, "tag")[0]["status"] == "active"


def test_a_file_without_a_status_leaves_a_blocked_card_blocked(flask, file):
    flask("tag", "add", "04A2B3C4")
    flask("tag", "block", "04A2B3C4")
    assert flask("tag", "import", file("tag,label\n04A2B3C4,red\n")).exit_code == 0
    assert listed(flask, "tag")[0]["status"] == "blocked"


def test_a_blocked_station_stays_blocked_unless_that_is_agreed_to(flask, depot, file):
    flask("station", "add", "CP-7", "--site", "Depot", "--registration", "blocked")
    path = file("identity,site,registration\nCP-7,Depot,accepted\n")
    assert "stays blocked" in flask("station", "import", path).stderr
    assert listed(flask, "station")[0]["registration"] == "blocked"
    assert flask("station", "import", path, "--unblock").exit_code == 0
    assert listed(flask, "station")[0]["registration"] == "accepted"


def test_a_trial_says_what_each_row_becomes_and_writes_nothing(flask, depot, file):
    flask("tag", "add", "04A2B3C4", "--label", "red")
    path = file("Karte;Bezeichnung;gültig bis\n04A2B3C4;blau;31.12.2027\n04FFEE00;;\n")
    told = flask("tag", "import", path, "--dry-run")
    assert told.exit_code == 0
    assert "Line 2: 04A2B3C4: changes; Label: red -> blau; Expires: never -> end of 2027-12-31" in (
        told.stderr
    )
    assert "Line 3: 04FFEE00: new; Status: active; Expires: never" in told.stderr
    assert "Times without an offset are those of Europe/Berlin." in told.stderr
    assert [tag["label"] for tag in listed(flask, "tag")] == ["red"]


# ---- stations ----

GERMAN = """Ladesäulen des Depots
Stand: 27.11.2026

Ladestation;Kennung;Standort;Anschlüsse;Steckertyp;Leistung (kW);Passwort;Bemerkung
Hof links;CP-1;Depot;2;type 2;22,0;;=Notiz
Hof rechts;CP-2;;1;ccs;50;Geheim-12345;
"""


def test_a_german_list_of_stations_is_read_from_excels_own_encoding(flask, depot, file, tmp_path):
    secrets = tmp_path / "passwords.csv"
    taken = flask("station", "import", file(GERMAN, "cp1252"), "--site", "Depot",
                  "--passwords", secrets)  # fmt: skip
    assert taken.exit_code == 0, taken.stderr
    assert "2 lines above the heading were skipped: “Ladesäulen des Depots" in taken.stderr
    assert "read as Windows-1252" in taken.stderr
    first, second = listed(flask, "station")
    assert (first["name"], first["connectors"], first["plug_type"]) == ("Hof links", 2, "Type 2")
    assert (first["max_power_w"], first["note"]) == (22_000, "=Notiz")
    assert (second["identity"], second["site"], second["max_power_w"]) == ("CP-2", "Depot", 50_000)
    assert [line.split(",")[0] for line in secrets.read_text().splitlines()] == ["identity", "CP-1"]


def test_a_list_of_another_system_that_knows_no_sites_needs_one_named(flask, depot, file):
    path = file("chargeBoxId,description,ocppProtocol\nCP-1,By the gate,ocpp1.6J\n")
    refused = flask("station", "import", path)
    assert "Line 2: The row names no site." in refused.stderr
    assert flask("station", "import", path, "--site", "depot").exit_code == 0
    assert listed(flask, "station")[0]["name"] == "By the gate"


def test_a_number_is_the_identity_of_a_station_and_never_its_place_in_our_list(flask, depot, file):
    flask("station", "add", "CP-7", "--site", "Depot")
    assert flask("station", "import", file("identity,site\n1,Depot\n")).exit_code == 0
    assert [row["identity"] for row in listed(flask, "station")] == ["1", "CP-7"]


def test_a_trial_of_stations_registers_none(flask, depot, file):
    told = flask("station", "import", file("identity,site\nCP-1,Depot\n"), "--dry-run")
    assert told.stdout == "Would import: 1 new, 0 changed, 0 as they were.\n", told.stderr
    assert "Password: made" in told.stderr
    assert listed(flask, "station") == []


# ---- exports ----


def test_an_export_tells_times_on_the_clock_of_the_sites(flask, depot):
    flask("tag", "add", "04A2B3C4", "--expires", "2027-07-01T10:00Z")
    assert "2027-07-01T12:00:00+02:00" in flask("tag", "export").stdout
    assert "2027-07-01T10:00:00+00:00" in flask("tag", "export", "--timezone", "UTC").stdout
    assert "is no time zone" in flask("tag", "export", "--timezone", "Mars").stderr


def test_a_dash_is_standard_input_and_output(flask):
    answer = flask("tag", "import", "-", input="tag,label\n04FFEE01,piped\n")
    assert answer.exit_code == 0, answer.stderr
    assert "1 new" in answer.stdout
    written = flask("tag", "export", "-").stdout
    assert "04FFEE01,piped" in written
    assert written == flask("tag", "export").stdout


@pytest.mark.parametrize(
    ("heading", "cell", "sentence"),
    [
        ("max_power_w", "22", "It gives only 22 W: is its power in kW?"),
        ("max_power_w;power kw", "22000;11", "The row tells two powers."),
    ],
)
def test_a_power_that_cannot_be_is_said(flask, depot, file, heading, cell, sentence):
    path = file(f"identity;site;{heading}\nCP-9;Depot;{cell}\n")
    assert sentence in flask("station", "import", path, "--dry-run").stderr
