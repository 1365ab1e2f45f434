"""Sign-in leads nowhere else, cookies are kept from scripts, secrets are told once and to one."""

import logging
import re
from datetime import UTC, datetime

import pytest

from app.config import Settings
from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Outcome
from app.domain.network import credentials
from app.domain.office import staff
from app.extensions import db as flask_db
from app.models import Command, Station
from tests.conftest import make_app
from tests.security.town import MARKUP
from tests.security.walk import body, pages
from tests.support import lone, seed

CANARY = "Canary-9f3b51c7e2d84a60"

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/\t/evil.example/",
    "javascript:alert(1)",
    "http:evil.example",
    "https:///evil.example",
    "/%0d%0aX-Forged:%201",
    "\r\nX-Forged: 1",
]


def stays_here(location):
    """A browser that follows this stays on the desk."""
    cleaned = re.sub(r"[\t\r\n]", "", location).replace("\\", "/")
    return cleaned.startswith("/") and not cleaned.startswith("//")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_sign_in_leads_to_the_desk_and_nowhere_else(app, made, target):
    password = {"email": "grace@example.org", "password": seed.PASSWORD}
    answer = app.test_client().post("/sign-in", query_string={"next": target}, data=password)
    assert answer.status_code == 303
    assert stays_here(answer.headers["Location"]), answer.headers["Location"]
    assert "X-Forged" not in answer.headers
    signed_in = seed.signed_in(app, made.people["viewer"])
    again = signed_in.get("/sign-in", query_string={"next": target})
    assert stays_here(again.headers["Location"])


def test_a_refused_form_sends_nobody_to_another_site(app, made):
    client = seed.signed_in(app, made.people["operator"])
    for referrer in (
        "https://evil.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
    ):
        answer = client.post("/tags/bulk", data={"action": "block"}, headers={"Referer": referrer})
        location = answer.headers["Location"].removeprefix("http://localhost/")
        assert "evil" not in location


def test_the_cookie_is_kept_from_scripts_and_other_sites(app, made):
    password = {"email": "grace@example.org", "password": seed.PASSWORD}
    answer = app.test_client().post("/sign-in", data={**password, "remember": "y"})
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie


def test_over_https_cookies_and_browsers_stay_there(migrated, tmp_path):
    app = make_app(tmp_path, secure_cookies=True)
    assert app.config["SESSION_COOKIE_SECURE"] is True
    assert app.config["REMEMBER_COOKIE_SECURE"] is True
    answer = app.test_client().get("/static/css/ampdesk.css", base_url="https://localhost")
    assert answer.headers["Strict-Transport-Security"]


def test_a_new_password_ends_every_copy_of_the_cookie(app, made, db, now):
    client = seed.signed_in(app, made.people["admin"])
    staff.set_password(db, SYSTEM, made.people["admin"], "another good password", now=now)
    db.commit()
    assert client.get("/").status_code == 303


def test_archived_staff_are_signed_out_at_once(app, made, db, now):
    client = seed.signed_in(app, made.people["admin"])
    assert client.get("/staff").status_code == 200
    made.people["admin"].archived_at = now
    db.commit()
    assert client.get("/staff").status_code == 303


# ---- secrets ----


#: Where the secret of a station, or of staff, could show itself.
NEAR_STATIONS = ("stations", "commands", "messages", "audit", "home")
NEAR_STAFF = ("staff", "audit", "home")


def every_page(app, made, blueprints):
    """All pages and exports of some blueprints as the admin sees them."""
    client = seed.signed_in(app, made.people["admin"])
    station = made.stations["CP-01"]
    ids = {"station_id": station.id, "site_id": station.site_id}
    ids |= {"session_id": made.sessions["finished"].id, "driver_id": made.drivers["Ada"].id}
    ids |= {"tag_id": made.tags["Ada"].id, "user_id": made.people["admin"].id}
    side = type("Ours", (), {"ids": ids})()
    for door, url in pages(app, side):
        if not door.endpoint.startswith(blueprints):
            continue
        exports = [] if door.ids else [f"{url}?format=csv", f"{url}?format=jsonl"]
        for variant in (url, *exports):
            yield variant, body(client.get(variant))


@pytest.mark.landing
def test_a_stations_password_is_told_once_and_kept_by_nobody(app, made, db, caplog):
    caplog.set_level(logging.DEBUG)
    client = seed.signed_in(app, made.people["operator"])
    station = made.stations["CP-01"]
    client.post(f"/stations/{station.id}/password", data={"password": CANARY})
    db.expire_all()
    assert credentials.matches(db.get(Station, station.id).password_hash, CANARY.encode())
    client.get(f"/stations/{station.id}/setup")  # the first look may be the one that tells
    told = [url for url, text in every_page(app, made, NEAR_STATIONS) if CANARY in text]
    assert not told
    dump = b"".join(path.read_bytes() for path in database_files(app))
    assert CANARY.encode() not in dump
    assert CANARY not in caplog.text


@pytest.mark.landing
def test_a_key_in_an_order_is_shown_nowhere(app, made, db, caplog):
    caplog.set_level(logging.DEBUG)
    client = seed.signed_in(app, made.people["operator"])
    station = made.stations["CP-01"]
    station.supported_orders = [order.value for order in Order]
    db.commit()
    answer = client.post(
        f"/stations/{station.id}/commands",
        data={"order": "change_setting", "key": "WifiPassword", "value": CANARY},
    )
    assert answer.status_code == 303, body(answer)
    command = db.query(Command).filter_by(order=Order.CHANGE_SETTING, station_id=station.id).one()
    assert command.arguments["value"] == CANARY  # it has yet to be sent
    assert not [url for url, text in every_page(app, made, NEAR_STATIONS) if CANARY in text]
    outcome = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "Done.")
    lone.claim(db, command.id, node="seed", now=datetime.now(UTC))
    commands.settle(db, command, outcome, now=datetime.now(UTC))
    db.commit()
    assert not [url for url, text in every_page(app, made, NEAR_STATIONS) if CANARY in text]
    assert CANARY not in repr(command.arguments) + repr(command.request)
    assert CANARY not in caplog.text


def test_a_staff_password_is_shown_nowhere(app, made, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("app").warning("the log is heard")
    anyone = app.test_client()
    anyone.post("/sign-in", data={"email": "grace@example.org", "password": CANARY})
    anyone.post("/sign-in", data={"email": CANARY, "password": MARKUP})
    assert not [url for url, text in every_page(app, made, NEAR_STAFF) if CANARY in text]
    assert CANARY not in caplog.text
    assert "the log is heard" in caplog.text


def database_files(app):
    """The SQLite file and what is still in its log."""
    flask_db.session.remove()
    settings: Settings = app.config["SETTINGS"]
    return sorted(settings.data_dir.glob("ampdesk.sqlite3*"))
