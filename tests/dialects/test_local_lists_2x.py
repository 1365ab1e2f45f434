"""Local lists over OCPP 2.0.1 and 2.1."""

import pytest

from app.domain.access import tag_groups, tags
from app.domain.ground.vocabulary import SYSTEM, Order
from app.models import LocalList, StationVariable
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture(params=[Version.V201, Version.V21], ids=["2.0.1", "2.1"])
def talk(request, db, now):
    return Dialogue(db, now, request.param)


@pytest.fixture
def add(talk):
    def put(value, kind="id_tag", **facts):
        known = {"value": value, "kind": kind, **facts}
        return tags.add(talk.db, SYSTEM, talk.station.tenant_id, now=talk.now, **known)

    return put


def test_a_list_carries_kinds_groups_and_ends(talk, add):
    tenant_id = talk.station.tenant_id
    fleet = tag_groups.add(talk.db, SYSTEM, tenant_id, now=talk.now, name="Fleet")
    add("AB12", group_id=fleet.id, expires_at=talk.now.replace(hour=18))
    gone = add("DEABC1", kind="emaid")
    talk.ask(Order.SEND_LOCAL_LIST)
    action, payload = talk.hears()
    assert action == "SendLocalList"
    assert payload == {
        "localAuthorizationList": [
            {
                "idToken": {"idToken": "AB12", "type": "ISO14443"},
                "idTokenInfo": {
                    "status": "Accepted",
                    "cacheExpiryDateTime": "2026-03-02T18:00:00Z",
                    "groupIdToken": {"idToken": "FLEET", "type": "Central"},
                },
            },
            {
                "idToken": {"idToken": "DEABC1", "type": "eMAID"},
                "idTokenInfo": {"status": "Accepted"},
            },
        ],
        "versionNumber": 1,
        "updateType": "Full",
    }
    talk.answers({"status": "Accepted"})
    tags.archive(talk.db, SYSTEM, gone, now=talk.now)
    talk.ask(Order.SEND_LOCAL_LIST)
    assert talk.hears()[1] == {
        "localAuthorizationList": [{"idToken": {"idToken": "DEABC1", "type": "eMAID"}}],
        "versionNumber": 2,
        "updateType": "Differential",
    }


def test_longer_tokens_fit_into_the_newer_version(talk, add):
    add("A" * 37)
    add("B2")
    talk.ask(Order.SEND_LOCAL_LIST)
    told = [one["idToken"]["idToken"] for one in talk.hears()[1]["localAuthorizationList"]]
    assert told == (["A" * 37, "B2"] if talk.version is Version.V21 else ["B2"])
    talk.answers({"status": "Accepted"})
    untold = [entry.get("untold", False) for entry in talk.db.query(LocalList).one().entries]
    assert untold == [talk.version is Version.V201, False]


def test_parts_follow_each_other_as_the_station_takes_them(talk, add):
    limit = StationVariable(station_id=talk.station.id, key="items", variable="ItemsPerMessage")
    limit.component, limit.value = "LocalAuthListCtrlr", "2"
    talk.db.add(limit)
    for number in range(5):
        add(f"T{number}")
    talk.ask(Order.SEND_LOCAL_LIST)
    heard = []
    while talk.waiting():
        heard.append(talk.hears()[1])
        talk.answers({"status": "Accepted"})
    assert [part["updateType"] for part in heard] == ["Full", "Differential", "Differential"]
    assert [part["versionNumber"] for part in heard] == [1, 2, 3]
    assert [len(part["localAuthorizationList"]) for part in heard] == [2, 2, 1]


def test_the_version_is_asked_for(talk):
    talk.ask(Order.READ_LOCAL_LIST_VERSION)
    assert talk.hears() == ("GetLocalListVersion", {})
    talk.answers({"versionNumber": 3})
    assert talk.db.query(LocalList).one().reported_version == 3
