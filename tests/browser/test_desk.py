"""A day at the desk in a real browser: sign in, look around, follow a session live, act."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from app.domain.charging import sessions
from app.domain.commands import commands
from app.domain.ground import events
from app.domain.ground.vocabulary import CommandState, Outcome, SessionState, StopReason
from app.models import ChargingSession, Command, Station
from tests.support import lone, seed_log, seed_sessions
from tests.support.seed import PASSWORD
from tests.support.wait import eventually

pytestmark = pytest.mark.browser

MENU = (
    *("Home", "Stations", "Sessions", "Tags", "Drivers", "Tariffs", "Bills"),
    *("Commands", "Messages", "Sites", "Staff", "Audit"),
)


@pytest.fixture(
    params=[True, pytest.param(False, marks=pytest.mark.nightly)],
    ids=["with script", "without script"],
)
def either(request, new_page, sign_in):
    """A page of Otto's, once with JavaScript and once with it switched off."""
    page = new_page(java_script_enabled=request.param)
    sign_in(page, "operator")
    page.scripted = request.param
    return page


def live(page):
    """Wait until the page hears of changes."""
    page.locator(".side-foot .dot-live").wait_for(state="attached")


def test_somebody_signs_in_walks_through_the_menu_and_leaves(page, desk, complaints):
    page.goto(f"{desk.url}/sessions")
    page.get_by_label("E-mail").fill("grace@example.org")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("[role=alert]")).to_have_count(1)
    page.get_by_label("E-mail").fill("grace@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{desk.url}/sessions")
    menu = page.get_by_role("navigation", name="Main")
    for word in MENU:
        menu.get_by_role("link", name=word).click()
        expect(menu.get_by_role("link", name=word)).to_have_attribute("aria-current", "page")
        expect(page.locator("main h1")).not_to_be_empty()
    page.locator("summary", has_text="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    refused = [text for text in complaints if "422" not in text and "401" not in text]
    assert refused == []


@pytest.mark.landing
def test_a_running_session_is_followed_live_to_its_end(page, desk, sign_in, complaints):
    sign_in(page, "operator")
    number = desk.ids["session:running"]
    page.goto(f"{desk.url}/sessions/{number}")
    live(page)
    expect(page.locator("#power canvas")).to_be_visible()
    page.get_by_text("Readings as a table").click()
    readings = page.locator(".readings tbody tr")
    expect(readings.first).to_be_visible()
    before = readings.count()

    with desk.work() as db:
        session = db.get_one(ChargingSession, number)
        at = datetime.now(UTC)
        # No more than its plug can give, however soon after the reading before.
        wh = session.last_register_wh - session.meter_start_wh + 120
        seed_sessions.reading(db, session, at, float(wh), 11_100, 84)
        session.energy_wh, session.last_power_w = wh, 11_100.0
        session.last_register_wh = session.meter_start_wh + wh
        session.last_reading_at = at
        events.record(db, events.SessionChanged(session.tenant_id, session.id, session.station_id))
    expect(page.locator("main")).to_contain_text(f"{wh / 1000:.2f}\u00a0kWh")
    expect(page.locator("main")).to_contain_text("11.1\u00a0kW")
    expect(readings).to_have_count(before + 1)
    expect(page.locator(".readings")).to_be_visible()  # what was folded out stays so

    with desk.work() as db:
        session = db.get_one(ChargingSession, number)
        stop = sessions.Stop(
            transaction_ref=session.transaction_ref,
            meter_stop_wh=session.last_register_wh,
            ended_at=datetime.now(UTC),
            reason=StopReason.LOCAL,
            word="Local",
            token=None,
            payload={},
        )
        lone.end(db, session.station, stop, now=datetime.now(UTC))
    expect(page.locator("main")).to_contain_text("It has ended and is being billed now.")
    expect(page.get_by_text("Session ended")).to_be_visible()
    assert complaints == []


@pytest.mark.landing
def test_the_list_of_sessions_keeps_those_that_run_fresh(page, desk, sign_in):
    sign_in(page, "viewer")
    number = desk.ids["session:running"]
    page.goto(f"{desk.url}/sessions")
    live(page)
    with desk.work() as db:
        session = db.get_one(ChargingSession, number)
        session.energy_wh, session.last_power_w = Decimal(44_440), 7_400.0
        events.record(db, events.SessionChanged(session.tenant_id, session.id, session.station_id))
    row = page.locator(f"#running-{number}")
    expect(row).to_contain_text("44.44\u00a0kWh")
    expect(row).to_contain_text("7.4\u00a0kW")


@pytest.mark.landing
def test_the_head_of_the_log_grows_live_and_an_open_message_stays_open(page, desk, sign_in):
    sign_in(page, "viewer")
    station = desk.ids["station:CP-01"]
    page.goto(f"{desk.url}/messages?direction=out")
    live(page)
    unlock = page.locator(".log-row", has_text="UnlockConnector")
    unlock.locator("summary").click()
    expect(unlock.get_by_text('"status": "UnlockFailed"')).to_be_visible()
    with desk.work() as db:
        place = db.get_one(Station, station)
        now = datetime.now(UTC)
        told = {"key": [], "configurationKey": []}
        seed_log.message(db, place.id, now, "GetConfiguration", {}, told, outbound=True)
        events.record(db, events.StationChanged(place.tenant_id, place.id))
    expect(page.locator(".log-row").first).to_contain_text("all settings · 0 told")
    expect(unlock.get_by_text('"status": "UnlockFailed"')).to_be_visible()


def test_a_session_is_stopped_and_the_answer_appears(either, desk):
    page, number = either, desk.ids["session:running"]
    page.goto(f"{desk.url}/sessions/{number}")
    page.get_by_role("button", name="Stop charging").click()
    if page.scripted:  # it says what will happen and asks
        page.locator("dialog").get_by_role("button", name="Stop charging").click()
    expect(page.locator(".flash-success")).to_contain_text("Asked the station to stop")
    if page.scripted:
        live(page)
    with desk.work() as db:
        command = db.query(Command).filter_by(session_id=number).one()
        assert command.requested_by == "Otto Olsen"
        claimed = lone.claim(db, command.id, "seed", now=datetime.now(UTC))
        outcome = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "Accepted.")
        commands.settle(db, claimed, outcome, now=datetime.now(UTC), latency_ms=80)
    if not page.scripted:
        page.reload()
    expect(page.locator("main")).to_contain_text("Stop charging: accepted")


@pytest.mark.landing
def test_a_session_is_ended_by_hand_with_a_reason(either, desk):
    page, number = either, desk.ids["session:running"]
    page.goto(f"{desk.url}/sessions/{number}")
    page.get_by_role("link", name="End by hand").click()
    page.get_by_role("button", name="End the session").click()
    expect(page.locator(".error")).to_contain_text("Say why")
    page.get_by_label("Reason").fill("The charger was replaced")
    page.get_by_role("button", name="End the session").click()
    expect(page.locator("main")).to_contain_text(
        "The charger never reported the end of this session"
    )
    with desk.work() as db:
        assert db.get_one(ChargingSession, number).state is SessionState.ENDED


@pytest.mark.landing
def test_the_list_is_filtered_sorted_and_exported_with_or_without_script(either, desk):
    page = either
    page.goto(f"{desk.url}/sessions")
    page.get_by_label("Bill", exact=True).select_option("held")
    if not page.scripted:
        page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("billing=held"))
    expect(page.locator("table.sessions tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Energy").click()
    expect(page).to_have_url(re.compile("billing=held.*sort=energy|sort=energy.*billing=held"))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text("utf-8-sig")
    assert len(text.splitlines()) == 3
    page.get_by_role("link", name="Clear").click()
    expect(page).not_to_have_url(re.compile("billing"))


@pytest.mark.landing
def test_a_page_without_script_shows_all_that_the_chart_does(new_page, desk, sign_in):
    page = new_page(java_script_enabled=False)
    sign_in(page, "viewer")
    page.goto(f"{desk.url}/sessions/{desk.ids['session:finished']}")
    page.get_by_text("Readings as a table").click()
    expect(page.locator(".readings tbody tr").nth(5)).to_contain_text("kW")
    expect(page.locator("#cost")).to_contain_text("Energy, night rate")
    page.get_by_role("link", name="Messages ± 2 min").click()
    expect(page.locator(".log")).to_contain_text("StartTransaction")
    expect(page.locator(".log")).not_to_contain_text("CP-04")


@pytest.mark.landing
def test_a_command_from_a_stations_page_shows_its_result_in_place(page, desk, sign_in):
    sign_in(page, "operator")
    station = desk.ids["station:CP-01"]
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{desk.url}/stations/{station}")
    page.get_by_role("button", name="Unlock").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Unlock").click()

    def command():
        with desk.work() as db:
            row = db.query(Command).filter_by(station_id=station).order_by(Command.id).first()
            return row.id if row else None

    number = eventually(command)
    with desk.work() as db:
        claimed = lone.claim(db, number, "seed", now=datetime.now(UTC))
        outcome = Outcome(CommandState.ACCEPTED, {"status": "Unlocked"}, "The plug is unlocked.")
        commands.settle(db, claimed, outcome, now=datetime.now(UTC), latency_ms=412)
    row = page.locator("#command-rows > li").first
    expect(row).to_contain_text("The plug is unlocked.")
    expect(row).to_be_in_viewport()


@pytest.mark.landing
def test_without_redis_the_page_says_so_asks_by_itself_and_catches_up(
    page, desk, sign_in, redis_server
):
    sign_in(page, "viewer")
    number = desk.ids["session:running"]
    page.goto(f"{desk.url}/sessions/{number}")
    live(page)
    redis_server.kill9()
    try:
        expect(page.locator(".side-foot")).to_contain_text("asking")
        with desk.work() as db:
            db.get_one(ChargingSession, number).last_power_w = 3_300.0
        expect(page.locator("main")).to_contain_text("3.3\u00a0kW")
    finally:
        redis_server.start()
    live(page)
