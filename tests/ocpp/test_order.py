"""Frames leave as compact JSON with the members in the specification's order."""

import itertools

import pytest

from worker.ocpp import schemas
from worker.ocpp.connection import Connection
from worker.ocpp.frames import Call
from worker.ocpp.schemas import Violation, ordered
from worker.ocpp.versions import Version

PROFILE = {
    "chargingSchedule": {
        "chargingSchedulePeriod": [{"limit": 16.0, "startPeriod": 0}],
        "chargingRateUnit": "A",
    },
    "chargingProfileKind": "Relative",
    "chargingProfilePurpose": "TxDefaultProfile",
    "stackLevel": 0,
    "chargingProfileId": 1,
}


def names(value):
    """The members of a value and of all it holds, in their order."""
    if isinstance(value, dict):
        return [(key, names(child)) for key, child in value.items()]
    return [names(child) for child in value] if isinstance(value, list) else None


@pytest.mark.parametrize("version", Version)
def test_members_come_in_the_schemas_order_however_they_were_given(version):
    boot = {"status": "Accepted", "currentTime": "2026-03-02T09:00:00Z", "interval": 300}
    wanted = [
        name for name in schemas.order_of(version, "BootNotification", "result") if name in boot
    ]
    for members in itertools.permutations(boot.items()):
        arranged = ordered(version, "BootNotification", "result", dict(members))
        assert list(arranged) == wanted
        assert arranged == boot


def test_nested_members_are_put_in_order_too():
    given = {"csChargingProfiles": PROFILE, "connectorId": 1}
    arranged = ordered(Version.V16, "SetChargingProfile", "call", given)
    assert list(arranged) == ["connectorId", "csChargingProfiles"]
    profile = arranged["csChargingProfiles"]
    assert list(profile)[:2] == ["chargingProfileId", "stackLevel"]
    schedule = profile["chargingSchedule"]
    assert list(schedule) == ["chargingRateUnit", "chargingSchedulePeriod"]
    assert list(schedule["chargingSchedulePeriod"][0]) == ["startPeriod", "limit"]
    assert given == {"csChargingProfiles": PROFILE, "connectorId": 1}
    assert next(iter(given)) == "csChargingProfiles"


def test_types_by_reference_are_followed():
    tokens = [{"idToken": {"type": "Central", "idToken": "A"}}]
    arranged = ordered(
        Version.V201,
        "SendLocalList",
        "call",
        {"updateType": "Full", "localAuthorizationList": tokens, "versionNumber": 1},
    )
    assert list(arranged) == ["localAuthorizationList", "versionNumber", "updateType"]
    assert list(arranged["localAuthorizationList"][0]["idToken"]) == ["idToken", "type"]


def test_what_the_schema_does_not_name_comes_last_and_is_kept():
    given = {"strange": 1, "type": "Soft", "odd": [{"b": 1, "a": 2}]}
    arranged = ordered(Version.V16, "Reset", "call", given)
    assert names(arranged) == [
        ("type", None),
        ("strange", None),
        ("odd", [[("b", None), ("a", None)]]),
    ]
    assert ordered(Version.V16, "NoSuchThing", "call", given) is given


def test_every_schema_has_an_order():
    for version in Version:
        for (action, kind), file in schemas._file_names(version).items():
            required = schemas._read(version, file).get("required", [])
            assert set(required) <= set(schemas.order_of(version, action, kind)), (action, kind)


def test_the_wire_is_compact_and_in_order():
    csms = Connection(Version.V16, "csms", new_id=lambda: "1")
    csms.call("ChangeConfiguration", {"value": "60", "key": "HeartbeatInterval"}, 0)
    assert csms.outgoing() == [
        '[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"60"}]'
    ]
    (call,) = csms.receive_text('[2,"2","DataTransfer",{"vendorId":"v"}]', 0)
    assert isinstance(call, Call)
    assert csms.answer(call, {"data": "x", "status": "Accepted"}) == (
        '[3,"2",{"status":"Accepted","data":"x"}]'
    )


def test_a_raw_order_goes_out_exactly_as_given():
    csms = Connection(Version.V16, "csms", new_id=lambda: "1")
    odd = {"value": None, "connectorId": 99, "key": [{}]}
    with pytest.raises(Violation):
        csms.call("ChangeConfiguration", odd, 0)
    csms.call("ChangeConfiguration", odd, 0, as_given=True)
    csms.receive_text('[3,"1",{}]', 1)
    csms.call("NoSuchThing", {}, 1, as_given=True)
    assert csms.outgoing() == [
        '[2,"1","ChangeConfiguration",{"value":null,"connectorId":99,"key":[{}]}]',
        '[2,"1","NoSuchThing",{}]',
    ]


def test_payloads_of_another_version_are_recognised():
    start = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert schemas.lookalike(Version.V201, "StatusNotification", start) is Version.V16
    assert schemas.lookalike(Version.V16, "StatusNotification", {"x": 1}) is None
    assert schemas.lookalike(Version.V201, "Heartbeat", {}) is None
