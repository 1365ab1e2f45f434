"""Imports on the desk: doubts are shown and agreed to before anything is written."""

import csv
import io
import re
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import Registration, TagStatus
from app.domain.network import credentials
from app.models import AuditEntry, Driver, Job, Station, Tag, TagGroup
from app.tasks.jobs import work_jobs
from app.views.ground import _imports
from app.views.network import station_import

INPUTS = Path(__file__).parent.parent / "fixtures" / "inputs"
SITE = "Depot Nord"


def look(client, noun, data, **ticked):
    """What the desk says of a file, on one line."""
    upload = {"file": (io.BytesIO(data if isinstance(data, bytes) else data.encode()), "x.csv")}
    return text_of(client.post(f"/{noun}/import", data={**upload, **ticked}))


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def go(client, noun, data, **ticked):
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    return client.post(f"/{noun}/import", data={"text": text, "go": "1", **ticked})


def only(db, model, **given):
    db.expire_all()
    return db.scalars(select(model).filter_by(**given)).one()


def count(db, model):
    return db.scalar(select(func.count()).select_from(model))


# ---- the files that went wrong ----


def test_a_list_of_another_system_keeps_its_groups_and_its_blocked_cards(made, db, operator):
    data = (INPUTS / "tags-other-systems-columns.csv").read_bytes()
    text = look(operator, "tags", data)
    assert "There is no group “FLEET”." in text and "This group does not exist: FLEET." in text
    assert "An import leaves these alone: “inTransaction”." in text
    text = look(operator, "tags", data, make_groups="yes")
    assert "FLEET (new)" in text and "blocked" in text and "2020-12-31 23:59" in text
    assert "It has expired." in text
    assert go(operator, "tags", data, make_groups="yes").status_code == 303
    tag = only(db, Tag, key="0a1b2c3d")
    assert (tag.status, tag.group.parent) == (TagStatus.BLOCKED, "FLEET")
    assert only(db, Tag, key="0a1b2c3e").status is TagStatus.ACTIVE


@pytest.mark.parametrize(
    ("name", "value"), [("tags-excel-guard", "04112233"), ("tags-sep-line", "0A1B2C6D")]
)
def test_a_list_from_a_spreadsheet_is_read(made, db, operator, name, value):
    data = (INPUTS / f"{name}.csv").read_bytes()
    assert value in look(operator, "tags", data)
    assert go(operator, "tags", data).status_code == 303
    assert only(db, Tag, value=value).label == "Guest"


def test_an_address_is_read_whatever_its_column_is_called(made, db, operator):
    data = (INPUTS / "drivers-e-mail.csv").read_bytes()
    # The address is Ada Lovelace's here: her name would change, and the page says so.
    assert "Ada Lovelace Ada Example" in look(operator, "drivers", data)
    assert go(operator, "drivers", data).status_code == 303
    assert only(db, Driver, email="ada@example.org").name == "Ada Example"


def test_a_station_that_stands_in_a_file_twice_is_pointed_out_with_both_lines(made, operator):
    text = look(operator, "stations", (INPUTS / "stations-same-twice.csv").read_bytes())
    assert "CP-902 stands in line 3 (as cp-902) too" in text
    assert "cp-902 stands in line 2 (as CP-902) too" in text


# ---- doubts ----


@pytest.mark.parametrize(
    ("noun", "model", "text"),
    [
        ("tags", Tag, "tag,colour\n04A2B3C4,red\n"),
        ("drivers", Driver, "name,iban\nEve,1\n"),
        ("stations", Station, f"identity,site,paint\nCP-99,{SITE},red\n"),
    ],
)
def test_columns_that_are_not_understood_stop_an_import_until_left_out(
    made, db, operator, noun, model, text
):
    before = count(db, model)
    assert "This column was not understood: “" in look(operator, noun, text)
    refused = go(operator, noun, text)
    assert refused.status_code == 422
    assert "Nothing was imported." in text_of(refused)
    assert count(db, model) == before
    assert go(operator, noun, text, leave_out="yes").status_code == 303
    assert count(db, model) == before + 1


def test_a_blocked_card_stays_blocked_unless_that_is_ticked(made, db, operator):
    made.tags["Ada"].status = TagStatus.BLOCKED
    db.commit()
    text = "tag,label,blocked\n04A219B0,blue,false\n"
    page = look(operator, "tags", text)
    assert "This is blocked here and active in the file: 04:A2:19:B0" in page
    assert "It stays blocked" in page and "Written 04A219B0 in the file." in page
    go(operator, "tags", text)
    tag = only(db, Tag, key="04:a2:19:b0")
    assert (tag.status, tag.label) == (TagStatus.BLOCKED, "blue")
    go(operator, "tags", text, unblock="yes")
    assert only(db, Tag, key="04:a2:19:b0").status is TagStatus.ACTIVE


def test_cards_that_may_be_known_ones_are_asked_about(made, operator):
    page = look(operator, "tags", "tag\nB019A204\n4A219B0\n04A2-19B1\n")
    assert "04:A2:19:B0 is listed; is it the same card read the other way round?" in page
    assert "04:A2:19:B0 is listed; is it the same card with zeros lost at an end?" in page
    assert "04A219B1" in page and "Written 04A2-19B1 in the file." in page


def test_one_card_written_three_ways_is_pointed_out(made, operator):
    page = look(operator, "tags", "tag\n04:AA:BB:CC\n04-aa-bb-cc\n0x04AABBCC\n")
    assert "0x04AABBCC stands in line 2 (as 04:AA:BB:CC), line 3 (as 04-aa-bb-cc) too" in page
    assert "With errors 3" in page


def test_the_same_person_with_two_addresses_is_asked_about(made, operator):
    page = look(operator, "drivers", "Vorname;Name;E-Mail\nAda;Lovelace;ADA@new.example\n")
    assert "Ada Lovelace is listed with the address ada@example.org too; is it the same" in page
    assert "The name is read as the last name" in page
    again = look(operator, "drivers", "name,email\nAda Lovelace,ADA@EXAMPLE.org\n")
    assert "As they are 1" in again


def test_what_changes_is_shown_beside_what_there_was(made, db, operator):
    made.tags["Ada"].label = "red"
    db.commit()
    page = operator.post(
        "/tags/import",
        data={"text": "Karte;Bezeichnung;Fahrer;gültig bis\n04:A2:19:B0;;;31.12.2027 18:00\n"},
    ).text
    for old, new in (("red", "none"), ("Ada Lovelace", "none"), ("never", "2027-12-31 18:00")):
        assert re.search(rf"<del[^>]*>{old}</del><br><b>{new}</b>", page), old
    assert "Times without an offset are those of Europe/Berlin." in page


def test_a_file_in_utf_16_survives_the_look_through(made, db, operator):
    page = look(operator, "tags", "tag\tlabel\n04FFEE00\tSchlüssel\n".encode("utf-16"))
    assert "Schlüssel" in page and "Cells are parted by tabs." in page


# ---- stations ----

STATIONS = f"""Kennung;Standort;Bezeichnung;Anschlüsse;Leistung kW;Passwort
CP-91;{SITE};Hof;2;22;
CP-92;{SITE};Tor;1;11;chosen-password
"""


def test_stations_are_tried_and_taken_back_before_they_are_registered(made, db, operator):
    before, noted = count(db, Station), count(db, AuditEntry)
    page = look(operator, "stations", STATIONS)
    assert "22 kW" in page and "from the file" in page and "made" in page
    assert page.count("chosen-password") == 1  # in the text that is carried on, not in a row
    db.expire_all()
    assert (count(db, Station), count(db, AuditEntry)) == (before, noted)


def test_passwords_are_told_once_in_a_file_after_a_redirect(made, db, operator):
    done = go(operator, "stations", STATIONS)
    assert done.status_code == 303 and "/stations/import/passwords?at=" in done.location
    page = text_of(operator.get(done.location))
    assert "1 station waits for a password" in page and "CP-91" in page and "CP-92" not in page
    chosen = only(db, Station, identity="CP-92").password_hash
    assert credentials.matches(chosen, b"chosen-password")
    answer = operator.post(done.location)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    station = only(db, Station, identity="CP-91")
    assert credentials.matches(station.password_hash, row["password"].encode())
    assert (len(station.connectors), station.max_power_w) == (2, 22_000)


def test_a_station_that_was_seen_waits_for_no_password(made, db, operator):
    done = go(operator, "stations", STATIONS)
    station = only(db, Station, identity="CP-91")
    station.last_seen_at, held = made.now, station.password_hash
    db.commit()
    assert "No station waits for a password" in text_of(operator.get(done.location))
    assert operator.post(done.location).status_code == 303
    assert only(db, Station, identity="CP-91").password_hash == held


@pytest.mark.parametrize("at", ["", "soon", "0001-01-01T00:00:00+23:00", "2026-03-02T09:00:00Z"])
def test_an_absurd_instant_shows_no_station(made, operator, at):
    answer = operator.get("/stations/import/passwords", query_string={"at": at})
    assert answer.status_code == 200


def test_a_blocked_station_stays_blocked_unless_that_is_ticked(made, db, operator):
    made.stations["CP-01"].registration = Registration.BLOCKED
    db.commit()
    text = f"identity,site,name,registration\nCP-01,{SITE},Gate,accepted\n"
    assert "This is blocked here and active in the file: CP-01" in look(operator, "stations", text)
    go(operator, "stations", text)
    station = only(db, Station, identity="CP-01")
    assert (station.registration, station.name) == (Registration.BLOCKED, "Gate")
    go(operator, "stations", text, unblock="yes")
    assert only(db, Station, identity="CP-01").registration is Registration.ACCEPTED


def test_a_long_file_of_stations_is_tried_in_part_and_left_to_a_job(
    made, db, operator, monkeypatch
):
    monkeypatch.setattr(station_import, "LONG", 30)
    monkeypatch.setattr(_imports, "LONG", 30)
    monkeypatch.setattr(_imports, "PREVIEWED", 20)
    text = "identity,site\n" + "".join(f"PARK-{n:04},{SITE}\n" for n in range(31))
    page = look(operator, "stations", text)
    assert "Not tried yet 11" in page and "Import 31 rows" in page
    done = go(operator, "stations", text)
    assert "/jobs/" in done.location
    work_jobs()
    db.rollback()
    page = text_of(operator.get(done.location))
    assert "Rows 31 / 31" in page and "Passwords of new stations" in page
    at = only(db, Job).begun_at.isoformat()
    waiting = text_of(operator.get("/stations/import/passwords", query_string={"at": at}))
    assert "31 stations wait for a password" in waiting


def test_a_long_file_with_passwords_is_refused_before_it_is_kept(made, db, operator):
    rows = "".join(f"PARK-{n:04},{SITE},\n" for n in range(501))
    answer = go(operator, "stations", f"identity,site,password\n{rows}X,{SITE},a-long-secret\n")
    assert answer.status_code == 422 and "passwords are not" in answer.text
    assert count(db, Job) == 0


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("noun", ["stations", "tags", "drivers"])
def test_an_export_can_be_imported_again_without_a_change(made, db, operator, noun, language):
    made.people["operator"].language = language
    for station in made.stations.values():
        station.max_power_w = 7360.5
    db.commit()
    exported = operator.get(f"/{noun}?format=csv").get_data()
    made.people["operator"].language = "en"
    db.commit()
    page = look(operator, noun, exported)
    kept = {"stations": made.stations, "tags": made.tags, "drivers": made.drivers}[noun]
    assert f"As they are {len(kept)}" in page, page
    assert "not understood" not in page


def test_a_viewer_imports_nothing(made, viewer):
    for noun in ("tags", "drivers", "stations"):
        assert viewer.get(f"/{noun}/import").status_code == 403
    assert viewer.post("/stations/import/passwords?at=2026-03-02").status_code == 403


def test_groups_that_do_not_exist_are_made_when_ticked(made, db, operator):
    text = "uid;Gruppe\n04AA01;Fuhrpark Süd\n04AA02;fuhrpark  süd\n"
    assert go(operator, "tags", text, make_groups="yes").status_code == 303
    group = only(db, TagGroup, name="Fuhrpark Süd")
    assert {tag.group_id for tag in db.scalars(select(Tag).where(Tag.key.like("04aa0%")))} == {
        group.id
    }
