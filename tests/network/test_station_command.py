"""flask station: the password is printed once, and orders say what came of them."""

import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.network import credentials
from app.models import AuditEntry, Command, Station
from app.uow import unit_of_work
from tests.support import sockets


@pytest.fixture
def flask(flask, depot, db):
    db.commit()
    return flask


@pytest.fixture
def station(db):
    return lambda identity="CP-7": db.scalar(
        select(Station)
        .where(Station.identity == identity)
        .execution_options(populate_existing=True)
    )


def connect(orders):
    now = datetime.now(UTC)
    with unit_of_work() as db:
        sockets.connect(db, db.scalars(select(Station)).one(), orders=orders, now=now)


def test_a_made_password_is_printed_once(flask, station):
    added = flask("station", "add", "CP-7", "--site", "depot", "--connectors", "2")
    assert added.exit_code == 0, added.output
    assert re.search(r"^URL +ws://(?!localhost|127|0\.0)\S+:9000/ocpp/CP-7$", added.stdout, re.M)
    assert "This is a guess: AMPDESK_OCPP_PUBLIC_URL says" in added.stderr
    clear = added.stdout.split("Password")[1].split()[0]
    assert credentials.matches(station().password_hash, clear.encode())
    assert clear not in flask("station", "show", "CP-7").stdout
    assert clear not in flask("station", "list", "--json").stdout


def test_a_chosen_password_is_kept_and_not_repeated(flask, station):
    added = flask("station", "add", "CP-7", "--site", "Depot", "--password", "a chosen secret")
    assert added.exit_code == 0
    assert "a chosen secret" not in added.output
    assert credentials.matches(station().password_hash, b"a chosen secret")


def test_json_holds_all_that_must_be_typed_into_the_charger(flask):
    told = json.loads(flask("station", "add", "CP-7", "--site", "Depot", "--json").stdout)
    assert told["url"].endswith("/CP-7")
    assert len(told["password"]) == 40
    assert told["site"] == "Depot"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("CP-7", "--site", "Nowhere"), "There is no site called Nowhere."),
        (("CP:7", "--site", "Depot"), "The identity may hold no colon."),
        (("CP-7", "--site", "Depot", "--quirk", "speed=9"), "There is no quirk called speed."),
        (("CP-7", "--site", "Depot", "--security-profile", "0"), "name them"),
    ],
)
def test_refusals_are_one_sentence(flask, arguments, sentence):
    refused = flask("station", "add", *arguments)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_twin_is_refused(flask):
    flask("station", "add", "CP-7", "--site", "Depot")
    assert "registered already" in flask("station", "add", "cp-7", "--site", "Depot").stderr


def test_edit_changes_what_is_given(flask, station):
    flask("station", "add", "CP-7", "--site", "Depot", "--mode", "open")
    quirks = ("--quirk", "call_timeout_s=60", "--quirk", "no_trigger_boot=yes")
    assert flask("station", "edit", "CP-7", "--name", "Row A", *quirks).exit_code == 0
    assert flask("station", "edit", "CP-7", "--quirk", "call_timeout_s=").exit_code == 0
    row = station()
    assert (row.name, row.mode, row.quirks) == ("Row A", "open", {"no_trigger_boot": True})


def test_a_new_password_goes_to_standard_output_alone(flask, station):
    flask("station", "add", "CP-7", "--site", "Depot")
    told = flask("station", "password", "CP-7")
    assert credentials.matches(station().password_hash, told.stdout.strip().encode())


def test_archive_and_back(flask, station):
    flask("station", "add", "CP-7", "--site", "Depot")
    assert flask("station", "archive", "CP-7").exit_code == 0
    assert json.loads(flask("station", "list", "--json").stdout) == []
    assert flask("station", "archive", "CP-7", "--undo").exit_code == 0
    assert station().archived_at is None


def test_an_order_to_a_station_that_is_away_is_refused_at_once(flask, db):
    flask("station", "add", "CP-7", "--site", "Depot")
    refused = flask("station", "order", "CP-7", "unlock", "connector=1")
    assert refused.exit_code == 1
    assert refused.stderr == "CP-7 is not connected, so nothing was sent.\n"
    assert db.query(Command).count() == 0


def test_who_is_connected_is_told(flask):
    flask("station", "add", "CP-7", "--site", "Depot")
    assert json.loads(flask("station", "list", "--online", "--json").stdout) == []
    connect(["unlock"])
    assert len(json.loads(flask("station", "list", "--online", "--json").stdout)) == 1
    assert json.loads(flask("station", "show", "CP-7", "--json").stdout)["online"] is True


def test_an_order_is_queued_and_named(flask, db):
    flask("station", "add", "CP-7", "--site", "Depot")
    connect(["unlock"])
    queued = flask("station", "order", "CP-7", "unlock", "connector=1", "--no-wait")
    assert (queued.exit_code, queued.stdout) == (0, "queued: on its way.\n")
    assert db.query(AuditEntry).filter_by(action="station.command").one().actor == "command line"


def test_how_an_order_ended_is_its_exit_status(flask):
    flask("station", "add", "CP-7", "--site", "Depot")
    connect(["unlock"])
    refused = flask("station", "order", "CP-7", "clear_cache", "--json")
    assert refused.exit_code == 6
    assert json.loads(refused.stdout)["state"] == "unsupported"


def test_an_argument_without_a_value_is_named(flask):
    flask("station", "add", "CP-7", "--site", "Depot")
    assert "name=value" in flask("station", "order", "CP-7", "unlock", "connector").stderr


def test_an_export_can_be_imported(flask, tmp_path, station):
    flask("station", "add", "CP-7", "--site", "Depot", "--connectors", "2", "--note", "=cmd")
    file, secrets = tmp_path / "stations.csv", tmp_path / "passwords.csv"
    assert flask("station", "export", file).exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert "'=cmd" in text
    file.write_text(text.replace("CP-7", "CP-8"), encoding="utf-8")
    told = flask("station", "import", file, "--passwords", secrets)
    assert told.exit_code == 0, told.output
    row = station("CP-8")
    assert (row.note, len(row.connectors)) == ("=cmd", 2)
    clear = secrets.read_text().splitlines()[1].split(",")[1]
    assert credentials.matches(row.password_hash, clear.encode())


def test_an_import_takes_all_rows_or_none(flask, tmp_path):
    file = tmp_path / "stations.csv"
    file.write_text("identity,site\nA,Depot\nB,Nowhere\nC:D,Depot\n")
    refused = flask("station", "import", file)
    assert refused.exit_code == 1
    assert "Line 3: There is no site called Nowhere." in refused.stderr
    assert "Line 4: The identity may hold no colon." in refused.stderr
    assert json.loads(flask("station", "list", "--json").stdout) == []
