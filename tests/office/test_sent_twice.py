"""A form that is sent twice is done once, on either database, and the second answered alike."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from threading import Barrier
from types import SimpleNamespace

import pytest
from flask import request
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app import uow
from app.domain.access.imports import drivers
from app.domain.ground.vocabulary import Order, Role
from app.domain.office import staff
from app.extensions import db as flask_db
from app.models import ApiToken, Command, Driver, SentForm, SignIn, Station, User
from app.web import once
from tests.support import seed
from tests.support.by_hand import Network
from tests.support.desk import PASSWORD, page
from tests.support.processes import ROOT

SAID = "This was sent twice, and done once."
UNKNOWN = "it is not known whether all of it was done"
UNLOCK = {"order": Order.UNLOCK.value, "connector": "1"}


@pytest.fixture
def desk(any_app):
    """An admin's browser, and a station that can be asked for something."""
    network = Network(flask_db.session(), datetime.now(UTC))
    admin = network.add(
        User(tenant_id=network.tenant.id, email="a@b.example", email_key="a@b.example",
             name="Ada", password_hash=staff.stretched(PASSWORD), role=Role.ADMIN,
             created_at=network.now)
    )  # fmt: skip
    station = network.station("CP-1", supported_orders=[order.value for order in Order])
    network.db.commit()
    client = seed.signed_in(any_app, admin)
    return SimpleNamespace(app=any_app, client=client, admin=admin.id, station=station.id)


def key_on(client, address):
    """The key of the last form of a page."""
    return re.findall(r'name="once" value="([^"]+)"', page(client, address))[-1]


def count(model):
    flask_db.session.rollback()
    return flask_db.session.scalar(select(func.count()).select_from(model))


def test_a_form_sent_twice_is_done_once_and_answered_alike(desk):
    typed = {"name": "Grace", "language": "en", "once": key_on(desk.client, "/drivers/new")}
    first = desk.client.post("/drivers/new", data=typed)
    again = desk.client.post("/drivers/new", data=typed)
    assert (again.status_code, again.headers["Location"]) == (303, first.headers["Location"])
    shown = page(desk.client, again.headers["Location"])
    assert "Added Grace." in shown
    assert SAID in shown
    assert count(Driver) == 1


def test_other_contents_and_another_form_are_done(desk):
    typed = {"language": "en", "once": key_on(desk.client, "/drivers/new")}
    for name in ("Grace", "Hedy"):
        desk.client.post("/drivers/new", data={**typed, "name": name})
    fresh = key_on(desk.client, "/drivers/new")
    desk.client.post("/drivers/new", data={**typed, "name": "Hedy", "once": fresh})
    assert count(Driver) == 3


def test_another_file_under_the_same_name_is_another_wish(app):
    def digest(text):
        sent = {"once": "k", "file": (BytesIO(text), "drivers.csv")}
        with app.test_request_context("/drivers/import", method="POST", data=sent):
            found = once._digest()
            assert request.files["file"].read() == text  # the page still finds all of it
        return found

    assert digest(b"name\nGrace\n") == digest(b"name\nGrace\n") != digest(b"name\nHedy\n")


def test_what_was_refused_may_be_sent_again(desk):
    order = {**UNLOCK, "once": key_on(desk.client, "/drivers/new")}
    ask = f"/stations/{desk.station}/commands"
    connection = _connection(desk.station, None)
    assert desk.client.post(ask, data=order).status_code != 303
    assert count(SentForm) == 0
    _connection(desk.station, connection)
    assert desk.client.post(ask, data=order).status_code == 303
    assert count(Command) == 1


def test_what_a_request_notes_by_the_way_claims_no_form(desk):
    """That a sign-in is in use is written before the page does anything, which may be refused."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    flask_db.session.scalars(select(SignIn)).one().seen_at = long_ago
    flask_db.session.commit()
    refused = desk.client.post(f"/staff/{desk.admin}/archive", data={"once": "a key of its own"})
    assert refused.status_code == 303
    assert count(SentForm) == 0
    assert flask_db.session.scalars(select(SignIn)).one().seen_at > long_ago


def _connection(station_id, number):
    """Give a station a connection, or none; returns what it had."""
    station = flask_db.session.get(Station, station_id)
    before, station.connection_id = station.connection_id, number
    flask_db.session.commit()
    return before


def test_a_secret_is_shown_to_the_second_too_and_kept_from_the_database(desk):
    address = f"/staff/{desk.admin}"
    token = {"name": "Till", "days": "30", "once": key_on(desk.client, address)}
    answers = [desk.client.post(f"{address}/tokens", data=token) for _ in range(2)]
    cookies = [answer.headers["Set-Cookie"] for answer in answers]
    assert cookies[0] == cookies[1]
    assert count(ApiToken) == 1
    assert "shown_once" not in flask_db.session.scalar(select(SentForm.answer))


def test_an_order_given_twice_in_place_is_given_once_and_said_so(desk):
    order = {**UNLOCK, "once": key_on(desk.client, "/drivers/new")}
    ask, by_htmx = f"/stations/{desk.station}/commands", {"HX-Request": "true"}
    first = desk.client.post(ask, data=order, headers=by_htmx)
    again = desk.client.post(ask, data=order, headers=by_htmx)
    assert (first.status_code, again.status_code) == (202, 204)
    assert SAID in again.headers["HX-Trigger"]
    assert count(Command) == 1


def test_a_sign_in_sent_twice_lets_the_same_one_in(desk):
    browsers = [desk.app.test_client() for _ in range(2)]
    typed = {"email": "a@b.example", "password": PASSWORD, "once": key_on(browsers[0], "/sign-in")}
    with browsers[0].session_transaction() as cookie, browsers[1].session_transaction() as other:
        other.update(cookie)
    before = count(SignIn)
    for browser in browsers:
        assert browser.post("/sign-in", data=typed).status_code == 303
        page(browser, "/")
    assert count(SignIn) == before + 1


def test_two_at_once_are_done_once_and_led_to_the_same_page(desk, monkeypatch):
    # However slow this machine is, the second waits until the first is answered.
    monkeypatch.setattr(once, "_LOOKS", 1200)
    key = key_on(desk.client, "/drivers/new")
    with desk.client.session_transaction() as cookie:
        known = dict(cookie)
    start = Barrier(2)

    def send(_):
        client = desk.app.test_client()
        with client.session_transaction() as cookie:
            cookie.update(known)
        start.wait(60)
        typed = {"name": "Grace", "language": "en", "once": key}
        return client.post("/drivers/new", data=typed).headers["Location"]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(send, range(2))
    assert first == second
    assert count(Driver) == 1


def test_where_the_first_answer_was_lost_the_second_is_led_back(desk, monkeypatch):
    monkeypatch.setattr(once, "_LOOKS", 1)
    typed = {"name": "Grace", "language": "en", "once": key_on(desk.client, "/drivers/new")}
    desk.client.post("/drivers/new", data=typed)
    flask_db.session.scalars(select(SentForm)).one().answer = None
    flask_db.session.commit()
    before = {"Referer": "http://localhost/drivers/new"}
    again = desk.client.post("/drivers/new", data=typed, headers=before)
    assert again.headers["Location"] == before["Referer"]
    assert UNKNOWN in page(desk.client, "/drivers")
    assert count(Driver) == 1


def test_a_form_that_broke_off_half_way_is_not_said_to_be_done(desk, monkeypatch):
    monkeypatch.setattr(uow, "UNIT", 1)
    carry_out = drivers.carry_out

    def breaks_off(work, who, planned, rows, **given):
        if rows[0].number > 2:
            raise OperationalError("INSERT", {}, Exception("the database has gone"))
        return carry_out(work, who, planned, rows, **given)

    key = key_on(desk.client, "/drivers/import")
    sent = {"text": "name\nGrace\nHedy\n", "go": "1", "once": key}
    with monkeypatch.context() as broken:
        broken.setattr(drivers, "carry_out", breaks_off)
        assert desk.client.post("/drivers/import", data=sent).status_code == 503
    again = desk.client.post("/drivers/import", data=sent)
    assert UNKNOWN in page(desk.client, again.headers["Location"])
    assert count(Driver) == 1


def test_an_answer_that_is_too_long_to_keep_is_done_all_the_same(desk, monkeypatch):
    monkeypatch.setattr(once, "LARGEST", 10)
    typed = {"name": "Grace", "language": "en", "once": key_on(desk.client, "/drivers/new")}
    for _ in range(2):
        desk.client.post("/drivers/new", data=typed)
    assert SAID in page(desk.client, "/drivers")
    assert count(Driver) == 1


def test_a_page_that_is_shown_again_may_run_its_scripts(desk):
    browser = desk.app.test_client()
    asked = {"email": "nobody@b.example", "once": key_on(browser, "/forgotten")}
    for answer in [browser.post("/forgotten", data=asked) for _ in range(2)]:
        assert answer.status_code == 200
        (nonce,) = set(re.findall(r'<script nonce="([^"]+)"', answer.text))
        assert f"'nonce-{nonce}'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("lose", "status"), [("ended_at", 303), ("role", 403)])
def test_who_may_not_send_a_form_any_more_is_not_answered_as_before(desk, lose, status):
    address = f"/staff/{desk.admin}"
    token = {"name": "Till", "days": "30", "once": key_on(desk.client, address)}
    desk.client.post(f"{address}/tokens", data=token)
    if lose == "role":
        flask_db.session.get(User, desk.admin).role = Role.VIEWER
    else:
        flask_db.session.scalars(select(SignIn)).one().ended_at = datetime.now(UTC)
    flask_db.session.commit()
    again = desk.client.post(f"{address}/tokens", data=token)
    assert again.status_code == status
    assert "shown_once" not in "".join(again.headers.getlist("Set-Cookie"))
    assert again.headers.get("Location", "/sign-in").startswith("/sign-in")


def test_a_new_password_sent_twice_leaves_its_person_signed_in(desk):
    typed = {
        "current": PASSWORD,
        "password": "another battery",
        "once": key_on(desk.client, "/account"),
    }
    with desk.client.session_transaction() as cookie:
        known = dict(cookie)
    desk.client.post("/account", data=typed)
    with desk.client.session_transaction() as cookie:
        cookie.clear()
        cookie.update(known)
    assert desk.client.post("/account", data=typed).headers["Location"] == "/account"
    assert SAID in page(desk.client, "/account")


def test_who_waits_for_the_first_answer_holds_no_connection(desk, monkeypatch):
    held = []
    monkeypatch.setattr(once, "_LOOKS", 2)
    monkeypatch.setattr(once, "sleep", lambda _: held.append(flask_db.engine.pool.checkedout()))
    typed = {"name": "Grace", "language": "en", "once": key_on(desk.client, "/drivers/new")}
    desk.client.post("/drivers/new", data=typed)
    flask_db.session.scalars(select(SentForm)).one().answer = None
    flask_db.session.commit()
    desk.client.post("/drivers/new", data=typed)
    assert held == [0, 0]


def test_what_an_import_would_do_is_looked_up_anew(desk):
    """The page behind it is reloaded with the same key; a station's row is tried to be told of."""
    rows = "identity,site\nCP-9,Depot\n"
    sent = {"text": rows, "once": key_on(desk.client, "/stations/import")}
    assert "CP-9" in desk.client.post("/stations/import", data=sent).text
    assert count(SentForm) == 0


def test_the_key_of_forms_stands_in_one_place():
    found = [
        path.name
        for path in (ROOT / "templates").rglob("*.html")
        if 'name="csrf_token"' in path.read_text()
    ]
    assert found == ["ui.html"]
