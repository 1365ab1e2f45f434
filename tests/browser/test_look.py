"""The frame of the desk in a real browser: themes, keys, phone, no script, live, confirmation."""

from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from app.domain.ground import events
from app.domain.ground.vocabulary import Availability
from app.models import Connector, Station
from tests.browser.axe import in_every_look
from tests.security.test_markup import LETTERS
from tests.security.town import PARAMETERS
from tests.security.walk import pages
from tests.support import fixtures

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

#: A list, a card, a bill, forms, charts.
FEW = ("/", "/stations", "/stations/1", "/sessions/1", "/bills/1", "/tariffs/new", "/settings")
#: Others that no page before is like.
MORE = (
    *("/sessions", "/bills/review/4", "/commands", "/messages", "/audit", "/account", "/about"),
    *("/map", "/stations/new", "/stations/1/setup", "/stations/1/commands"),
    *("/stations/1/configuration", "/tags/1", "/tags/import", "/drivers/1", "/tariffs/1"),
    *("/sites/1", "/staff/1", "/search?q=cp", "/reports"),
)

#: Names of icons on the page that the sprite does not hold.
BLANK_ICONS = """async () => {
  const uses = [...document.querySelectorAll('use')].map((use) => use.getAttribute('href'));
  const missing = new Set();
  for (const href of uses) {
    const [address, name] = href.split('#');
    window.sprite ||= await (await fetch(address)).text();
    if (!window.sprite.includes(`<symbol id="${name}"`)) missing.add(name);
  }
  return [...missing];
}"""

#: What tables begin with that are not drawn as tables on a wide page, or are cut by their card.
NO_TABLES = """() => [...document.querySelectorAll('table.table')]
  .filter((one) => {
    const card = one.closest('.card');
    const cut = card && !one.closest('.table-wrap')
      && one.getBoundingClientRect().right > card.getBoundingClientRect().right + 1;
    return getComputedStyle(one).display !== 'table' || cut;
  })
  .map((one) => one.innerText.slice(0, 40))"""


def shows_theme(page, scheme):
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)


@pytest.mark.landing
def test_the_theme_follows_the_system_until_somebody_chooses(page, desk, sign_in):
    sign_in(page, "admin")
    page.emulate_media(color_scheme="dark")
    page.goto(desk.url)
    shows_theme(page, "dark")
    page.emulate_media(color_scheme="light")
    shows_theme(page, "light")
    page.click("[data-theme-switch]")
    shows_theme(page, "dark")
    page.reload()
    shows_theme(page, "dark")


@pytest.mark.nightly
def test_a_window_that_is_lent_again_has_kept_nothing(browser, desk):
    window, idle = browser.new_context(), []
    try:
        window.new_page()
        for _ in range(2):
            page = window.new_page()
            page.goto(desk.url)
            assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
            page.evaluate("localStorage.setItem('ampdesk-theme', 'dark'); document.cookie = 'a=b'")
            fixtures._as_new(window, idle)
        assert idle == [window] * 2
    finally:
        window.close()


@pytest.mark.landing
def test_a_slash_searches_and_escape_leaves(page, desk, sign_in, complaints):
    sign_in(page, "viewer")
    page.goto(desk.url)
    search = page.locator("[name=q]:focus")
    page.keyboard.press("/")
    expect(search).to_have_count(1)
    page.keyboard.type("CP-0")
    page.keyboard.press("Enter")
    expect(page.locator("main").get_by_text("CP-01").first).to_be_visible()
    page.keyboard.press("/")
    expect(search).to_have_count(1)
    page.keyboard.press("Escape")
    expect(search).to_have_count(0)
    assert complaints == []


@pytest.mark.landing
@pytest.mark.parametrize(
    "addresses",
    [FEW, MORE[::2], MORE[1::2]],
    ids=["few", "more", "others"],
)
def test_every_page_is_whole_readable_and_within_the_policy(
    page, desk, sign_in, complaints, addresses
):
    """On a phone in the light and on a desk in the dark, which are all widths and colours."""
    sign_in(page, "admin")
    for place, address in enumerate(addresses):
        assert page.goto(desk.url + address).status == 200, address
        is_whole(page, address, framed=not place)
    assert complaints == []


def is_whole(page, address, *, framed=True):
    expect(page.locator("h1"), address).to_have_count(1)
    assert page.evaluate(BLANK_ICONS) == [], address
    for width, scheme, found in in_every_look(page):
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
        assert found(page, framed=framed) == [], (address, scheme)
        if width > 1000:
            assert page.evaluate(NO_TABLES) == [], address


@pytest.mark.nightly
def test_every_other_page_is_whole_and_readable_too(page, desk, sign_in):
    sign_in(page, "admin")
    side, seen = SimpleNamespace(ids=dict.fromkeys(PARAMETERS, 1)), 0
    for door, address in pages(desk.app, side):
        text = page.request.get(desk.url + address).text()
        if "<title>" not in text or door.endpoint in LETTERS or address in (*FEW, *MORE):
            continue
        page.goto(desk.url + address)
        seen += 1
        is_whole(page, address)
    assert seen > 30


@pytest.mark.landing
def test_buttons_are_large_enough_for_a_thumb(page, desk, sign_in):
    sign_in(page, "admin")
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/", "/stations", "/staff"):
        page.goto(desk.url + address)
        for button in page.locator(".btn:visible").all():
            assert button.bounding_box()["height"] >= 40, button


@pytest.mark.landing
def test_what_is_ticked_dragged_or_followed_from_a_head_has_24_pixels(page, desk, sign_in):
    sign_in(page, "admin")
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/sessions", "/messages", "/profiles/new", "/tariffs/new", "/stations/1"):
        page.goto(desk.url + address)
        looked = ".form-check-input, .point, .tabs a, .card-header .aside a, .log-head a"
        for one in page.locator(looked).filter(visible=True).all():
            box = one.bounding_box()
            assert min(box["width"], box["height"]) >= 24, (address, one, box)
            assert one.evaluate("each => each.scrollWidth <= each.clientWidth + 1"), one


@pytest.mark.landing
def test_a_phone_folds_filters_but_not_the_choice_of_an_order(page, desk, sign_in):
    sign_in(page, "operator")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{desk.url}/broadcasts/new")
    expect(page.get_by_label("Site")).to_be_hidden()
    expect(page.get_by_label("Order", exact=True)).to_be_visible()


@pytest.mark.landing
def test_the_phone_menu_works_without_scripts(new_page, desk, sign_in):
    page = new_page(java_script_enabled=False, viewport={"width": 390, "height": 844})
    sign_in(page, "viewer")
    page.goto(desk.url)
    link = page.locator("#menu a", has_text="Stations")
    expect(link).to_be_hidden()
    page.get_by_label("Menu").check()
    link.click()
    expect(page.locator("main h1")).to_have_text("Stations")
    expect(page.locator("main")).to_contain_text("CP-01")


@pytest.mark.landing
def test_signing_in_works_without_scripts(new_page, desk):
    page = new_page(java_script_enabled=False)
    page.goto(f"{desk.url}/staff")
    page.fill("[name=email]", "grace@example.org")
    page.fill("[name=password]", "wrong")
    page.click("button[type=submit]")
    expect(page.locator('[role="alert"]')).to_contain_text("wrong")
    page.fill("[name=password]", "nine blue kilowatts")
    page.click("button[type=submit]")
    expect(page).to_have_url(f"{desk.url}/staff")
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("[name=password]")).to_be_visible()


@pytest.mark.landing
def test_home_hears_of_a_fault_without_a_reload(page, desk, sign_in, complaints):
    sign_in(page, "viewer")
    page.goto(desk.url)
    expect(page.locator(".side-foot .dot-live")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    with desk.work() as db:
        station = db.get(Station, desk.ids["station:CP-01"])
        plug = db.query(Connector).filter_by(station_id=station.id, evse=1).one()
        plug.availability, plug.error_code = Availability.FAULTED, "GroundFailure"
        events.record(db, events.StationChanged(station.tenant_id, station.id))
    expect(page.locator("#attention")).to_contain_text("GroundFailure")
    assert page.evaluate("window.sameDocument")
    assert complaints == []


@pytest.mark.landing
def test_a_destructive_button_names_what_will_happen_first(page, desk, sign_in, complaints):
    sign_in(page, "admin")
    address = f"{desk.url}/staff/{desk.ids['viewer']}"
    page.goto(address)
    page.get_by_role("button", name="Deactivate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("signed out everywhere")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Deactivate").click()
    dialog.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("is deactivated")).to_be_visible()
    assert complaints == []


@pytest.mark.landing
def test_the_focus_is_seen_and_the_page_can_be_reached_at_once(page, desk, sign_in):
    sign_in(page, "viewer")
    page.goto(desk.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#main :focus")).to_have_css("outline-width", "2px")
