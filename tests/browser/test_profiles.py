"""The editor of charging profiles in a browser: typed, dragged, moved by keys; without script."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def opened(browser, desk, address, **more):
    context = browser.new_context(locale="en-GB", **more)
    context.set_default_timeout(40_000)
    context.add_cookies([desk.cookie("operator")])
    page = context.new_page()
    page.goto(f"{desk.url}{address}")
    return page


def steps(page):
    """What the page of a profile says of its steps."""
    page.wait_for_url("**/profiles/*")
    rows = page.locator("main table.table").first.locator("tbody tr").all_inner_texts()
    return [row.replace("\xa0", " ").split("\t")[:2] for row in rows]


def move(page, place, *, across=0.0, up=0.0):
    """Drag a point, by parts of the chart's width and height."""
    box = page.locator(".steps-chart svg").bounding_box()
    point = page.locator(".steps-chart .point").nth(place).bounding_box()
    x, y = point["x"] + point["width"] / 2, point["y"] + point["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * across, y - box["height"] * up, steps=6)
    page.mouse.up()


def test_a_profile_is_typed_dragged_and_saved(browser, desk):
    page = opened(browser, desk, "/profiles/new")
    page.get_by_label("Name", exact=True).fill("Depot by night")
    page.get_by_label("Valid", exact=True).select_option("daily")
    page.get_by_role("button", name="Add a step").click()
    page.locator("#periods-1-starts").fill("12:00")
    page.locator("#periods-1-limit").fill("20")
    assert page.locator(".steps-chart .point").count() == 2
    # A quarter of the width to the right: the fields follow, in steps that make sense.
    move(page, 1, across=0.2, up=0.2)
    starts, limit = (
        page.locator(f"#periods-1-{name}").input_value() for name in ("starts", "limit")
    )
    assert starts > "15:00" and int(starts[3:]) % 15 == 0
    assert float(limit) > 24 and float(limit) == int(float(limit))
    # The first one stays at the beginning, whatever is dragged.
    move(page, 0, across=0.3, up=-0.1)
    assert page.locator("#periods-0-starts").input_value() == "00:00"
    point = page.locator(".steps-chart .point").nth(1)
    point.focus()
    page.locator("#periods-1-limit").fill("25")
    page.locator("#periods-1-starts").fill("16:00")
    page.locator(".steps-chart .point").nth(1).focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("[role=slider]:focus")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    assert page.locator("#periods-1-limit").input_value() == "26"
    assert page.locator("#periods-1-starts").input_value() == "16:15"
    said = page.locator(".steps-chart .point").nth(1).get_attribute("aria-valuetext")
    assert said == "Step 2: 16:15, 26 A"
    page.get_by_role("button", name="Add profile").last.click()
    assert steps(page)[1] == ["16:15", "26.0 A"]
    page.context.close()


def test_another_unit_and_another_kind_say_the_same(browser, desk):
    page = opened(browser, desk, "/profiles/new")
    page.get_by_label("Name", exact=True).fill("Week")
    page.get_by_role("button", name="Add a step").click()
    page.locator("#periods-1-starts").fill("30:00")
    page.locator("#periods-1-limit").fill("10")
    page.get_by_label("Unit", exact=True).select_option("W")
    assert page.locator("#periods-1-limit").input_value() == "6900"
    page.get_by_label("Valid", exact=True).select_option("weekly")
    assert page.locator("#periods-1-starts").input_value() == "Tue 06:00"
    page.get_by_role("button", name="Add profile").last.click()
    assert [row[0] for row in steps(page)] == ["Mon 00:00", "Tue 06:00"]
    page.context.close()


def test_rows_are_enough_without_a_script(browser, desk):
    page = opened(browser, desk, "/profiles/new", java_script_enabled=False)
    assert page.get_by_role("button", name="Add a step").count() == 0
    page.get_by_label("Name", exact=True).fill("Plain")
    page.locator("#periods-1-starts").fill("07:00")
    page.locator("#periods-1-limit").fill("8")
    page.get_by_role("button", name="Add profile").last.click()
    assert steps(page) == [["00:00", "16.0 A"], ["07:00", "8.0 A"]]
    page.context.close()
