"""Imports in a real browser: the look through is readable anywhere and works without scripts."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_look import is_whole

pytestmark = [pytest.mark.browser, pytest.mark.landing]

TAGS = (
    "Kartenliste Depot;;;;;;\r\nRFID;Bezeichnung;Fahrer;Gruppe;gesperrt;gültig bis;Farbe\r\n"
    "04A219B0;Neu beschriftet;Ada Lovelace;;nein;31.12.2027;rot\r\n"
    '="04FFEE00";Gast;;Fuhrpark Süd;nein;;blau\r\n'
    "B019A204;;;;ja;31.12.2027 18:00;\r\n4,22E+09;;;;;;\r\n04AABBCC;;;;;;\r\n04-aa-bb-cc;;;;;;\r\n"
).encode("cp1252")
STATIONS = (
    b"Kennung;Standort;Bezeichnung;Leistung kW\nCP-91;Depot Nord;Hof;22\nCP-01;Depot Nord;Tor;\n"
)


@pytest.mark.parametrize(
    ("noun", "data"),
    [("tags", TAGS), pytest.param("stations", STATIONS, marks=pytest.mark.nightly)],
    ids=["tags", "stations"],
)
def test_a_look_through_is_whole_and_readable(page, desk, sign_in, noun, data):
    sign_in(page, "operator")
    page.goto(f"{desk.url}/{noun}/import")
    page.set_input_files("[name=file]", files=[file(data)])
    page.get_by_role("button", name="Check the file").click()
    page.get_by_text("What each row will change").wait_for()
    is_whole(page, noun)


def file(data):
    return {"name": "list.csv", "mimeType": "text/csv", "buffer": data}


def test_doubts_are_agreed_to_and_passwords_told_without_scripts(new_page, desk, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, "operator")
    page.goto(f"{desk.url}/tags/import")
    page.set_input_files("[name=file]", files=[file(TAGS)])
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("button", name="Import 2 valid rows").click()
    expect(page.get_by_role("alert")).to_contain_text("“Farbe”. Nothing was imported.")
    page.get_by_label("Leave out: Farbe").check()
    page.get_by_label("Create it").check()
    page.get_by_role("button", name="Look again").click()
    accept = page.get_by_role("button", name="Import 3 valid rows")
    expect(accept).to_be_visible()
    expect(page.get_by_label("Create it")).to_be_checked()
    accept.click()
    expect(page.locator("body")).to_contain_text("2 added, 1 changed")
    page.goto(f"{desk.url}/stations/import")
    page.set_input_files("[name=file]", files=[file(STATIONS)])
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("button", name="Import 2 rows").click()
    waiting = page.get_by_text("1 station waits for a password")
    expect(waiting).to_be_visible()
    page.reload()
    expect(waiting).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Make the passwords and download them").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.startswith("identity,password") and "CP-91," in text
