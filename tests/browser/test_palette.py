"""Ctrl-K finds and goes: rows, pages and orders, by the keyboard alone."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def home(page, desk):
    page.context.add_cookies([desk.cookie("operator")])
    page.goto(desk.url)
    return page


@pytest.mark.landing
def test_a_station_is_two_keys_and_its_name_away(home, desk):
    home.keyboard.press("Control+k")
    palette = home.get_by_role("dialog", name="Find and go")
    expect(palette.get_by_role("searchbox")).to_be_focused()
    expect(palette.get_by_role("link", name="Tariffs")).to_be_visible()
    home.keyboard.type("cp-0")
    stations = palette.get_by_role("region", name="Stations").get_by_role("link")
    expect(stations).to_have_count(6)
    home.keyboard.press("ArrowDown")
    home.keyboard.press("ArrowDown")
    expect(stations.nth(1)).to_be_focused()
    home.keyboard.press("Enter")
    expect(home).to_have_url(f"{desk.url}/stations/{desk.ids['station:CP-02']}")


@pytest.mark.landing
def test_pages_and_orders_are_found_and_escape_leaves(home):
    home.keyboard.press("Control+k")
    palette = home.get_by_role("dialog", name="Find and go")
    home.keyboard.type("restart")
    expect(palette.get_by_role("link", name="Restart")).to_be_visible()
    home.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    home.keyboard.press("Control+k")
    home.keyboard.type("reservations")
    expect(palette.get_by_role("link", name="Reservations")).to_be_visible()
    home.keyboard.press("Enter")
    expect(home.locator("main h1")).to_have_text("Reservations")


@pytest.mark.landing
def test_enter_goes_to_what_was_typed_although_it_is_not_found_yet(home):
    home.keyboard.press("Control+k")
    palette = home.get_by_role("dialog", name="Find and go")
    expect(palette.get_by_role("link", name="Home")).to_be_visible()
    home.keyboard.type("reservations")
    home.keyboard.press("Enter")
    expect(home.locator("main h1")).to_have_text("Reservations")


@pytest.mark.landing
def test_enter_leads_to_the_search_where_nothing_is_found(home, desk):
    home.keyboard.press("Control+k")
    home.keyboard.type("zebra")
    home.keyboard.press("Enter")
    expect(home).to_have_url(f"{desk.url}/search?q=zebra")
