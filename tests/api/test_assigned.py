"""Reservations, profiles, certificates and what else is brought to stations."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import CommandState, Outcome
from app.domain.trust import signing
from app.models import Reservation, StationCertificate
from tests.api.client import Api
from tests.security import furniture
from tests.support import lone


@pytest.fixture
def online(api):
    """The id of a station that a living worker holds."""
    return api.get("/stations?connected=true")["items"][0]["id"]


def settle(db, order_id, now, state=CommandState.ACCEPTED, answer=None):
    """Let the station answer an order."""
    row = lone.claim(db, order_id, "seed", now=now)
    answer = answer or {"status": "Accepted"}
    commands.settle(db, row, Outcome(state, answer, "It answered."), now=now)
    db.commit()


def test_a_reservation_is_made_and_cancelled_by_orders(api, db, made, online, now):
    tag = api.post("/tags", {"value": "04RES"})
    until = (now + timedelta(hours=1)).isoformat()
    arguments = {"connector": 1, "token": tag["value"], "expires_at": until}
    sent = {"order": "reserve", "arguments": arguments}
    told = api.post(f"/stations/{online}/orders", sent, 202)
    number = int(told["subject"].removeprefix("reservation:"))
    reservation = api.get(f"/reservations/{number}")
    assert (reservation["state"], reservation["id_tag"]) == ("asked", "04RES")
    settle(db, told["id"], now)
    assert api.get(f"/reservations/{number}")["state"] == "active"
    assert api.get(f"/reservations?station_id={online}&state=active")["items"]

    sent = {"order": "cancel_reservation", "arguments": {"reservation_id": number}}
    told = api.post(f"/stations/{online}/orders", sent, 202)
    settle(db, told["id"], now)
    assert api.get(f"/reservations/{number}")["state"] == "cancelled"


def test_a_setpoint_is_wanted_replaced_and_told(api, made):
    running = api.get("/sessions?state=charging")["items"]
    online = {station["id"] for station in api.get("/stations?connected=true")["items"]}
    session = next(one for one in running if one["station_id"] in online)
    station, evse = session["station_id"], session["evse"]
    where = f"/stations/{station}/connectors/{evse}/setpoint"
    first = api.post(where, {"limit": 16, "unit": "A", "phases": 3}, 202)
    again = api.post(where, {"limit": 0, "unit": "A"}, 202)
    assert (first["id"], again["wanted"], again["state"]) == (again["id"], 2, "waiting")
    [told] = api.get(f"/stations/{station}/setpoints")["items"]
    assert told["document"]["periods"] == [{"start_s": 0, "limit": "0.0"}]
    assert api.post(where, {"limit": 3, "unit": "A"}, 422)["code"] == "invalid"
    api.post(f"/stations/{station}/connectors/99/setpoint", {"limit": 6, "unit": "A"}, 422)


def test_the_library_of_profiles_is_kept(api):
    given = {"name": "Night", "document": furniture.DOCUMENT}
    profile = api.post("/charging-profiles", given)
    where = f"/charging-profiles/{profile['id']}"
    assert api.patch(where, {"note": "Cheap"})["note"] == "Cheap"
    assert api.get(where)["document"]["periods"][0]["limit"] == "16.0"
    assert api.post("/charging-profiles", given, 409)["code"] == "taken"
    assert api.post("/charging-profiles", {"name": "Odd", "document": {}}, 422)["field"]
    assert api.post(f"{where}/archive", status=200)["archived_at"]
    assert api.post(f"{where}/restore", status=200)["archived_at"] is None


def test_what_stations_hold_is_told(admin_api, db, made, now):
    furniture.furnish(db, made.people["admin"].tenant_id, now)
    db.commit()
    station = made.stations["CP-01"].id
    for list_of in (
        *("variables", "monitors", "events", "display-messages", "local-list", "certificates"),
        *("tariffs", "ev-needs", "der-controls", "settlements", "battery-swaps"),
        *("customer-reports", "charging-profiles", "composite-schedules", "transaction-events"),
    ):
        rows = admin_api.get(f"/stations/{station}/{list_of}")["items"]
        assert len(rows) == 1 and "tenant_id" not in rows[0], list_of
    (job,) = admin_api.get(f"/file-jobs?station_id={station}")["items"]
    assert "key_hash" not in job and "arguments" not in job
    assert admin_api.get(f"/file-jobs/{job['id']}") == job
    assert admin_api.get("/firmware")["items"]


def test_firmware_is_brought_as_a_form_and_kept_once(app, admin_api, secret_of):
    def image(content=b"image", **given):
        return {"data": {"file": (BytesIO(content), "cp-2.4.bin"), "version": "2.4", **given}}

    added = admin_api.ask("POST", "/firmware", 201, **image(vendor="Alfen"))
    assert (added["name"], added["version"], added["vendor"]) == ("cp-2.4.bin", "2.4", "Alfen")
    assert (added["size_bytes"], added["sha256"]) == (5, sha256(b"image").hexdigest())
    assert admin_api.get(f"/firmware/{added['id']}") == added
    assert admin_api.ask("POST", "/firmware", 409, **image())["field"] == "file"
    key = {"headers": {"Idempotency-Key": "again"}}
    twice = [admin_api.ask("POST", "/firmware", 201, **image(b"b"), **key) for _ in range(2)]
    assert twice[0] == twice[1]
    admin_api.ask("POST", "/firmware", 422, **image(b"c"), **key)
    Api(app, secret_of("viewer")).ask("POST", "/firmware", 403, **image(b"d"))


def test_a_form_that_is_no_firmware_leaves_no_file(app, admin_api):
    def refused(status, **given):
        return admin_api.ask("POST", "/firmware", status, **given).get("field")

    def file(content=b"image"):
        return {"file": (BytesIO(content), "cp.bin")}

    assert refused(422, data={"version": "2.4", "file": (BytesIO(b"x"), "")}) == "file"
    assert refused(422, data=file()) == "version"
    assert refused(422, data={**file(), "version": "2", "size": "3"}) == "size"
    assert refused(422, data={**file(), "version": "2", "signature": "ab"}) == "signing_certificate"
    refused(415, json={"version": "2.4"})
    settings = app.config["SETTINGS"]
    object.__setattr__(settings, "firmware_max_bytes", 1000)
    refused(413, data={**file(bytes(1001)), "version": "2"})
    refused(413, data={**file(bytes(100_000)), "version": "2"})
    assert not list((settings.data_dir / "files" / "firmware").glob("*"))


def test_a_signing_request_is_refused_and_a_certificate_revoked(admin_api, api, db, made, now):
    furniture.furnish(db, made.people["admin"].tenant_id, now)
    db.commit()
    row = db.scalar(select(StationCertificate))
    where = f"/certificates/{row.id}"
    assert admin_api.post(f"{where}/refuse", status=409)["code"] == "conflict"
    api.post(f"{where}/revoke", {"reason": "Stolen."}, 403)
    told = admin_api.post(f"{where}/revoke", {"reason": "Stolen."}, 200)
    assert (told["state"], told["sentence"]) == ("revoked", "Stolen.")


def test_a_root_is_kept_and_put_away(admin_api, now):
    pem = signing.make_root("Depot root", "Depot", now=now).certificate
    given = {"name": "Root", "use": "csms_root", "pem": pem}
    root = admin_api.post("/authority-certificates", given)
    assert root["subject"] and "key_file" not in root
    where = f"/authority-certificates/{root['id']}"
    assert admin_api.get(where) == root
    assert admin_api.post(f"{where}/archive", status=200)["archived_at"]
    refused = admin_api.post("/authority-certificates", {**given, "pem": "nonsense"}, 422)
    assert refused["detail"]


def test_reservations_of_others_are_not_found(api, db, made, now):
    furniture.furnish(db, made.people["admin"].tenant_id, now)
    db.commit()
    newest = db.scalar(select(Reservation.id).order_by(Reservation.id.desc()))
    api.get(f"/reservations/{newest + 1}", 404)
