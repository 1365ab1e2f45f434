"""The tariff editor in a browser, with JavaScript and without it."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def admins_page(new_page, sign_in):
    """Opens a page of an admin's: `admins_page(java_script_enabled=False)`."""

    def opened(**given):
        page = new_page(**given)
        sign_in(page, "admin")
        return page

    return opened


@pytest.mark.landing
@pytest.mark.parametrize(
    "javascript",
    [True, False],
    ids=["with script", "without script"],
)
def test_a_tariff_is_written_row_by_row(admins_page, desk, javascript):
    page = admins_page(java_script_enabled=javascript)
    page.goto(f"{desk.url}/tariffs/new")
    page.get_by_label("Name", exact=True).fill("Garage")
    page.get_by_label("Tax rate (%)").first.fill("19")
    page.locator("#components-0-price").fill("0,55")
    page.get_by_role("button", name="Add a price").click()
    expect(page.locator("#components-1-price")).to_be_visible()
    expect(page.locator("#components-0-price")).to_have_value("0,55")
    page.locator("#components-1-price").fill("0.25")
    page.locator("#components-1-name").fill("night")
    page.locator("#c1 summary").click()
    page.locator("#components-1-starts").fill("22:00")
    page.locator("#components-1-until").fill("06:00")
    page.get_by_role("button", name="Move price 2 up").click()
    expect(page.locator("#components-0-name")).to_have_value("night")
    page.get_by_role("button", name="Create the tariff").click()
    expect(page.get_by_role("heading", name="Garage", exact=True)).to_be_visible()
    expect(page.locator(".formula li")).to_have_text(
        [
            "night: 0.25 € per kWh from 22:00 to 06:00",
            "0.55 € per kWh",
            "prices include 19 % tax",
        ]
    )


@pytest.mark.landing
def test_the_enter_key_saves_and_removes_nothing(admins_page, desk):
    page = admins_page()
    page.goto(f"{desk.url}/tariffs/new")
    page.locator("#components-0-price").fill("0.30")
    page.get_by_label("Name", exact=True).fill("Entered")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("heading", name="Entered", exact=True).wait_for()


@pytest.mark.landing
def test_a_tariff_is_changed_after_the_bench(admins_page, desk):
    page = admins_page()
    page.goto(f"{desk.url}/tariffs")
    page.get_by_role("link", name="Kerb day/night").click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.locator("#components-2-price").fill("0.60")
    # The week is drawn as one types.
    page.locator("#says .chip", has_text="0.60").wait_for()
    page.get_by_label("Month", exact=True).fill("2026-11")
    page.get_by_role("button", name="Try on real sessions").click()
    bench = page.locator("#bench")
    bench.get_by_text("sessions become dearer").wait_for()
    expect(bench.locator("tfoot td").last).to_have_text(re.compile(r"^\s*\+"))
    expect(page.locator("#components-2-price")).to_have_value("0.60")
    page.get_by_label("Why this change").fill("Dearer electricity.")
    page.get_by_role("button", name="Save").last.click()
    page.get_by_text("Saved Kerb day/night as version 8.").wait_for()
    expect(page.locator(".formula")).to_contain_text("0.60")
