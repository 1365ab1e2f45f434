"""Said before it is lost: a password through a reload, a session before an unlock."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.domain.ground.vocabulary import Order
from app.models import ChargingSession, Command, Station

pytestmark = [pytest.mark.browser, pytest.mark.landing]


@pytest.fixture
def running(desk):
    """A session at a connected 1.6 station, as (its id, the station's id, its plug)."""
    number = desk.ids["session:running"]
    with desk.work() as db:
        session = db.get(ChargingSession, number)
        desk.connect(db, db.get(Station, session.station_id))
        return number, session.station_id, session.evse


def newest(desk):
    with desk.work() as db:
        row = db.scalars(select(Command).order_by(Command.id.desc())).first()
        return row.order, row.arguments


def test_a_reload_after_creating_a_station_keeps_the_password(page, desk, sign_in):
    sign_in(page, "operator")
    page.goto(f"{desk.url}/stations/new")
    page.get_by_label("Identity").fill("CP-77")
    page.get_by_label("Site", exact=True).select_option(index=1)
    page.get_by_role("button", name="Add the station").click()
    secret = page.locator(".secret")
    expect(secret).to_have_text(re.compile(r"^\S{40}$"))
    clear = secret.inner_text()
    page.reload()
    expect(secret).to_have_text(clear)
    page.get_by_role("link", name="OCPP 2.0.1").click()
    expect(secret).to_have_text(clear)
    expect(page.locator("main")).to_contain_text("BasicAuthPassword")
    expect(page).not_to_have_url(re.compile(re.escape(clear)))


def test_an_unlock_that_would_end_a_session_says_so_before_it_is_sent(page, desk, sign_in, running):
    session_id, station_id, evse = running
    sign_in(page, "operator")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{desk.url}/stations/{station_id}/commands?order=unlock")
    form = page.locator("#order-unlock")
    page.locator("#unlock-connector").select_option(str(evse))
    before = newest(desk)
    form.get_by_role("button", name="Send").click()
    warning = page.get_by_role("alert")
    expect(warning).to_contain_text(f"ession {session_id} of ")
    expect(warning).to_contain_text("kWh so far")
    assert newest(desk) == before
    page.get_by_role("button", name="anyway").click()
    expect(page.locator("#command-rows")).to_contain_text("Unlock")
    assert newest(desk) == (Order.UNLOCK, {"connector": evse})


def test_a_time_is_picked_on_the_sites_clock(page, desk, sign_in, running):
    _, station_id, _ = running
    with desk.work() as db:
        db.get(Station, station_id).site.timezone = "Asia/Kathmandu"
    sign_in(page, "operator")
    page.goto(f"{desk.url}/stations/{station_id}/commands?order=fetch_logs")
    form = page.locator("#order-fetch_logs")
    expect(form).to_contain_text("On the clock of Asia/Kathmandu.")
    form.get_by_label("From", exact=True).fill("2026-01-31T18:00")
    form.get_by_role("button", name="Send").click()
    expect(form.locator("li")).to_be_visible()
    assert newest(desk)[1]["oldest"] == "2026-01-31T12:15:00+00:00"
