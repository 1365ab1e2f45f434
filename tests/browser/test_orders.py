"""Orders in a real browser: forms answer where they stand, broadcasts count while one looks."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.domain.commands import broadcasts, commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Outcome
from app.models import Command, Station
from tests.support import lone
from tests.support.wait import eventually

pytestmark = pytest.mark.browser


@pytest.fixture
def station_id(desk):
    """A connected station that understands everything."""
    number = desk.ids["station:CP-03"]
    with desk.work() as db:
        desk.connect(db, db.get(Station, number), "ocpp2.1")
    return number


def settle(desk, state, sentence):
    """Have the newest command answered, as the worker would."""

    def newest():
        with desk.work() as db:
            query = select(Command).where(Command.state == CommandState.QUEUED)
            command = db.scalars(query.order_by(Command.id.desc())).first()
            return command and command.id

    number = eventually(newest, what="the command is queued")
    with desk.work() as db:
        claimed = lone.claim(db, number, "seed", now=datetime.now(UTC))
        outcome = Outcome(state, {"status": "Accepted"}, sentence)
        commands.settle(db, claimed, outcome, now=datetime.now(UTC), latency_ms=80)


def test_a_typed_order_answers_in_its_own_form(page, desk, sign_in, station_id):
    sign_in(page, "operator")
    page.goto(f"{desk.url}/stations/{station_id}/commands?order=trigger")
    form = page.locator("#order-trigger")
    form.get_by_label("Message", exact=True).select_option("heartbeat")
    form.get_by_role("button", name="Send").click()
    expect(form.locator("li")).to_contain_text("Ask for heartbeat")
    settle(desk, CommandState.ACCEPTED, "The charger sends it now.")
    expect(form.locator("li")).to_contain_text("The charger sends it now.")


@pytest.mark.landing
def test_what_is_wrong_stands_beside_its_field_and_the_form_stays_open(
    page, desk, sign_in, station_id
):
    sign_in(page, "operator")
    page.goto(f"{desk.url}/stations/{station_id}/commands?order=raw")
    form = page.locator("#order-raw")
    form.get_by_label("Action").fill("Reset")
    form.get_by_label("Payload").fill('{"type": ')
    form.get_by_role("button", name="Send").click()
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(form.locator(".error")).to_have_text("Payload is no JSON.")
    expect(form.get_by_label("Payload")).to_have_value('{"type": ')


@pytest.mark.landing
def test_a_broadcast_counts_while_one_looks(page, desk, sign_in, station_id):
    with desk.work() as db:
        station = db.get(Station, station_id)
        number = broadcasts.start(
            *(db, SYSTEM, station.tenant_id, [station.id], Order.CLEAR_CACHE, {}),
            now=datetime.now(UTC),
            ttl_s=600,
        ).id
    sign_in(page, "viewer")
    page.goto(f"{desk.url}/broadcasts/{number}")
    row = page.locator("tr", has_text="CP-03")
    expect(row).to_contain_text("under way")
    settle(desk, CommandState.ACCEPTED, "The charger accepted.")
    with desk.work() as db:  # as the task does
        broadcasts.go_on(db, number, datetime.now(UTC))
    expect(row).to_contain_text("accepted")
    expect(page.locator("main")).to_contain_text(re.compile(r"done"))
