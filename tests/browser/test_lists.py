"""Working lists on a phone and without scripts: filters, cards, tabs."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM
from app.models import Tag

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def phone(browser, desk):
    """A phone whose browser runs no scripts."""
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    context.set_default_timeout(60_000)
    context.add_cookies([desk.cookie("admin")])
    yield context.new_page()
    context.close()


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
    for address, label in (("/drivers", "E-mail"), ("/audit", "Changes"), ("/sites/1", "Model")):
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
