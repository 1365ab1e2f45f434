"""Schemas: the precise fault of a bad payload, and repairs for known deviations."""

import copy

import pytest

from worker.ocpp import json_text, schemas
from worker.ocpp.fields import APART
from worker.ocpp.repairs import mend
from worker.ocpp.schemas import violation
from worker.ocpp.versions import Fault, Version

V16 = Version.V16
V201 = Version.V201
START = {"connectorId": 1, "idTag": "04A2", "meterStart": 0, "timestamp": "2026-03-02T09:00:00Z"}
STOP = {"transactionId": 1, "meterStop": 8400, "timestamp": "2026-03-02T10:00:00Z"}
METER = {
    "connectorId": 1,
    "transactionId": 1,
    "meterValue": [{"timestamp": "2026-03-02T09:00:00Z", "sampledValue": [{"value": "1"}]}],
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"idTag": None}, Fault.TYPE),
        ({"meterStart": "0"}, Fault.TYPE),
        ({"idTag": "x" * 21}, Fault.PROPERTY),
        ({"timestamp": "yesterday"}, Fault.PROPERTY),
        ({"colour": "red"}, Fault.FORMAT),
        ({"idTag": ...}, Fault.OCCURRENCE),
    ],
)
def test_each_breach_has_its_fault(change, fault):
    payload = {key: value for key, value in {**START, **change}.items() if value is not ...}
    found = violation(V16, "StartTransaction", "call", payload)
    assert found is not None
    assert found.fault is fault
    assert found.description


def test_a_clean_payload_has_no_violation():
    assert violation(V16, "StartTransaction", "call", START) is None
    assert violation(V16, "StopTransaction", "call", STOP) is None
    assert violation(V16, "MeterValues", "result", {}) is None


def test_unknown_enum_words_and_empty_lists_are_named():
    found = violation(V16, "StopTransaction", "call", {**STOP, "reason": "Bored"})
    assert found is not None
    assert (found.fault, found.path) == (Fault.PROPERTY, "reason")
    found = violation(V16, "MeterValues", "call", {**METER, "meterValue": []})
    assert found is not None
    assert found.fault is Fault.OCCURRENCE


def test_a_payload_that_is_no_object_is_badly_formed():
    found = violation(V16, "Heartbeat", "call", [])
    assert found is not None
    assert found.fault is Fault.FORMAT


def test_integers_of_2_x_have_32_bits():
    status = {"timestamp": "2026-03-02T09:00:00Z", "connectorStatus": "Available", "evseId": 1}
    for version in (Version.V201, Version.V21):
        for number, fine in ((2**31 - 1, True), (2**31, False)):
            payload = {**status, "connectorId": number}
            found = violation(version, "StatusNotification", "call", payload)
            assert (found is None) is fine
            assert fine or found.fault is Fault.PROPERTY


def test_unknown_action():
    for action in ("heartbeat", "Heartbeatt", "../Heartbeat", "HeartbeatResponse", ""):
        found = violation(V16, action, "call", {})
        assert found is not None
        assert found.fault is Fault.NOT_IMPLEMENTED


def test_1_6_timestamps_need_no_offset_and_2_x_ones_do():
    assert (
        violation(V16, "StopTransaction", "call", {**STOP, "timestamp": STOP["timestamp"][:-1]})
        is None
    )
    boot = {"currentTime": "2026-03-02T09:00:00", "interval": 5, "status": "Accepted"}
    assert violation(V16, "BootNotification", "result", boot) is None
    found = violation(Version.V201, "BootNotification", "result", boot)
    assert found is not None
    assert found.fault is Fault.PROPERTY


def test_violations_do_not_repeat_what_was_sent():
    found = violation(V16, "StartTransaction", "call", {**START, "idTag": "secret" * 9})
    assert found is not None
    assert "secret" not in str(found)


@pytest.mark.parametrize("action", sorted({action for action, _ in schemas._file_names(V16)}))
def test_every_action_of_1_6_has_both_schemas(action):
    assert schemas.validator_for(V16, action, "call") is not None
    assert schemas.validator_for(V16, action, "result") is not None


@pytest.mark.parametrize("version", Version)
def test_every_schema_file_compiles(version):
    for action, kind in schemas._file_names(version):
        assert schemas.validator_for(version, action, kind) is not None


def test_current_limits_with_one_decimal_are_exact():
    profile = {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1}],
            },
        },
    }
    assert violation(V16, "SetChargingProfile", "call", profile) is None


@pytest.mark.parametrize(
    ("action", "payload", "change", "repairs"),
    [
        ("StopTransaction", STOP, {"idTag": None}, {"null_member"}),
        ("StopTransaction", STOP, {"meterStop": "8400"}, {"text_for_number"}),
        ("StopTransaction", STOP, {"meterStop": 8400.0}, {"whole_fraction"}),
        ("StopTransaction", STOP, {"reason": "evdisconnected "}, {"word_spelling"}),
        ("StopTransaction", STOP, {"reason": "Bored"}, {"unknown_word"}),
        ("StopTransaction", STOP, {"idTag": "x" * 21}, {"overlong_text"}),
        ("StopTransaction", STOP, {"extra": 1}, {"unknown_member"}),
        ("StopTransaction", STOP, {"timestamp": "2026-03-02 10:00"}, {"odd_timestamp"}),
        ("MeterValues", METER, {"meterValue": []}, {"empty_list"}),
        ("MeterValues", METER, {"meterValue": METER["meterValue"][0]}, {"object_for_list"}),
        ("DataTransfer", {"vendorId": "v"}, {"data": {"a": 1}}, {"object_for_text"}),
        ("StopTransaction", STOP, {"ID_TAG": "A"}, {"member_spelling"}),
        ("StopTransaction", STOP, {"reason": "EV_Disconnected"}, {"word_spelling"}),
    ],
)
def test_known_deviations_are_mended_by_name(action, payload, change, repairs):
    given = {**payload, **change}
    before = copy.deepcopy(given)
    mended = mend(V16, action, given)
    assert mended.violation is None
    assert set(mended.repairs) == repairs
    assert given == before


def test_numbers_deep_inside_meter_values_are_mended():
    sample = {"value": 3.5, "unit": "kwh", "context": None, "vendor": 1}
    meter = {**METER, "meterValue": [{"timestamp": "x", "sampledValue": [sample, sample]}]}
    mended = mend(V16, "MeterValues", meter)
    assert mended.violation is None
    assert mended.payload["meterValue"][0]["sampledValue"] == [{"value": "3.5", "unit": "kWh"}] * 2


def shouted(value):
    """The same with every member's name in capitals."""
    if isinstance(value, list):
        return [shouted(item) for item in value]
    if isinstance(value, dict):
        return {name.upper(): shouted(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize(("action", "payload"), [("StopTransaction", STOP), ("MeterValues", METER)])
def test_names_of_members_are_known_in_any_case(action, payload):
    mended = mend(V16, action, shouted(payload))
    assert (mended.violation, mended.repairs) == (None, ("member_spelling",))


def test_of_a_member_in_two_spellings_neither_value_counts():
    given = {**STOP, "MeterStop": 1, "ID_TAG": "A", "idTag": "A", "TRANSACTIONDATA": []}
    mended = mend(V16, "StopTransaction", given)
    assert mended.violation is not None
    assert mended.payload == {
        **STOP,
        "meterStop": f"8400{APART}1",
        "idTag": "A",
        "transactionData": [],
    }


def test_objects_and_truth_values_are_known_in_other_dress():
    event = {
        "eventType": "Ended",
        "timestamp": "2026-03-02T09:00:00Z",
        "triggerReason": "EVDeparted",
        "seqNo": "7",
        "offline": "true",
        "transactionInfo": [{"transactionId": 12}],
        "evse": '{"id": 1}',
    }
    mended = mend(V201, "TransactionEvent", event)
    assert mended.violation is None
    assert mended.payload == {
        **event,
        "seqNo": 7,
        "offline": True,
        "transactionInfo": {"transactionId": "12"},
        "evse": {"id": 1},
    }


@pytest.mark.parametrize("text", ["1e99", "9" * 25, "-1e30", "18446744073709551616"])
def test_a_number_beyond_64_bits_can_be_written_after_its_repair(text):
    meter = {"timestamp": "2026-03-02T10:00:00Z", "sampledValue": [{"value": text}]}
    mended = mend(V201, "MeterValues", {"evseId": 1, "meterValue": [meter]})
    assert (mended.violation, mended.repairs) == (None, ("text_for_number",))
    written = json_text.load(json_text.dump(mended.payload), strict=True)[0]
    assert written["meterValue"][0]["sampledValue"] == [{"value": float(text)}]


def test_what_is_clean_is_not_touched():
    mended = mend(V16, "StartTransaction", START)
    assert mended.payload is START
    assert (mended.repairs, mended.violation) == ((), None)


def test_what_is_missing_cannot_be_mended():
    mended = mend(V16, "StartTransaction", {"idTag": 5})
    assert mended.payload == {"idTag": "5"}
    assert mended.violation is not None
    assert mended.violation.fault is Fault.OCCURRENCE


def test_mending_an_unknown_action_is_refused():
    found = mend(V16, "FlyToTheMoon", {}).violation
    assert found is not None
    assert found.fault is Fault.NOT_IMPLEMENTED
