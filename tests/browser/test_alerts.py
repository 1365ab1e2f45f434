"""Setting up an alert with a webhook, from the two forms to the message that arrives."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from app.models import Station, WorkerNode
from app.tasks.alerts import watch
from app.tasks.webhooks import tell
from tests.browser.test_look import is_whole
from tests.support.webhook_receiver import Receiver

pytestmark = [pytest.mark.browser, pytest.mark.landing]


@pytest.fixture
def receiver(desk):
    settings = desk.app.config["SETTINGS"]
    here = {"webhook_http": True, "webhook_networks": ("127.0.0.0/8",)}
    desk.app.config["SETTINGS"] = replace(settings, **here)
    with Receiver(status=200, text="taken") as running:
        yield running


def station_goes(desk):
    now = datetime.now(UTC)
    with desk.work() as db:
        db.execute(update(WorkerNode).values(beat_at=now + timedelta(minutes=10)))
        station = db.get(Station, desk.ids["station:CP-01"])
        station.connection_id, station.disconnected_at = None, now - timedelta(hours=2)


def add_webhook(page, desk, receiver):
    page.goto(f"{desk.url}/webhooks")
    page.get_by_role("link", name="Add a webhook").click()
    page.get_by_label("Name").fill("Fleet portal")
    page.get_by_label("Address").fill(receiver.url)
    for event in ("An alert was opened", "An alert was closed"):
        page.get_by_label(event).check()
    page.get_by_role("button", name="Add the webhook").click()
    return page.locator("code.secret").text_content()  # only the page that follows has one


def send_a_test(page):
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Test sent.")).to_be_visible()


def add_rule(page, desk):
    page.goto(f"{desk.url}/alerts")
    page.get_by_role("link", name="Add a rule").click()
    page.get_by_label("Name").fill("Stations that are gone")
    page.get_by_label("Condition").select_option("station_offline")
    page.get_by_label("For how long (minutes)").fill("60")
    page.get_by_label("Mail to", exact=True).fill("duty@example.org")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_text("duty@example.org")).to_be_visible()


#: Others of alerts and webhooks are like these.
PAGES = ("/alerts", "/alerts/1", "/alerts/rules/new", "/webhooks/1")


def test_an_alert_with_a_webhook_is_set_up_and_told(page, desk, sign_in, receiver):
    sign_in(page, "admin")
    secret = add_webhook(page, desk, receiver)
    send_a_test(page)
    with desk.app.app_context():
        tell()
    page.reload()
    expect(page.locator("#deliveries")).to_contain_text("webhook.test")
    expect(page.locator("#deliveries")).to_contain_text("200")
    add_rule(page, desk)
    station_goes(desk)
    with desk.app.app_context():
        watch()
        tell()
    page.goto(f"{desk.url}/alerts")
    page.get_by_role("link", name=re.compile("CP-01 .*is offline")).click()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("main")).to_contain_text("acknowledged")
    opened = [one for one in receiver.taken if json.loads(one.body)["type"] == "alert.opened"]
    assert "CP-01" in {json.loads(one.body)["data"]["what"].split()[0] for one in opened}
    assert all(one.signed_by(secret) for one in receiver.taken)
    for place, address in enumerate(PAGES):
        page.goto(f"{desk.url}{address}")
        is_whole(page, address, framed=not place)


def test_a_rule_asks_for_what_its_kind_needs(page, desk, sign_in):
    sign_in(page, "admin")
    page.goto(f"{desk.url}/alerts/rules/new")
    for kind, asked in (
        ("station_offline", (True, False, True)),
        ("token_expiring", (False, True, False)),
        ("certificate_expiring", (False, True, True)),
        ("no_worker", (True, False, False)),
    ):
        page.get_by_label("Condition").select_option(kind)
        for label, shown in zip(
            ("For how long", "How many days", "Depot Nord"), asked, strict=True
        ):
            expect(page.get_by_label(label)).to_be_visible(visible=shown)
