"""Stations, sites, tags, groups and drivers: all that an operator may change."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.network import credentials
from app.models import AuditEntry, Message, Station


@pytest.fixture
def site_id(made):
    """The id of a site with stations."""
    return made.stations["CP-01"].site_id


@pytest.fixture
def station(api, site_id):
    """A station just registered over the API."""
    return api.post("/stations", {"identity": "API-1", "site_id": site_id, "connectors": 2})


def test_a_station_is_registered_and_its_password_told_once(api, station, db):
    assert len(station["password"]) >= 16
    assert [plug["evse"] for plug in station["connectors"]] == [1, 2]
    assert api.answer.headers["Location"] == f"/api/v1/stations/{station['id']}"
    assert (station["registration"], station["connected"]) == ("accepted", False)
    told = api.get(f"/stations/{station['id']}")
    assert "password" not in told and "password_hash" not in told
    row = db.get(Station, station["id"])
    assert credentials.matches(row.password_hash, station["password"].encode())


def test_a_chosen_password_is_not_told_again(api, site_id):
    given = {"identity": "API-2", "site_id": site_id, "password": "sixteen letters!"}
    assert api.post("/stations", given)["password"] is None


def test_an_identity_is_taken_only_once(api, station, site_id):
    told = api.post("/stations", {"identity": "api-1", "site_id": site_id}, 409)
    assert (told["code"], told["field"]) == ("taken", "identity")


@pytest.mark.parametrize(
    "change",
    [
        {"registration": "pending"},
        {"registration": "rejected"},
        {"registration": "blocked"},
        {"validation": "strict"},
        {"validation": None},
        {"mode": "open"},
        {"quirks": {"heartbeat_s": 60, "allowed_networks": ["10.0.0.0/24"]}},
        {"name": "Row A"},
        {"max_power_w": 22000},
        {"onboarding": {"read": True, "triggers": ["status"]}},
        {"security_profile": 2},
    ],
)
def test_a_station_is_changed_and_the_rest_stays(api, station, change):
    told = api.patch(f"/stations/{station['id']}", change)
    assert {name: told[name] for name in change} == change
    same = {"connectors", *change}
    unchanged = {name: value for name, value in told.items() if name not in same}
    assert unchanged.items() <= station.items()


def test_a_change_that_cannot_be_is_refused_with_its_field(api, station):
    where = f"/stations/{station['id']}"
    assert api.patch(where, {"quirks": {"nonsense": 1}}, 422)["field"] == "quirks.nonsense"
    assert api.patch(where, {"security_profile": 0}, 422)["field"] == "security_profile"
    assert api.patch(where, {"site_id": 999_999}, 422)["field"] == "site_id"
    assert api.patch(where, {"tariff_id": 999_999}, 422)["field"] == "tariff_id"


def test_credentials_are_made_or_set(api, station, db):
    where = f"/stations/{station['id']}/credentials"
    told = api.post(where, status=200)
    assert told["username"] == "API-1"
    row = db.get(Station, station["id"], populate_existing=True)
    assert credentials.matches(row.password_hash, told["password"].encode())
    assert api.post(where, {"password": "another secret"}, 200)["password"] is None
    row = db.get(Station, station["id"], populate_existing=True)
    assert credentials.matches(row.password_hash, b"another secret")
    assert api.post(where, {"password": "short"}, 422)["field"] == "password"


def test_a_station_goes_to_the_archive_and_comes_back(api, station):
    where = f"/stations/{station['id']}"
    assert api.post(f"{where}/archive", status=200)["archived_at"]
    assert not api.get("/stations?identity=API-1")["items"]
    assert api.get("/stations?identity=API-1&archived=true")["items"]
    assert api.post(f"{where}/restore", status=200)["archived_at"] is None


def test_a_station_that_is_charging_is_not_archived(api):
    number = api.get("/sessions?state=charging")["items"][0]["station_id"]
    assert api.post(f"/stations/{number}/archive", status=409)["code"] == "conflict"


def test_stations_are_found_by_what_they_are(api, station, made):
    assert [row["id"] for row in api.get("/stations?identity=api-1")["items"]] == [station["id"]]
    online = api.every("/stations?connected=true")
    offline = api.every("/stations?connected=false")
    assert online and offline
    assert all(row["connected"] for row in online)
    assert not any(row["connected"] for row in offline)
    assert len(online) + len(offline) == len(api.every("/stations"))


def test_what_happened_at_a_station_is_told(api, made):
    number = made.stations["CP-01"].id
    for list_of in (
        *("messages", "boots", "connections", "handshakes", "statuses", "deviations", "reports"),
        *("transaction-events", "variables", "monitors", "events", "display-messages"),
        *("local-list", "certificates", "tariffs", "charging-profiles"),
        *("composite-schedules", "orders", "transactions"),
    ):
        api.get(f"/stations/{number}/{list_of}")


def test_what_a_station_told_of_customers_is_for_admins(api, admin_api, made):
    number = made.stations["CP-01"].id
    api.get(f"/stations/{number}/customer-reports", 403)
    admin_api.get(f"/stations/{number}/customer-reports")


def test_messages_are_filtered(api, made):
    number = made.sessions["finished"].station_id
    every = api.every(f"/stations/{number}/messages")
    assert every
    action = every[0]["action"]
    some = api.every(f"/stations/{number}/messages?action={action}&direction=in")
    assert some == [row for row in every if row["action"] == action and row["direction"] == "in"]
    since = every[2]["at"]
    later = api.every(f"/stations/{number}/messages?since={since}")
    assert {row["id"] for row in later} == {row["id"] for row in every if row["at"] >= since}


def test_odd_numbers_and_characters_of_a_charger_are_told(api, db, made):
    row = db.scalar(select(Message).where(Message.station_id == made.stations["CP-03"].id).limit(1))
    row = row or db.scalar(select(Message).limit(1))
    row.request = f'{{"big": {10**40}, "odd": "\\ud800", "none": NaN}}'
    db.commit()
    told = api.every(f"/stations/{row.station_id}/messages")
    (found,) = [message for message in told if message["id"] == row.id]
    assert found["request"]["big"] == 10**40
    assert found["request"]["none"] is None


def test_a_site_is_added_changed_archived_and_restored(admin_api):
    given = {"name": "Quay", "timezone": "Europe/Berlin", "currency": "EUR"}
    site = admin_api.post("/sites", {**given, "supply_limit_kw": 43.5})
    assert site["supply_limit_kw"] == 43.5
    where = f"/sites/{site['id']}"
    assert admin_api.patch(where, {"name": "Quay 2"})["name"] == "Quay 2"
    assert admin_api.patch(where, {"timezone": "Mars/Base"}, 422)["field"] == "timezone"
    assert admin_api.post(f"{where}/archive", status=200)["archived_at"]
    assert admin_api.post(f"{where}/restore", status=200)["archived_at"] is None
    assert admin_api.get("/sites?name=quay%202")["items"][0]["id"] == site["id"]


def test_tags_come_in_any_state(api, now):
    past = (now - timedelta(days=400)).isoformat()
    expired = api.post("/tags", {"value": "04EXPIRED", "expires_at": past})
    assert expired["expired"] is True
    blocked = api.post("/tags", {"value": "04BLOCKED", "status": "blocked"})
    assert (blocked["status"], blocked["expired"]) == ("blocked", False)
    assert api.patch(f"/tags/{blocked['id']}", {"status": "active"})["status"] == "active"
    assert api.patch(f"/tags/{expired['id']}", {"expires_at": None})["expired"] is False
    assert api.get("/tags?value=04blocked")["items"][0]["id"] == blocked["id"]


def test_a_tag_is_given_to_a_driver_a_group_and_places(api, made, site_id):
    driver = api.post("/drivers", {"name": "Mary", "email": "mary@example.org"})
    group = api.post("/tag-groups", {"name": "Vans"})
    where = f"/tag-groups/{group['id']}"
    assert group["master_pass"] is False
    assert api.patch(where, {"master_pass": True})["master_pass"]
    assert not api.patch(where, {"master_pass": False})["master_pass"]
    given = {"driver_id": driver["id"], "group_id": group["id"], "site_ids": [site_id]}
    tag = api.post("/tags", {"value": "04VAN", "concurrent_limit": 2, **given})
    assert {name: tag[name] for name in given} == given
    changed = api.patch(f"/tags/{tag['id']}", {"label": "Van 1"})
    assert (changed["label"], changed["site_ids"], changed["group_id"]) == (
        "Van 1",
        [site_id],
        group["id"],
    )
    api.delete(f"/tag-groups/{group['id']}", 409)
    api.patch(f"/tags/{tag['id']}", {"group_id": None})
    api.delete(f"/tag-groups/{group['id']}")
    api.get(f"/tag-groups/{group['id']}", 404)


def test_archiving_a_driver_archives_their_tags(api):
    driver = api.post("/drivers", {"name": "Mary"})
    tag = api.post("/tags", {"value": "04MARY", "driver_id": driver["id"]})
    assert api.post(f"/drivers/{driver['id']}/archive", status=200)["archived_at"]
    assert api.get(f"/tags/{tag['id']}")["archived_at"]
    api.post(f"/tags/{tag['id']}/restore", status=409)
    api.post(f"/drivers/{driver['id']}/restore", status=200)
    assert api.post(f"/tags/{tag['id']}/restore", status=200)["archived_at"] is None


def test_a_group_is_changed(api):
    group = api.post("/tag-groups", {"name": "Vans"})
    assert group["parent"] == "VANS"
    assert api.patch(f"/tag-groups/{group['id']}", {"parent": "P1"})["parent"] == "P1"
    assert api.get(f"/tag-groups/{group['id']}")["name"] == "Vans"


def test_changes_are_in_the_audit(api, station, db):
    api.patch(f"/stations/{station['id']}", {"registration": "pending"})
    entry = db.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()))
    assert (entry.subject_id, entry.after) == (station["id"], {"registration": "pending"})
