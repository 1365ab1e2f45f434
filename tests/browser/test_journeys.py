"""What staff do in a day, in a real browser on a whole installation, with chargers of others."""

import io
import re
import shutil
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import expect
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.network import tenants
from app.domain.office import staff
from app.models import Bill, Delivery, Receipt, Review, Station, Tag
from tests.support import seed
from tests.support.charge_point import ChargePoint
from tests.support.depot import TAG, furnish
from tests.support.site import Site
from tests.support.wait import eventually

pytestmark = [pytest.mark.browser, pytest.mark.processes]
STRANGER = "04FEED07"


@pytest.fixture(scope="module")
def site(migrated, tmp_path_factory):
    """Desk, worker and Celery as processes."""
    folder = tmp_path_factory.mktemp("journeys")
    shutil.copy(migrated, folder / "ampdesk.sqlite3")
    site = Site(folder, processes=("web", "worker", "celery"))
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def depot(site):
    return furnish(site, 2)


@pytest.fixture(scope="module")
def chargers(site, depot):
    """Both stations of the depot, connected, and free."""
    found = [ChargePoint(site.charger_url, *station) for station in depot.stations]
    for charger in found:
        charger.connect()
        charger.boot()
        charger.status("Available")
    yield found
    for charger in found:
        charger.close()


@pytest.fixture(scope="module")
def grace(site):
    """The cookie of an admin."""
    now = datetime.now(UTC)
    with site.work() as db:
        tenant = tenants.first(db, now=now)
        person = staff.create(
            db, SYSTEM, tenant_id=tenant.id, email="grace@example.org", name="Grace",
            role=Role.ADMIN, password="correct-horse-battery", now=now,
        )  # fmt: skip
        seed.let_in(db, person)
        number = person.id
    signer = SecureCookieSessionInterface().get_signing_serializer(site.app)
    value = signer.dumps({"_user_id": seed.cookie_of(number), "_fresh": True})
    return {"name": "ampdesk", "value": value, "url": site.desk_url}


@pytest.fixture
def desk(page, site, grace):
    """Opens pages of the desk as an admin: `desk("/stations")`."""
    page.context.add_cookies([grace])

    def go(path):
        page.goto(f"{site.desk_url}{path}")
        return page

    return go


def station_id(site, identity):
    with site.read() as db:
        return db.scalar(select(Station.id).where(Station.identity == identity))


def was_asked(charger, action):
    def found():
        return next((given for name, given in charger.asked if name == action), None)

    return eventually(found, what=f"{charger.identity} is asked for {action}")


def charge(charger, minutes=40, energy_wh=7_350):
    """A whole session that ends now."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    charger.status("Preparing")
    transaction = charger.start(TAG, 10_000, began).transaction_id
    charger.meter(transaction, 10_000 + energy_wh // 2, began + timedelta(minutes=minutes / 2))
    charger.stop(transaction, 10_000 + energy_wh, began + timedelta(minutes=minutes), TAG)
    charger.status("Available")


def bill_of(site, charger):
    """The bill of the newest session of a charger, once its receipt was sent."""

    def found():
        with site.read() as db:
            query = select(Bill).join(Receipt).where(Receipt.sent_at.is_not(None))
            bill = db.scalars(query.order_by(Bill.id.desc())).first()
            same = bill is not None and bill.session.station.identity == charger.identity
            return bill.id if same else None

    return eventually(found, what="the receipt is sent")


@pytest.mark.landing
def test_a_charger_is_connected_for_the_first_time(desk, site, depot):
    page = desk("/stations/new")
    page.get_by_label("Identity").fill("CP-NEW")
    page.get_by_role("button", name="Add").click()
    secret = page.locator(".copy-field .secret")
    password = secret.inner_text()  # only the page that follows has one
    charger = ChargePoint(site.charger_url, "CP-NEW", password.strip())
    charger.connect()
    try:
        charger.boot()
        page = desk(f"/stations/{station_id(site, 'CP-NEW')}")
        expect(page.get_by_text("online").first).to_be_visible()
    finally:
        charger.close()


@pytest.mark.landing
def test_why_a_charger_cannot_connect_is_said_with_the_fix(desk, site, depot):
    identity, _ = depot.stations[1]
    wrong = ChargePoint(site.charger_url, identity, "not-its-password")
    try:
        assert not wrong._try_to_connect()
    finally:
        wrong.close()
    page = desk(f"/stations/{station_id(site, identity)}/setup")
    expect(page.get_by_text("password").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("The password is wrong")


@pytest.mark.landing
def test_a_card_is_put_on_the_list_from_its_tap(desk, site, chargers):
    assert chargers[0].authorize(STRANGER).id_tag_info["status"] == "Invalid"
    page = desk("/tags/unknown")
    page.locator("tr", has_text=STRANGER).get_by_role("link").last.click()
    page.get_by_role("button", name="Add tag").click()

    def listed():
        with site.read() as db:
            return db.scalar(select(Tag.id).where(Tag.value == STRANGER))

    eventually(listed, what="the card is on the list")
    assert chargers[0].authorize(STRANGER).id_tag_info["status"] == "Accepted"


def test_charging_is_started_and_stopped_from_the_desk(desk, site, chargers):
    charger = chargers[0]
    page = desk(f"/stations/{station_id(site, charger.identity)}/commands?order=start_charging")
    form = page.locator("#order-start_charging")
    form.get_by_label("Tag", exact=True).fill(TAG)
    form.get_by_label("Connector", exact=True).select_option("1")
    form.get_by_role("button", name="Send").click()
    asked = was_asked(charger, "RemoteStartTransaction")
    assert asked["id_tag"] == TAG
    transaction = charger.start(TAG, 0, datetime.now(UTC)).transaction_id
    charger.status("Charging")
    page = desk(f"/stations/{station_id(site, charger.identity)}")
    page.locator("#connector-1").get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    assert was_asked(charger, "RemoteStopTransaction")["transaction_id"] == transaction
    charger.stop(transaction, 10, datetime.now(UTC), TAG)
    charger.status("Available")


@pytest.mark.nightly
def test_a_connector_is_unlocked_from_a_phone(new_page, site, grace, chargers):
    charger = chargers[1]
    page = new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.context.add_cookies([grace])
    page.goto(f"{site.desk_url}/stations/{station_id(site, charger.identity)}")
    page.locator("#connector-1").get_by_role("button", name="Unlock").click()
    page.get_by_role("dialog").get_by_role("button", name="Unlock").click()
    was_asked(charger, "UnlockConnector")
    expect(page.locator("#command-rows")).to_contain_text("unlocked", ignore_case=True)


@pytest.mark.landing
def test_many_stations_are_restarted_at_once(desk, chargers):
    page = desk("/broadcasts/new?order=reset")
    page.get_by_role("button", name=re.compile("^Send to")).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Send to")).click()
    for charger in chargers:
        was_asked(charger, "Reset")
    expect(page.locator("#broadcast")).to_contain_text("Accepted")


@pytest.mark.landing
def test_a_receipt_is_sent_again_and_the_log_says_so(desk, site, chargers):
    charge(chargers[0])
    number = bill_of(site, chargers[0])
    page = desk(f"/bills/{number}")
    page.get_by_text("Send again…").click()
    page.get_by_role("button", name="Send again").click()

    def twice():
        with site.read() as db:
            query = select(Delivery).join(Receipt).where(Receipt.bill_id == number)
            events = [row.event for row in db.scalars(query)]
            return events.count("sent") >= 2 or None

    eventually(twice, what="it is sent a second time")


@pytest.mark.landing
def test_last_months_sessions_are_exported(desk):
    page = desk("/sessions?when=last-month")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    last = datetime.now(UTC).replace(day=1) - timedelta(days=2)
    assert f"{last:%Y-%m}" in download.value.suggested_filename


@pytest.mark.landing
def test_a_support_bundle_is_handed_out(desk, site, chargers):
    page = desk(f"/stations/{station_id(site, chargers[0].identity)}")
    with page.expect_download() as download:
        page.get_by_label("Support bundle").click()
    with open(download.value.path(), "rb") as file, zipfile.ZipFile(io.BytesIO(file.read())) as kit:
        assert any(name.endswith("index.html") for name in kit.namelist())


@pytest.mark.landing
def test_a_held_bill_is_approved_and_its_receipt_leaves(desk, site, chargers):
    charge(chargers[1], energy_wh=900_000)  # more than any plug gives in forty minutes

    def waits():
        with site.read() as db:
            return db.scalar(select(Review.session_id).where(Review.decided_at.is_(None)))

    number = eventually(waits, what="the session is held")
    page = desk("/bills/review")
    row = page.get_by_role("listitem").filter(has_text=f"Session {number}")
    row.get_by_role("link", name="Decide").click()
    page.locator("[name=note]").fill("The register was changed on the day before.")
    page.get_by_role("button", name=re.compile("^Approve")).click()
    assert bill_of(site, chargers[1])
