"""What pages say while a part of the installation is dead: never *live*, and since when."""

import os
import re
import shutil
import signal
from datetime import UTC, datetime, timedelta

import pytest
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import ChargingSession, Station, WorkerNode
from tests.support import seed
from tests.support.processes import descendants
from tests.support.site import Site
from tests.support.wait import eventually

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.landing]
#: Twenty seconds of silence, and what a busy computer adds.
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def site(network, tmp_path_factory):
    """A desk and a worker as processes, on the seeded network; each test leaves them well."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(network.path, folder / "ampdesk.sqlite3")
    site = Site(folder, processes=("web", "worker"))
    site.start()
    yield site
    site.stop()


@pytest.fixture
def home(page, network, site):
    """Home of an operator, live, with stations that a worker is said to hold."""
    hand_over(site)
    signer = SecureCookieSessionInterface().get_signing_serializer(site.app)
    number = network.rows["people", "operator"][1]
    value = signer.dumps({"_user_id": seed.cookie_of(number), "_fresh": True})
    page.context.add_cookies([{"name": "ampdesk", "value": value, "url": site.desk_url}])
    page.goto(site.desk_url)
    expect(word(page)).to_have_text("live", timeout=PATIENCE_MS)
    return page


def hand_over(site):
    """Wait for the worker that runs, and have the seeded one hold its stations for long."""

    def running():
        with site.read() as db:
            return db.scalar(select(WorkerNode.node).where(WorkerNode.node != "seed"))

    eventually(running, what="the worker beats")
    end_of_seeded(site, datetime.now(UTC) + timedelta(hours=1))


def end_of_seeded(site, beat_at):
    """Say when the seeded worker beat last; its stations have no sockets that could tell."""
    with site.work() as db:
        db.get(WorkerNode, "seed").beat_at = beat_at


def word(page):
    return page.locator(".side-foot [data-live-word]")


def power(page):
    return page.locator("#board .card", has_text="Now").locator(".big").first


@pytest.mark.nightly
def test_without_redis_a_page_asks_and_says_as_of_when_it_is(home, site):
    paused = home.locator("[data-live-paused]")
    expect(paused).to_be_hidden()
    site.kill9("redis")
    expect(word(home)).to_contain_text("asking", timeout=PATIENCE_MS)
    expect(paused).to_contain_text("Live updates are paused. This page was drawn at")
    expect(paused.locator("[data-live-drawn]")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    expect(home.locator("[data-desk-away]")).to_be_hidden()
    with site.work() as db:
        db.scalar(select(Station).order_by(Station.id)).name = "Renamed meanwhile"
    expect(home.locator("#board")).to_contain_text("Renamed meanwhile", timeout=PATIENCE_MS)
    expect(home.locator("#system")).to_contain_text("Start Redis", timeout=PATIENCE_MS)
    site.restart("redis")
    expect(word(home)).to_have_text("live", timeout=PATIENCE_MS)
    expect(paused).to_be_hidden()


def test_a_desk_that_hangs_is_said_by_the_page_itself(home, site):
    away = home.locator("[data-desk-away]")
    expect(away).to_be_hidden()
    desk = site.processes["web"].process
    every = [desk.pid, *descendants(desk.pid)]
    for pid in every:
        os.kill(pid, signal.SIGSTOP)
    expect(away).to_be_visible(timeout=PATIENCE_MS)
    expect(away).to_contain_text("The desk has not answered since")
    expect(word(home)).to_contain_text("asking")
    for pid in every:
        os.kill(pid, signal.SIGCONT)
    expect(away).to_be_hidden(timeout=PATIENCE_MS)
    expect(word(home)).to_have_text("live", timeout=PATIENCE_MS)


def test_a_browser_without_a_network_says_so_and_catches_up(home, site):
    home.context.set_offline(True)
    expect(word(home)).to_contain_text("offline · as of")
    with site.work() as db:
        db.scalar(select(Station).order_by(Station.id)).name = "Renamed once more"
    home.context.set_offline(False)
    expect(home.locator("#board")).to_contain_text("Renamed once more", timeout=PATIENCE_MS)
    expect(word(home)).to_have_text("live", timeout=PATIENCE_MS)


def test_a_worker_that_dies_is_said_on_home_and_nothing_pretends_to_charge(home, site):
    silence = home.get_by_text("No worker has answered since")
    expect(silence).to_have_count(0)
    expect(power(home)).not_to_have_text("0.0 kW")
    expect(home.locator("#board .chip-charging").first).to_be_visible()
    site.kill9("worker")
    end_of_seeded(site, datetime.now(UTC) - timedelta(hours=1))
    expect(silence.first).to_be_visible(timeout=PATIENCE_MS)
    expect(word(home)).to_have_text("no worker answers")
    expect(power(home)).to_have_text("0.0 kW", timeout=PATIENCE_MS)
    expect(home.locator("#board tbody .chip-charging")).to_have_count(0)
    expect(home.locator(".side-foot")).to_contain_text("0 of 6 online", timeout=PATIENCE_MS)
    expect(home.locator("#system")).to_contain_text("Start the worker")
    with site.read() as db:
        session = db.scalars(select(ChargingSession).where(ChargingSession.state == "charging"))
        station_id, session_id = next((one.station_id, one.id) for one in session)
    for address in (f"/sessions/{session_id}", f"/stations/{station_id}", "/sessions", "/tags"):
        home.goto(site.desk_url + address)
        expect(silence.first).to_be_visible()
        expect(home.locator("main .chip-charging")).to_have_count(0)
        expect(word(home)).not_to_have_text("live")
    site.restart("worker")
    expect(silence).to_have_count(0, timeout=PATIENCE_MS)
    expect(word(home)).to_have_text("live", timeout=PATIENCE_MS)
