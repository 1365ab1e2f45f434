"""The Setup tab: each version in its own words, and a password that a reload keeps."""

import re
import time

import pytest

from app.config import Settings
from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import stations
from app.models import Station, Tariff
from app.text import setup_guide as addresses
from app.text.setup_guide import charger_address
from app.uow import unit_of_work
from app.web import shown_once
from tests.support import seed
from tests.support.desk import page


@pytest.fixture
def station(made):
    return made.stations["CP-03"]


def secret_of(answer):
    found = re.search(r'class="secret">([^<]+)<', answer.text)
    return found[1] if found else None


def new_password(client, station):
    answer = client.post(f"/stations/{station.id}/password", data={"password": ""})
    assert answer.status_code == 303
    return answer


# A password that a reload keeps


def test_a_reload_still_shows_the_password_and_no_address_holds_it(operator, station):
    answer = new_password(operator, station)
    first, again = (secret_of(operator.get(answer.location)) for _ in range(2))
    assert first == again is not None
    assert first not in answer.location
    assert first not in answer.text
    assert first not in answer.headers["Set-Cookie"]


def test_nobody_else_is_shown_it(app, made, operator, station):
    address = new_password(operator, station).location
    assert secret_of(seed.signed_in(app, made.people["admin"]).get(address)) is None
    cookie = operator.get_cookie("shown_once", path=address)
    other = seed.signed_in(app, made.people["admin"])
    other.set_cookie("shown_once", cookie.value, path=address)
    assert secret_of(other.get(address)) is None


def test_the_next_password_ends_the_one_before(now, operator, station):
    address = new_password(operator, station).location
    assert secret_of(operator.get(address)) is not None
    with unit_of_work() as db:
        row = db.get_one(Station, station.id)
        stations.set_password(db, SYSTEM, row, "a chosen secret", now=now)
    assert secret_of(operator.get(address)) is None


def test_after_ten_minutes_nobody_can_read_it(app, made, operator, station):
    address = f"/stations/{station.id}/setup"
    subject = f"station {station.id} {station.password_hash}"
    mine = f'[{made.people["operator"].id}, "{subject}", "clear"]'.encode()
    for age_s, shown in ((shown_once.KEPT_S - 60, "clear"), (shown_once.KEPT_S + 60, None)):
        with app.app_context():
            sealed = shown_once._lock().encrypt_at_time(mine, int(time.time()) - age_s)
        operator.set_cookie("shown_once", sealed.decode(), path=address)
        assert secret_of(operator.get(address)) == shown


@pytest.mark.parametrize("forged", ["", "x", "gAAAAA", "null"])
def test_a_forged_cookie_shows_nothing(operator, station, forged):
    address = f"/stations/{station.id}/setup"
    operator.set_cookie("shown_once", forged, path=address)
    assert secret_of(operator.get(address)) is None


def test_an_invitation_is_still_shown_after_a_reload_and_ends_with_its_use(app, made, db):
    admin, vera = seed.signed_in(app, made.people["admin"]), made.people["viewer"]
    answer = admin.post(f"/staff/{vera.id}/reset-link")
    first, again = (secret_of(admin.get(answer.location)) for _ in range(2))
    assert first == again is not None
    vera.password_hash = "changed"
    db.commit()
    assert admin.get(answer.location).status_code == 303


# What to type, by version


def test_each_version_is_told_in_its_own_words(operator, station):
    address = f"/stations/{station.id}/setup"
    old = page(operator, f"{address}?version=1.6")
    assert "AuthorizationKey" in old
    assert "subprotocol ocpp1.6" in old
    assert "/ocpp/CP-03</code><button" in old
    middle = page(operator, f"{address}?version=2.0.1")
    for words in ("ocppCsmsUrl", "BasicAuthPassword", "OCPP20", "subprotocol ocpp2.0.1"):
        assert words in middle
    assert "/ocpp</code><button" in middle
    new = page(operator, f"{address}?version=2.1")
    assert "OCPP21" in new
    assert "subprotocol ocpp2.1" in new


def test_the_version_that_a_station_spoke_or_is_held_to_is_shown_first(db, operator, station):
    address = f"/stations/{station.id}/setup"
    station.protocol = "ocpp2.0.1"
    db.commit()
    assert "subprotocol ocpp2.0.1" in page(operator, address)
    station.quirks = {"pin_version": "2.1"}
    db.commit()
    assert "subprotocol ocpp2.1" in page(operator, address)
    assert "subprotocol ocpp2.1" in page(operator, f"{address}?version=nonsense")


def test_a_station_without_a_price_is_told_before_its_first_session(operator, db, station):
    address = f"/stations/{station.id}/setup"
    assert "No tariff is set" not in page(operator, address)
    station.tariff_id = station.site.tariff_id = None
    for tariff in db.query(Tariff):
        tariff.is_default = False
    db.commit()
    assert "Make one the default or give it to the site" in page(operator, address)


# The address


def test_the_address_that_is_set_is_told_without_doubt():
    found = charger_address(Settings(ocpp_public_url="wss://charge.example/ocpp/"))
    assert (found.of("CP 7"), found.doubt) == ("wss://charge.example/ocpp/CP%207", "")


def test_a_guess_is_never_this_computer_itself_and_says_that_it_is_one():
    found = charger_address(Settings(), "localhost")
    host = found.base.removeprefix("ws://").removesuffix(":9000/ocpp")
    assert not addresses.is_here_only(host)
    assert host != "0.0.0.0"
    assert "guess" in found.doubt


def test_the_browsers_way_is_the_best_guess_unless_it_stays_on_this_computer():
    assert charger_address(Settings(), "10.1.2.3").base == "ws://10.1.2.3:9000/ocpp"
    assert charger_address(Settings(), "fd00::7").base == "ws://[fd00::7]:9000/ocpp"
    assert "127.0.0.1" not in charger_address(Settings(), "127.0.0.1").base


def test_tls_is_used_where_it_is_set():
    found = charger_address(Settings(ocpp_tls_port=9443), "desk.example")
    assert found.base == "wss://desk.example:9443/ocpp"
    assert "certificate" in found.doubt


def test_a_worker_that_only_listens_here_is_said():
    found = charger_address(Settings(ocpp_host="127.0.0.1"), "desk.example")
    assert found.base == "ws://127.0.0.1:9000/ocpp"
    assert found.doubt.startswith("No charger reaches this")
