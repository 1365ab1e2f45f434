"""In front of a charger with a phone: the label's code, and the actions without scripts."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import AuditEntry, Command, Station
from tests.browser.axe import in_every_look

pytestmark = [pytest.mark.browser, pytest.mark.landing]
PHONE = {"width": 390, "height": 844}
#: The buttons of a station where nothing runs, and the order that each gives.
ACTIONS = {
    "Unlock": "unlock",
    "Out of service": "set_availability",
    "Soft reset": "reset",
    "Hard reset": "reset",
}


@pytest.fixture
def station(desk):
    """Where a charger that is online and free can be asked anything."""
    with desk.app.app_context():
        station = flask_db.session.get_one(Station, desk.ids["station:CP-03"])
        station.supported_orders = [*ACTIONS.values(), "start_charging"]
        flask_db.session.commit()
        return station.id, f"{desk.url}/q/{station.field_code}"


@pytest.fixture
def bare(new_page, sign_in):
    """A phone of Otto's on which no script runs."""
    phone = new_page(java_script_enabled=False, viewport=PHONE)
    sign_in(phone, "operator")
    return phone


def asked(desk, station_id):
    with desk.app.app_context():
        query = select(Command.order).where(Command.station_id == station_id)
        return list(flask_db.session.scalars(query.order_by(Command.id)))


def test_the_six_actions_need_no_script(bare, desk, station):
    station_id, address = station
    before = asked(desk, station_id)
    for button in ACTIONS:
        bare.goto(address)
        bare.get_by_role("button", name=button, exact=True).first.click()
        expect(bare.get_by_text("Asked:")).to_be_visible()
    bare.get_by_label("Tag for a test charge").first.fill("04:A2:19:B0")
    bare.get_by_role("button", name="Start a test charge").first.click()
    expect(bare.get_by_text("Asked:")).to_be_visible()
    bare.goto(address)
    bare.get_by_label("What is wrong?").fill("The display is dark.")
    photo = io.BytesIO()
    Image.new("RGB", (640, 480), "#345").save(photo, "PNG")
    file = {"name": "dark.png", "mimeType": "image/png", "buffer": photo.getvalue()}
    bare.get_by_label("Photo").set_input_files(file)
    bare.get_by_role("button", name="Note it").click()
    expect(bare.get_by_text("The display is dark.")).to_be_visible()
    shown = bare.get_by_alt_text("Photo: The display is dark.")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    given = asked(desk, station_id)[len(before) :]
    assert given == [*ACTIONS.values(), "start_charging"]
    with desk.app.app_context():
        noted = flask_db.session.scalars(
            select(AuditEntry.note).where(AuditEntry.action == "station.fault")
        ).all()
    assert noted == ["The display is dark."]


@pytest.mark.nightly
def test_codes_and_pages_are_whole(page, desk, station, sign_in):
    sign_in(page, "operator")
    labels = f"{desk.url}/stations/labels"
    drawn = "all => all.map((one) => [one.getBoundingClientRect().width, one.width.baseVal.value])"
    for address in (station[1], labels):
        for width, _, breaches in in_every_look(page, address):
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert breaches(page) == []
            sizes = page.locator(".qr-label svg").evaluate_all(drawn)
            assert bool(sizes) is (address == labels)
            assert all(shown == whole for shown, whole in sizes)
