"""The editor of charging profiles in a browser: typed, dragged, moved by keys; without script."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
#: To where a point was dragged, by the width and height that the chart happens to have.
LIMIT = re.compile(r"^\d+\.0\sA$")


@pytest.fixture
def editor(new_page, desk, sign_in):
    """Opens the form of a new profile: `editor(java_script_enabled=False)`."""

    def opened(**given):
        page = new_page(**given)
        sign_in(page, "operator")
        page.goto(f"{desk.url}/profiles/new")
        return page

    return opened


def shows_steps(page, name, *cells):
    """The page of the profile is there, and says this of its steps: from when, how much, …"""
    expect(page.locator("main h1")).to_have_text(name)
    table = page.locator("main table.table").first
    expect(table.locator("tbody td:nth-child(-n+2)")).to_have_text(cells)


def move(page, place, *, across=0.0, up=0.0):
    """Drag a point, by parts of the chart's width and height."""
    box = page.locator(".steps-chart svg").bounding_box()
    point = page.locator(".steps-chart .point").nth(place).bounding_box()
    x, y = point["x"] + point["width"] / 2, point["y"] + point["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * across, y - box["height"] * up, steps=6)
    page.mouse.up()


@pytest.mark.landing
def test_a_profile_is_typed_dragged_and_saved(editor):
    page = editor()
    page.get_by_label("Name", exact=True).fill("Depot by night")
    page.get_by_label("Valid", exact=True).select_option("daily")
    page.get_by_role("button", name="Add a step").click()
    page.locator("#periods-1-starts").fill("12:00")
    page.locator("#periods-1-limit").fill("20")
    expect(page.locator(".steps-chart .point")).to_have_count(2)
    # A quarter of the width to the right: the fields follow, in steps that make sense.
    move(page, 1, across=0.2, up=0.2)
    starts, limit = (page.locator(f"#periods-1-{name}") for name in ("starts", "limit"))
    expect(starts).to_have_value(re.compile("^1[5-9]:(00|15|30|45)$"))
    expect(limit).to_have_value(re.compile(r"^(2[5-9]|[3-9]\d)$"))
    # The first one stays at the beginning, whatever is dragged.
    move(page, 0, across=0.3, up=-0.1)
    expect(page.locator("#periods-0-starts")).to_have_value("00:00")
    point = page.locator(".steps-chart .point").nth(1)
    point.focus()
    limit.fill("25")
    starts.fill("16:00")
    page.locator(".steps-chart .point").nth(1).focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("[role=slider]:focus")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(limit).to_have_value("26")
    expect(starts).to_have_value("16:15")
    point = page.locator(".steps-chart .point").nth(1)
    expect(point).to_have_attribute("aria-valuetext", "Step 2: 16:15, 26 A")
    page.get_by_role("button", name="Add profile").last.click()
    shows_steps(page, "Depot by night", "00:00", LIMIT, "16:15", "26.0 A")


@pytest.mark.landing
def test_another_unit_and_another_kind_say_the_same(editor):
    page = editor()
    page.get_by_label("Name", exact=True).fill("Week")
    page.get_by_role("button", name="Add a step").click()
    page.locator("#periods-1-starts").fill("30:00")
    page.locator("#periods-1-limit").fill("10")
    page.get_by_label("Unit", exact=True).select_option("W")
    expect(page.locator("#periods-1-limit")).to_have_value("6900")
    page.get_by_label("Valid", exact=True).select_option("weekly")
    expect(page.locator("#periods-1-starts")).to_have_value("Tue 06:00")
    page.get_by_role("button", name="Add profile").last.click()
    shows_steps(page, "Week", "Mon 00:00", "11 040.0 W", "Tue 06:00", "6 900.0 W")


@pytest.mark.landing
def test_rows_are_enough_without_a_script(editor):
    page = editor(java_script_enabled=False)
    expect(page.get_by_role("button", name="Add a step")).to_have_count(0)
    page.get_by_label("Name", exact=True).fill("Plain")
    page.locator("#periods-1-starts").fill("07:00")
    page.locator("#periods-1-limit").fill("8")
    page.get_by_role("button", name="Add profile").last.click()
    shows_steps(page, "Plain", "00:00", "16.0 A", "07:00", "8.0 A")


@pytest.mark.landing
def test_whoever_reads_german_reads_german_numbers_in_drawings(editor):
    page = editor()
    page.route("**/profiles/new", _in_german)
    page.reload()
    page.locator("#periods-0-limit").fill("7.5")
    expect(page.locator(".steps-chart .point").first).to_have_attribute(
        "aria-valuetext", "Step 1: 00:00, 7,5 A"
    )


def _in_german(route):
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('<html lang="en"', '<html lang="de"'))
