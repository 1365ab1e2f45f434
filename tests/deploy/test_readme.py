"""README's "Connect a charger", done as it is written: it ends in a receipt.

The installation on which it was done, of two workers on PostgreSQL with a Redis that was there
before, outlives one of them.
"""

import email
import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from decimal import ROUND_HALF_UP, Decimal
from email import policy

import pytest
from playwright.sync_api import expect

from deploy.demo_site import PEOPLE
from deploy.processes import ROOT
from tests.support import forks
from tests.support.redis import RedisServer
from tests.support.running import Running
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory, postgres_server):
    """An installation without the demo, as `make run` starts it, for all tests of this file."""
    folder = tmp_path_factory.mktemp("installed")
    redis = RedisServer(folder)
    with ExitStack() as stack:
        stack.callback(redis.stop)
        redis.start()
        url = stack.enter_context(postgres_server.new_database("template0"))
        yield from started(folder / "data", database_url=url, redis_url=redis.url, ocpp_processes=2)


@pytest.fixture
def fresh(tmp_path):
    """An installation on which nothing was done yet."""
    yield from started(tmp_path / "data")


def started(folder, **settings):
    """What `make run` starts there, until the test is done."""
    running = Running(folder, demo=0, sweep_s=1, **settings)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.end()


def commands():
    """The commands that README tells a newcomer to type, in their order."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split("## Connect a charger")[1].split("\n## ")[0]
    blocks = re.findall(r"^ *```\n(.*?)^ *```", section, re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


PROGRAMS = {"flask": ["-m", "flask", "--app", "wsgi"], "python": []}


def test_the_readme_adds_nobody_whom_the_demo_has():
    typed_words = {word for command in commands() for word in command}
    assert not typed_words & {word for person in PEOPLE for word in person[:3]}


def typed(command, known=None):
    """What a person types; `known` fills in what is in angle brackets."""
    words = [(known or {}).get(word, word) for word in command[1:]]
    return [sys.executable, *PROGRAMS[command[0]], *words]


def receipt(installation):
    """The first receipt that was mailed, as (to, subject, text)."""
    folder = installation.data_dir / "mail"

    def found():
        for file in folder.glob("*.eml") if folder.exists() else ():
            letter = email.message_from_bytes(file.read_bytes(), policy=policy.default)
            if "eceipt" in str(letter["subject"]):
                return letter
        return None

    letter = eventually(found, what="a receipt")
    return letter["to"], letter["subject"], letter.get_body(("plain",)).get_content()


@pytest.mark.landing
def test_the_steps_of_the_readme_end_in_a_receipt(installation):
    *steps, simulator = commands()
    assert [step[:3] for step in steps][2] == ["flask", "tariff", "add"]
    known = {}
    for step in steps:
        done = forks.run(typed(step), {**os.environ, **installation.environment})
        assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"
        for word, value in re.findall(r"^(URL|Password) +(\S+)$", done.stdout, re.M):
            known[f"<{word if word == 'URL' else 'password'}>"] = value
    charge_and_read_receipt(installation, simulator, known)


def charge_and_read_receipt(installation, simulator, known):
    environment = {**os.environ, **installation.environment}
    charger = subprocess.Popen(
        typed(simulator, known), env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        to, _, text = receipt(installation)
    finally:
        charger.kill()
        charger.wait()
    assert "emmy@example.org" in to
    assert "Harbour Power Ltd" in text
    return owed(text)


def owed(text):
    """What a receipt asks for: its energy, some 2 kWh, at 0.45."""
    for energy in re.findall(r"([\d.]+)\s+kWh", text):
        total = (Decimal(energy) * Decimal("0.45")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if total > 0 and str(total) in text:
            return str(total)
    raise AssertionError(text)


@pytest.mark.landing
def test_a_killed_worker_comes_back_and_a_killed_supervisor_leaves_nothing(installation):
    def both():
        found = {process.pid for process in installation.all("-m worker")}
        return found if len(found) == 2 else None

    first = eventually(both, what="both workers run")
    killed = installation.all("-m worker")[0]
    killed.kill()
    eventually(lambda: (both() or first) != first, what="the worker comes back")
    installation.process.kill()
    installation.process.wait()
    eventually(lambda: installation.members() == [], what="everything ends")


# What each of its forms does: tests/office/test_home.py and those of the nouns.
@pytest.mark.nightly
@pytest.mark.browser
def test_the_first_steps_on_home_end_in_a_receipt(fresh, page):
    link = re.search(r"http://\S+/setup/\S+", fresh.said())[0]
    page.goto(link)
    fill(page, {"Your name": "Grace Hopper", "E-mail": "grace@example.org"})
    page.get_by_label("Password", exact=True).fill("a long enough password")
    page.get_by_role("button", name="Create and sign in").click()
    expect(page.locator(".first-steps")).to_be_visible()
    home = link.split("/setup")[0]
    known = by_home(page, home)
    total = charge_and_read_receipt(fresh, commands()[-1], known)
    page.goto(f"{home}/bills")
    page.get_by_text(total).first.wait_for()


def by_home(page, home):
    """Do each step by the button that Home offers first; returns what the simulator needs."""
    known = {}
    for word, fields, save in (
        ("Name the seller", {"Name": "Harbour Power Ltd", "Address": "1 Quay Road, Hull"}, "Save"),
        (
            "Add a site",
            {"Name": "Depot", "Time zone": "Europe/Berlin", "Currency": "EUR"},
            "Add the site",
        ),
        ("Create a tariff", {"Name": "Standard", "Price": "0.45"}, "Create the tariff"),
        ("Add a station", {"Identity": "CP-7"}, "Add the station"),
        ("Add a driver", {"Name": "Emmy Noether", "E-mail": "emmy@example.org"}, "Add driver"),
    ):
        page.goto(home)
        page.locator(".first-steps a.btn-primary").get_by_text(word).click()
        fill(page, fields)
        if word == "Add a station":
            page.get_by_label("Site", exact=True).select_option("Depot")
        page.get_by_role("button", name=save, exact=True).last.click()
        page.locator(".flash-success").first.wait_for()
        if word == "Add a station":
            known = read_setup(page)
    page.get_by_role("link", name="Add a tag").first.click()
    fill(page, {"Tag": "04A2B3"})
    page.get_by_role("button", name="Add tag", exact=True).click()
    page.locator(".flash-success").first.wait_for()
    page.goto(home)
    expect(page.locator(".first-steps").get_by_text("Done.")).to_have_count(5)
    return known


def read_setup(page):
    """What the Setup tab tells to type; a reload tells it again."""
    first, again = (setup_values(page), (page.reload(), setup_values(page))[1])
    assert first == again
    return {"<URL>": first[0], "<password>": first[-1]}


def setup_values(page):
    expect(page.locator(".copy-field .secret")).to_be_visible()
    return page.locator(".copy-field code").all_inner_texts()


def fill(page, fields):
    for label, value in fields.items():
        page.get_by_label(label, exact=True).first.fill(value)
