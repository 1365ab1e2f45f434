"""Before an order ends a running session the desk, the API and the command line say so."""

import json
import re

import pytest

from app.domain.ground.vocabulary import Order
from app.models import Command, User
from tests.support import seed, sockets

HTMX = {"HX-Request": "true"}


@pytest.fixture
def running(db):
    now = seed.lately()
    made = seed.fill(db, now, history=0)
    session = made.sessions["running"]
    sockets.connect(db, session.station, orders=sockets.EVERY_ORDER, now=now)
    db.commit()
    return session


@pytest.fixture
def client(app, db, running):
    return seed.signed_in(app, db.query(User).filter_by(name="Otto Olsen").one())


def unlocks(db):
    return db.query(Command).filter_by(order=Order.UNLOCK).count()


def test_the_desk_asks_with_who_and_how_much_and_then_sends_it(db, client, running):
    before = unlocks(db)
    address = f"/stations/{running.station_id}/commands"
    wish = {"order": "unlock", "connector": running.evse}
    answer = client.post(address, data=wish)
    assert answer.status_code == 303
    assert unlocks(db) == before
    page = client.get(answer.location).text
    assert f"ession {running.id} of " in page
    assert "kWh so far" in page
    known = re.search(r'name="known" value="([^"]*)"', page)[1]
    assert client.post(address, data={**wish, "known": known}).status_code == 303
    assert unlocks(db) == before + 1


def test_a_button_of_htmx_is_led_to_the_same_question(db, client, running):
    before = unlocks(db)
    wish = {"order": "unlock", "connector": running.evse}
    answer = client.post(f"/stations/{running.station_id}/commands", data=wish, headers=HTMX)
    assert answer.status_code == 204
    assert "Unlock" in client.get(answer.headers["HX-Redirect"]).text
    assert unlocks(db) == before


def test_whoever_stands_at_the_charger_comes_back_to_its_page(db, client, running):
    before, code = unlocks(db), running.station.field_code
    wish = {"order": "unlock", "connector": running.evse}
    asked = client.post(f"/q/{code}/order", data=wish)
    page = client.get(asked.location).text
    assert page.count(f'href="/q/{code}"') == 2
    known = re.search(r'name="known" value="([^"]*)"', page)[1]
    form = re.search(rf'action="(/q/{code}/order)"', page)[1]
    given = client.post(form, data={**wish, "known": known}, follow_redirects=True)
    assert given.request.path == f"/q/{code}"
    assert "Asked: " in given.text
    assert unlocks(db) == before + 1


def test_what_somebody_else_began_since_is_asked_about_anew(db, client, running):
    wish = {"order": "unlock", "connector": running.evse, "known": str(running.id + 1)}
    answer = client.post(f"/stations/{running.station_id}/commands", data=wish)
    assert answer.location.startswith(f"/stations/{running.station_id}/sure")


def test_the_command_line_wants_a_yes(app, db, running):
    run = app.test_cli_runner().invoke
    wish = ["station", "order", running.station.identity, "unlock", f"connector={running.evse}"]
    refused = run(args=[*wish, "--no-wait"])
    assert refused.exit_code == 1
    assert f"ession {running.id} of " in refused.stderr
    assert refused.stderr.endswith("Say --yes to do it all the same.\n")
    done = run(args=[*wish, "--no-wait", "--yes", "--json"])
    assert json.loads(done.stdout)["order"] == "unlock"
