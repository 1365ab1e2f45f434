"""Seven windows of one person share one event stream, and each shows what it hears."""

import pytest
from playwright.sync_api import expect

from app.domain.ground import events
from app.models import ChargingSession, Station
from tests.support.wait import eventually

pytestmark = [pytest.mark.browser, pytest.mark.landing]


def word(page):
    return page.locator(".side-foot [data-live-word]")


def streams(desk):
    return list(desk.app.extensions["live"]._listeners)


def rename(desk, name):
    """As the worker would: the row changes, and pages hear of it."""
    with desk.work() as db:
        station = db.get(Station, desk.ids["station:CP-01"])
        station.name = name
        events.record(db, events.StationChanged(station.tenant_id, station.id))


@pytest.fixture
def windows(page, desk):
    """Seven windows on two pages, live."""
    page.context.add_cookies([desk.cookie("operator")])
    opened = []
    for address in ("/", "/stations", "/stations", "/", "/stations", "/", "/stations"):
        window = page.context.new_page()
        window.goto(desk.url + address)
        opened.append(window)
    for window in opened:
        expect(word(window)).to_have_text("live")
    return opened


def test_seven_windows_hear_by_one_stream_and_another_takes_over(desk, windows):
    eventually(lambda: len(streams(desk)) == 1, what="one stream is left")
    rename(desk, "Renamed once")
    for window in windows:
        expect(window.locator("#main")).to_contain_text("Renamed once")
    asks_for_its_piece(desk, windows[1])
    windows.pop(0).close()
    for window in windows:
        expect(word(window)).not_to_contain_text("reconnecting")
    eventually(lambda: len(streams(desk)) == 1, what="another window leads")
    rename(desk, "Renamed twice")
    for window in windows:
        expect(window.locator("#main")).to_contain_text("Renamed twice")


def asks_for_its_piece(desk, window):
    """A list asks for the piece that changed, not for the page."""
    with window.expect_response(lambda one: one.url == window.url) as told:
        with desk.work() as db:
            row = db.query(ChargingSession).first()
            events.record(db, events.SessionChanged(row.tenant_id, row.id, row.station_id))
    text = told.value.text()
    assert text.lstrip().startswith('<div id="stations"') and "<aside" not in text
