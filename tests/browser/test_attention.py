"""What a person has solved leaves Home while they look at it, without a reload."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from app.domain.access import tags
from app.domain.ground.vocabulary import Actor, Verdict
from app.models import Authorisation, Station

pytestmark = [pytest.mark.browser, pytest.mark.landing]
CARD = "04FEED01"


@pytest.fixture
def row(page, desk, sign_in):
    """The row of a card that nobody knows, on an operator's Home that is live."""
    with desk.work() as db:
        station = db.get(Station, desk.ids["station:CP-01"])
        tap = Authorisation(
            tenant_id=station.tenant_id, station_id=station.id, token=CARD, sentence="…",
            occasion="authorize", verdict=Verdict.INVALID, reason="unknown_tag",
            at=datetime.now(UTC),
        )  # fmt: skip
        db.add(tap)
    sign_in(page, "operator")
    page.goto(desk.url)
    expect(page.locator(".side-foot .dot-live")).to_be_visible(timeout=60_000)
    page.evaluate("window.sameDocument = true")
    found = page.locator("#attention li", has_text=CARD)
    expect(found).to_have_count(1)
    return found


def test_a_card_put_on_the_list_leaves_home_by_itself(page, desk, row):
    rows = page.locator("#attention li").count()
    with desk.work() as db:
        station = db.get(Station, desk.ids["station:CP-01"])
        person = Actor("Somebody else")
        tags.add(
            db,
            person,
            station.tenant_id,
            now=datetime.now(UTC),
            value=CARD,
        )
    expect(row).to_have_count(0)
    expect(page.locator("#attention li")).to_have_count(rows - 1)
    assert page.evaluate("window.sameDocument")


def test_a_row_that_was_seen_goes_at_once_and_stays_away(page, desk, row):
    row.get_by_role("button", name="Seen").click()
    expect(row).to_have_count(0)
    assert page.evaluate("window.sameDocument")
    page.reload()
    expect(row).to_have_count(0)
