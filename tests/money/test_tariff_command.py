"""flask tariff: made from options or JSON, given versions, exported and tried out."""

import json

import pytest


@pytest.fixture
def kerb(flask):
    return flask(
        "tariff", "add", "Kerb", "--currency", "eur", "--energy", "0.45", "--start-fee", "0.50",
        "--idle", "0.10", "--grace", "10", "--no-show", "2", "--no-show-minute", "0.05",
        "--tax", "19", "--tax-on-top", "--default",
    )  # fmt: skip


def shown(flask, name="Kerb"):
    return json.loads(flask("tariff", "show", name, "--json").stdout)


def definition(price):
    return {
        "schema": 1,
        "currency": "EUR",
        "components": [{"kind": "energy", "price": price}],
    }


def test_a_tariff_is_added_from_prices(flask, kerb):
    assert kerb.exit_code == 0, kerb.output
    tariff = shown(flask)
    assert tariff["default"] is True
    assert tariff["formula"] == [
        "0.50 EUR per session",
        "0.45 EUR per kWh",
        "0.10 EUR per idle minute after the first 10 idle minutes",
        "an unused reservation: 2.00 EUR",
        "an unused reservation: 0.05 EUR per reserved minute",
        "plus 19 % tax",
    ]
    listed = json.loads(flask("tariff", "list", "--json").stdout)
    assert [(row["name"], row["version"]) for row in listed] == [("Kerb", 1)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--currency", "XYZ"), "Currency must be an ISO 4217 code such as EUR.\n"),
        ((), "Currency is missing.\n"),
        (
            ("--currency", "EUR", "--energy", "-1"),
            "Component 1: price must be a number from 0 to 1000000.\n",
        ),
    ],
)
def test_a_wrong_tariff_is_refused_in_one_sentence(flask, arguments, sentence):
    refused = flask("tariff", "add", "Wrong", *arguments)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", sentence)


def test_a_name_is_taken_once(flask, kerb):
    again = flask("tariff", "add", " KERB ", "--currency", "EUR")
    assert again.exit_code == 1
    assert again.stderr == "There is a tariff called KERB already.\n"


def test_an_edit_adds_a_version_and_keeps_the_old_one(flask, kerb):
    answer = flask(
        "tariff", "edit", "kerb", "--name", "Kerb day", "--file", "-", "--note", "cheaper",
        input=json.dumps(definition("0.39")),
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert shown(flask, "Kerb day")["version"] == 2
    assert shown(flask, "Kerb day")["note"] == "cheaper"
    old = json.loads(flask("tariff", "show", "Kerb day", "--version", 1).stdout)
    assert old["components"][1]["price"] == "0.45"
    assert flask("tariff", "show", "Kerb day", "--version", 9).exit_code == 1


def test_the_same_prices_are_no_new_version(flask, kerb):
    same = json.dumps(shown(flask)["definition"])
    assert flask("tariff", "edit", "Kerb", "--file", "-", input=same).exit_code == 0
    assert shown(flask)["version"] == 1


def test_a_version_is_planned_and_withdrawn(flask, kerb):
    dates = "--from", "2028-01-01T00:00", "--until", "2028-02-01T00:00"
    told = flask("tariff", "edit", "Kerb", *dates)
    assert "Dates are those of new prices" in told.output
    sent = json.dumps(definition("0.99"))
    assert flask("tariff", "edit", "Kerb", "--file", "-", *dates, input=sent).exit_code == 0
    assert shown(flask)["version"] == 1
    rows = json.loads(flask("tariff", "versions", "Kerb", "--json").stdout)
    assert [(row["valid_from"], row["withdrawn_at"]) for row in rows] == [
        (None, None),
        ("2028-01-01T00:00", None),
    ]
    assert flask("tariff", "withdraw", "Kerb", 2).output == "Version 2 is withdrawn.\n"
    assert "Version 1 has begun" in flask("tariff", "withdraw", "Kerb", 1).output


def test_a_tariff_is_copied(flask, kerb):
    assert flask("tariff", "copy", "Kerb", "Garage").exit_code == 0
    assert shown(flask, "Garage")["definition"] == shown(flask)["definition"]


def test_a_tariff_keeps_its_currency(flask, kerb):
    other = json.dumps({**definition("0.39"), "currency": "CHF"})
    refused = flask("tariff", "edit", "Kerb", "--file", "-", input=other)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Kerb is in EUR and stays so")


def test_a_broken_file_is_said(flask):
    refused = flask("tariff", "add", "X", "--file", "-", input="{")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("- is no file with JSON: ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"name": "Y", "definition": {"currency": "EUR", "currency": "CHF"}}]',
         "- names “currency” twice.\n"),
        ('[{"name": "Y", "definition": {"price": NaN}}]',
         "- is no file with JSON: NaN is no number.\n"),
        ('[{"name": "Y", "valid_from": "2030-01-01", "definition": {}}]',
         "Entry 1 (Y): An import takes no valid_from.\n"),
        (json.dumps([{"name": name, "definition": definition("0.3")} for name in ("Y", " y")]),
         "Entry 2 ( y): An entry before it is of this tariff, too.\n"),
    ],
)  # fmt: skip
def test_a_file_of_which_only_a_part_would_count_is_refused_whole(flask, text, sentence):
    refused = flask("tariff", "import", "-", input=text)
    assert (refused.exit_code, refused.stderr) == (1, sentence)
    assert json.loads(flask("tariff", "list", "--json").stdout) == []


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_a_file_may_be_of_any_editor(flask, tmp_path, coding):
    file = tmp_path / "tariffs.json"
    document = [{"name": "Säule", "definition": definition("0.3")}]
    file.write_text(json.dumps(document, ensure_ascii=False), encoding=coding)
    assert flask("tariff", "import", file).output == "Säule: added.\n"


def test_an_import_names_the_price_that_can_never_apply(flask, tmp_path):
    night = {"kind": "energy", "price": "0.2", "when": {"from": "22:00", "until": "06:00"}}
    document = definition("0.3")
    document["components"].append(night)
    file = tmp_path / "tariffs.json"
    file.write_text(json.dumps([{"name": "Yard", "definition": document}]))
    refused = flask("tariff", "import", file)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "Entry 1 (Yard): Price 2 can never apply: price 1 stands above it and holds whenever "
        "it does. Move it above price 1.\n"
    )


def test_the_default_and_tariffs_in_use_stay_out_of_the_archive(flask, kerb):
    assert "make another tariff the default first" in flask("tariff", "archive", "Kerb").stderr
    assert flask("tariff", "edit", "Kerb", "--no-default").exit_code == 0
    flask("site", "add", "Depot", "--timezone", "Europe/Berlin", "--currency", "EUR")
    assert flask("tariff", "assign", "Kerb", "--site", "Depot").exit_code == 0
    assert "is the price of 1 site" in flask("tariff", "archive", "Kerb").stderr
    assert flask("tariff", "assign", "--none", "--site", "Depot").exit_code == 0
    assert flask("tariff", "archive", "Kerb").exit_code == 0
    assert json.loads(flask("tariff", "list", "--json").stdout) == []
    assert len(json.loads(flask("tariff", "list", "--archived", "--json").stdout)) == 1
    assert flask("tariff", "archive", "Kerb", "--undo").exit_code == 0


def test_a_site_takes_no_price_in_another_currency(flask, kerb):
    flask("site", "add", "City", "--timezone", "Europe/Zurich", "--currency", "CHF")
    refused = flask("tariff", "assign", "Kerb", "--site", "City")
    assert refused.stderr == "The tariff Kerb is in EUR, the site charges in CHF.\n"
    assert flask("tariff", "assign", "Kerb").exit_code == 1


def test_there_is_one_default(flask, kerb):
    flask("tariff", "add", "Other", "--currency", "EUR", "--energy", "1", "--default")
    listed = json.loads(flask("tariff", "list", "--json").stdout)
    assert [(row["name"], row["default"]) for row in listed] == [("Kerb", False), ("Other", True)]


def test_an_export_can_be_imported(flask, kerb, tmp_path):
    entries = json.loads(flask("tariff", "export").stdout)
    entries[0]["definition"]["components"][1]["price"] = "0.50"
    entries.append({"name": "New", "definition": definition("0.3")})
    file = tmp_path / "tariffs.json"
    file.write_text(json.dumps(entries))
    assert flask("tariff", "import", file).stdout == "Kerb: version 2.\nNew: added.\n"
    assert flask("tariff", "import", file).stdout == "Kerb: unchanged.\nNew: unchanged.\n"


def test_an_import_is_done_whole_or_not_at_all(flask, tmp_path):
    file = tmp_path / "tariffs.json"
    good = {"name": "Good", "definition": definition("0.3")}
    file.write_text(json.dumps([good, {"name": "Bad", "definition": definition("-1")}]))
    refused = flask("tariff", "import", file)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Entry 2 (Bad): Component 1: price must be a number")
    assert json.loads(flask("tariff", "list", "--json").stdout) == []


def test_an_imagined_session_is_priced(flask, kerb):
    answer = flask(
        "tariff", "price", "Kerb", "--kwh", "20", "--minutes", 60, "--idle", 26,
        "--at", "2026-03-02 10:00:00", "--timezone", "Europe/Berlin",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    # 0.50 + 9.00 + 1.60 = 11.10, and 19 % of it
    assert "Total 13.21" in answer.stdout
    assert flask(
        "tariff", "price", "Kerb", "--kwh", "1", "--minutes", 1, "--timezone", "X"
    ).exit_code
