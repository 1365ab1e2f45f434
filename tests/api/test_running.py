"""The API of a running desk, with real chargers behind it."""

import json
import threading
from base64 import b64encode
from datetime import UTC, datetime

import pytest
import websockets
from websockets.sync.client import connect

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.network import sites, tenants
from app.domain.office import api_tokens, staff
from app.models import Station
from tests.support.program import Program
from tests.support.wait import eventually

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def site(make_shared_site):
    return make_shared_site(processes=("web", "worker"))


@pytest.fixture(scope="module")
def driver(site):
    now = datetime.now(UTC)
    with site.work() as db:
        tenant = tenants.first(db, now=now)
        place = {"name": "Depot", "timezone": "Europe/Berlin", "currency": "EUR"}
        sites.add(db, SYSTEM, tenant.id, now=now, **place)
        user = staff.create(
            db,
            SYSTEM,
            tenant_id=tenant.id,
            email="driver@example.org",
            name="Test driver",
            role=Role.OPERATOR,
            password="a long password",
            now=now,
        )
        _, secret = api_tokens.issue(db, SYSTEM, user, name="driver", now=now)
    return Program(site.desk_url, secret)


def test_a_program_does_what_an_operator_does(site, driver, charge_point):
    place = driver.ask("GET", "/sites")[1]["items"][0]["id"]
    number, password = driver.station("API-1", place)
    status, told, _ = driver.ask("POST", f"/stations/{number}/connectors/1/unlock")
    assert (status, told["code"]) == (404, "not_connected")

    charger = charge_point(site.charger_url, "API-1", password)
    charger.connect()
    charger.boot()
    charger.status("Available")
    eventually(lambda: driver.ask("GET", f"/stations/{number}")[1]["connected"])

    status, told, headers = driver.ask("POST", f"/stations/{number}/orders?wait=30", UNLOCK)
    assert (status, told["state"], told["answer"]) == (200, "accepted", {"status": "Unlocked"})
    assert headers["Location"] == f"/api/v1/orders/{told['id']}"
    assert driver.ask("POST", f"/stations/{number}/connectors/1/unlock")[0] == 200

    raw = {"action": "UnlockConnector", "payload": {"connectorId": 99}}
    status, told, _ = driver.ask("POST", f"/stations/{number}/orders?wait=30", raw)
    assert (status, told["state"]) == (200, "accepted")
    assert charger.asked[-1] == ("UnlockConnector", {"connector_id": 99})

    # The library's client has no handler for this one and says so.
    status, told, _ = driver.ask(
        "POST", f"/stations/{number}/orders?wait=30", {"order": "clear_cache"}
    )
    assert status == 200 and told["settled"], told
    assert told["error_code"] in ("NotImplemented", "NotSupported")

    tag = {"value": "04AA", "expires_at": "2035-01-01T00:00:00Z"}
    assert driver.ask("POST", "/tags", tag)[0] == 201
    transaction = charger.start("04AA", 1000, datetime.now(UTC)).transaction_id
    find = f"/stations/{number}/transactions?state=charging&id_tag=04aa"
    (session,) = eventually(lambda: driver.ask("GET", find)[1]["items"])
    assert session["transaction_id"] == str(transaction)
    charger.stop(transaction, 2500, datetime.now(UTC), "04AA")
    one = f"/sessions/{session['id']}"
    ended = eventually(
        lambda: (told := driver.ask("GET", one)[1])["state"] == "ended" and told,
        what="the end is told",
    )
    assert (ended["stop_reason_given"], ended["energy_wh"]) == ("EVDisconnected", 1500)
    boots = eventually(lambda: driver.ask("GET", f"/stations/{number}/boots")[1]["items"])
    assert boots[0]["answer"]["status"] == "Accepted"


UNLOCK = {"order": "unlock", "arguments": {"connector": 1}}


def of_16(site, driver, identity):
    """A new station of 1.6: its number, its address, and what its socket is opened with."""
    place = driver.ask("GET", "/sites")[1]["items"][0]["id"]
    number, password = driver.station(identity, place)
    login = b64encode(f"{identity}:{password}".encode()).decode()
    given = {
        "subprotocols": ["ocpp1.6"],
        "additional_headers": {"Authorization": f"Basic {login}"},
        "open_timeout": 60,
        "proxy": None,
    }
    return number, f"{site.charger_url}/{identity}", given


def boot(socket):
    about = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    socket.send(json.dumps([2, "1", "BootNotification", about]))
    assert json.loads(socket.recv(timeout=30))[2]["status"] == "Accepted"


def test_a_charger_that_thinks_keeps_only_those_waiting_who_asked_it(site, driver):
    number, url, given = of_16(site, driver, "API-4")
    with connect(url, **given) as socket:
        boot(socket)
        answers = []
        waiting = threading.Thread(
            target=lambda: answers.append(
                driver.ask("POST", f"/stations/{number}/orders?wait=30", UNLOCK)
            )
        )
        waiting.start()
        _, message_id, action, _ = json.loads(socket.recv(timeout=30))
        assert action == "UnlockConnector"
        for _ in range(3):
            assert driver.ask("GET", "/token")[0] == 200
        assert not answers
        socket.send(json.dumps([3, message_id, {"status": "Unlocked"}]))
        waiting.join(60)
        status, told, _ = answers[0]
        assert (status, told["state"], told["settled"]) == (200, "accepted", True)


def test_a_silent_charger_times_out(site, driver):
    number, url, given = of_16(site, driver, "API-2")
    with site.work() as db:
        db.get(Station, number).quirks = {"call_timeout_s": 2}
    with connect(url, **given) as socket:
        boot(socket)
        status, told, _ = driver.ask("POST", f"/stations/{number}/orders?wait=30", UNLOCK)
        assert (status, told["state"], told["settled"]) == (200, "timed_out", True)
        status, told, _ = driver.ask("POST", f"/stations/{number}/connectors/1/unlock")
        assert (status, told["code"], told["order"]["state"]) == (504, "timed_out", "timed_out")

    assert driver.ask("PATCH", f"/stations/{number}", {"registration": "blocked"})[0] == 200
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(url, **given)
    assert refused.value.response.status_code == 403
    find = f"/stations/{number}/handshakes?accepted=false"
    knocks = eventually(lambda: driver.ask("GET", find)[1]["items"])
    assert knocks[0]["reason"] == "blocked"


def test_a_charger_of_201_is_driven_and_believed(site, driver):
    place = driver.ask("GET", "/sites")[1]["items"][0]["id"]
    number, password = driver.station("API-3", place)
    login = b64encode(f"API-3:{password}".encode()).decode()
    given = {
        "subprotocols": ["ocpp2.0.1"],
        "additional_headers": {"Authorization": f"Basic {login}"},
        "open_timeout": 60,
        "proxy": None,
    }
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with connect(f"{site.charger_url}/API-3", **given) as socket:

        def call(message_id, action, payload):
            socket.send(json.dumps([2, message_id, action, payload]))
            kind, answered, told = json.loads(socket.recv(timeout=30))
            assert (kind, answered) == (3, message_id)
            return told

        boot = {"chargingStation": {"vendorName": "Acme", "model": "Two"}, "reason": "PowerUp"}
        assert call("1", "BootNotification", boot)["status"] == "Accepted"
        assert driver.ask("POST", "/tags", {"value": "04CC"})[0] == 201
        event = {
            "eventType": "Started",
            "timestamp": stamp,
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "tx-77", "chargingState": "Charging"},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": "04CC", "type": "ISO14443"},
        }
        assert call("2", "TransactionEvent", event)["idTokenInfo"]["status"] == "Accepted"
        find = f"/stations/{number}/transactions?transaction_id=tx-77"
        (session,) = eventually(lambda: driver.ask("GET", find)[1]["items"])
        assert (session["id_tag"], session["state"], session["evse"]) == ("04CC", "charging", 1)

        answers = []
        raw = {
            "action": "GetBaseReport",
            "payload": {"requestId": 7, "reportBase": "FullInventory"},
        }
        waiting = threading.Thread(
            target=lambda: answers.append(
                driver.ask("POST", f"/stations/{number}/orders?wait=30", raw)
            )
        )
        waiting.start()
        _, message_id, action, payload = json.loads(socket.recv(timeout=30))
        assert (action, payload) == (raw["action"], raw["payload"])
        socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        waiting.join(60)
        assert (answers[0][0], answers[0][1]["state"]) == (200, "accepted")
        variable = {
            "component": {"name": "ChargingStation"},
            "variable": {"name": "AvailabilityState"},
            "variableAttribute": [{"type": "Actual", "value": "Available"}],
        }
        report = {"requestId": 7, "generatedAt": stamp, "seqNo": 0, "reportData": [variable]}
        call("3", "NotifyReport", report)
        find = f"/stations/{number}/variables?variable=availabilitystate"
        (found,) = eventually(lambda: driver.ask("GET", find)[1]["items"])
        assert (found["component"], found["value"]) == ("ChargingStation", "Available")
