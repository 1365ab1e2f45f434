"""Working lists in a browser: on a phone, without scripts, and while they keep themselves fresh."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground import events
from app.domain.ground.vocabulary import SYSTEM
from app.models import Station, Tag

pytestmark = [pytest.mark.browser, pytest.mark.landing, pytest.mark.timeout(600)]

PHONE = {"width": 390, "height": 844}
#: A promise that is kept once the page was told that stations have changed.
HEARD = """() => { window.heard = new Promise((keep) => document.addEventListener(
  "ampdesk:live", (event) => { if (event.detail.topic === "stations") keep(true); })); }"""


@pytest.fixture
def phone(new_page, sign_in):
    """A phone whose browser runs no scripts."""
    phone = new_page(java_script_enabled=False, viewport=PHONE)
    sign_in(phone, "admin")
    return phone


def test_filters_are_folded_on_a_phone_behind_a_button_that_counts_them(phone, desk):
    phone.goto(f"{desk.url}/sessions?billing=held&site=1&when=all")
    fold, bill = phone.get_by_label("Filters (2)"), phone.get_by_label("Bill", exact=True)
    expect(bill).to_be_hidden()
    expect(phone.get_by_label("Session, station, driver, card")).to_be_visible()
    assert phone.locator("form.filters").bounding_box()["height"] < 90
    phone.set_viewport_size({"width": 1440, "height": 900})
    expect(fold).to_be_hidden()
    expect(bill).to_be_visible()
    phone.set_viewport_size(PHONE)
    fold.check()
    expect(bill).to_be_visible()
    phone.get_by_role("link", name="Clear").click()
    expect(phone.get_by_label("Filters", exact=True)).not_to_be_checked()


def test_wide_lists_are_cards_on_a_phone_and_nothing_is_cut(phone, desk):
    with desk.work() as work:
        tags.block(work, SYSTEM, work.scalars(select(Tag).limit(1)).one(), now=datetime.now(UTC))
    for address, label in (
        ("/drivers", "E-mail"),
        ("/audit", "Changes"),
        ("/sites/1", "Model"),
        ("/staff/roles", "Viewer"),
    ):
        phone.goto(desk.url + address)
        card = phone.locator(f'table.cards td[data-label="{label}"]').first
        expect(card).to_be_visible()
        for wrap in phone.locator(".table-wrap").all():
            assert wrap.evaluate("wrap => wrap.scrollWidth <= wrap.clientWidth"), address


def test_the_current_tab_is_in_view(phone, desk):
    phone.goto(f"{desk.url}/sessions?when=last-month")
    tab = phone.locator(".presets [aria-current]").bounding_box()
    assert tab["x"] >= 0
    assert tab["x"] + tab["width"] <= PHONE["width"]


def test_rows_are_ticked_and_changed_together_without_scripts(phone, desk):
    phone.goto(f"{desk.url}/tags")
    bar = phone.get_by_role("group", name="With the selected tags")
    expect(bar).to_be_hidden()
    for box in phone.locator("input[name=ids]").all()[:2]:
        box.check()
    expect(bar).to_be_visible()
    phone.get_by_role("button", name="Block", exact=True).click()
    expect(phone.locator("main")).to_contain_text("2 tags are blocked.")


def test_a_filter_is_saved_opened_and_deleted_without_scripts(phone, desk):
    phone.goto(f"{desk.url}/sessions?billing=held")
    phone.get_by_text("Save this filter").click()
    phone.get_by_label("Name", exact=True).fill("To look at")
    phone.get_by_role("button", name="Save", exact=True).click()
    saved = phone.get_by_role("link", name="To look at")
    expect(saved).to_be_visible()
    phone.goto(f"{desk.url}/sessions")
    saved.click()
    expect(phone).to_have_url(re.compile("billing=held$"))
    phone.get_by_role("button", name="Delete").click()
    expect(phone.get_by_role("link", name="To look at")).to_have_count(0)


def test_columns_are_put_away_by_their_reader(page, desk, sign_in):
    sign_in(page, "admin")
    page.goto(f"{desk.url}/sessions")
    idle = page.locator("table.sessions th", has_text="Idle")
    expect(idle).to_be_visible()
    page.get_by_text("Columns").click()
    page.get_by_label("Idle", exact=True).uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(idle).to_be_hidden()


def test_a_live_list_waits_while_rows_are_ticked(page, desk, sign_in):
    sign_in(page, "admin")
    page.goto(f"{desk.url}/stations")
    expect(page.locator(".side-foot")).to_contain_text("live")
    box = page.get_by_label("Select CP-01")
    box.check()
    expect(page.locator("[data-bulk-count]")).to_have_text("1 selected")
    page.evaluate(HEARD)
    with desk.work() as work:
        station = work.get_one(Station, desk.ids["station:CP-02"])
        station.name = "Ramp"
        events.record(work, events.StationChanged(station.tenant_id, station.id))
    assert page.evaluate("window.heard")
    expect(box).to_be_checked()
    expect(page.locator("main")).not_to_contain_text("Ramp")
    box.uncheck()
    expect(page.locator("main")).to_contain_text("Ramp")
