"""The device model: told in parts, stored in bulk, written over, bounded by the station's words."""

import pytest
from sqlalchemy import func, select

from app.domain.device import device_model
from app.domain.device.device_model import Told
from app.domain.device.variable_names import VariableName, parse
from app.domain.ground.vocabulary import CommandState, Order
from app.extensions import db as flask_db
from app.models import StationVariable
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture(params=[Version.V201, Version.V21], ids=lambda version: version.value)
def talk(db, now, request):
    return Dialogue(db, now, request.param)


def item(component, variable, *attributes, **nature):
    return {
        "component": component if isinstance(component, dict) else {"name": component},
        "variable": {"name": variable},
        "variableAttribute": list(attributes) or [{"value": "1"}],
        "variableCharacteristics": {
            "dataType": "integer",
            "supportsMonitoring": False,
            **nature,
        },
    }


def part(talk, items, request_id, seq=0, more=False):
    return talk.says(
        "NotifyReport",
        {
            "requestId": request_id,
            "generatedAt": "2026-03-02T09:00:00Z",
            "seqNo": seq,
            "tbc": more,
            "reportData": items,
        },
    )


def test_a_report_arrives_in_parts_and_says_when_it_is_complete(talk):
    command = talk.ask(Order.READ_BASE_REPORT, base="full")
    number = talk.hears()[1]["requestId"]
    talk.answers({"status": "Accepted"})
    talk.later(seconds=1)
    assert part(talk, [item("A", f"V{n}") for n in range(5)], number, more=True) == {}
    assert command.sentence == "The report arrives: part 1 is here."
    part(talk, [item("B", "V")], number, seq=1)
    assert command.sentence == "The report is complete: 6 values."


def test_attributes_are_rows_of_their_own_with_their_nature(talk):
    evse = {"name": "EVSE", "evse": {"id": 1}}
    limits = {"minLimit": 0, "maxLimit": 22000.5, "unit": "W", "supportsMonitoring": True}
    attributes = [
        {"type": "Actual", "value": "11000", "mutability": "ReadOnly"},
        {"type": "MaxSet", "value": "22000", "mutability": "ReadWrite", "persistent": True},
        {"type": "Target", "mutability": "WriteOnly"},
    ]
    part(talk, [item(evse, "Power", *attributes, **limits)], 1)
    rows = {
        row.attribute: row
        for row in talk.db.scalars(select(StationVariable).order_by(StationVariable.id))
    }
    assert rows["actual"].writable is False
    assert (rows["max_set"].value, rows["max_set"].writable) == ("22000", True)
    assert rows["max_set"].persistent is True
    assert (rows["target"].value, rows["target"].readable) == (None, False)
    assert (rows["actual"].low, rows["actual"].high) == ("0", "22000.5")
    assert (rows["actual"].unit, rows["actual"].monitorable) == ("W", True)
    assert (rows["actual"].evse, rows["actual"].key) == (1, "evse@1/power")


def test_what_is_told_again_is_written_over_and_loses_nothing(talk):
    part(talk, [item("A", "V", {"value": "1", "mutability": "ReadOnly"})], 1)
    row = talk.db.scalars(select(StationVariable)).one()
    row.wanted = "7"
    talk.later(seconds=5)
    device_model.take(talk.db, talk.station, [Told(parse("a/v"), "2")], now=talk.now)
    row = talk.db.scalars(select(StationVariable)).one()
    assert (row.value, row.writable, row.wanted) == ("2", False, "7")
    assert row.reported_at == talk.now


def test_a_secret_is_known_to_exist_and_no_more(talk):
    part(talk, [item("SecurityCtrlr", "BasicAuthPassword", {"value": "canary"})], 1)
    assert talk.db.scalars(select(StationVariable)).one().value is None


def test_an_empty_report_is_an_answer(talk):
    talk.ask(Order.READ_REPORT, criteria="problem", keys="EVSE@1, ChargingStation/Problem")
    _, payload = talk.hears()
    assert payload["componentCriteria"] == ["Problem"]
    assert payload["componentVariable"][0] == {"component": {"evse": {"id": 1}, "name": "EVSE"}}
    command = talk.answers({"status": "EmptyResultSet"})
    assert command.state is CommandState.ACCEPTED
    assert "nothing to report" in command.sentence


def test_a_part_that_nobody_asked_for_is_kept_all_the_same(talk):
    assert part(talk, [item("A", "V")], 99) == {}
    assert talk.db.scalar(select(func.count(StationVariable.id))) == 1


def test_a_network_profile_carries_what_its_version_knows(talk):
    given = {"slot": 1, "url": "wss://csms.example/ocpp", "security_profile": 2}
    talk.ask(Order.SET_NETWORK_PROFILE, **given, identity="CP", password="canary" * 4)
    action, payload = talk.hears()
    data = payload["connectionData"]
    assert (action, payload["configurationSlot"]) == ("SetNetworkProfile", 1)
    assert data["ocppVersion"] == ("OCPP20" if talk.version is Version.V201 else "OCPP21")
    assert ("basicAuthPassword" in data) is (talk.version is Version.V21)
    command = talk.answers({"status": "Failed"})
    assert command.state is CommandState.REJECTED
    assert "canary" not in str(command.arguments)


def test_the_secrets_of_a_network_are_forgotten_once_they_were_sent(talk):
    vpn = {"server": "v", "user": "u", "password": "canary", "key": "canary", "type": "IPSec"}
    apn = {"apn": "internet", "apnAuthentication": "PAP", "apnPassword": "canary"}
    given = {"slot": 1, "url": "wss://csms.example/ocpp", "security_profile": 2}
    talk.ask(Order.SET_NETWORK_PROFILE, **given, vpn=vpn, apn=apn)
    assert talk.hears()[1]["connectionData"]["vpn"]["key"] == "canary"
    command = talk.answers({"status": "Accepted"})
    assert "canary" not in str(command.arguments)


@pytest.mark.landing
def test_tens_of_thousands_of_rows_are_taken_in_on_both_databases(any_app, now):
    """FIELD M12: one frame may hold a whole station."""
    with any_app.app_context():
        db = flask_db.session()
        talk = Dialogue(db, now, Version.V201)
        told = [
            Told(VariableName(f"V{n % 100}", f"C{n // 100}", evse=n % 7), str(n), writable=True)
            for n in range(20_000)
        ]
        assert device_model.take(db, talk.station, told, now=now) == 20_000
        device_model.take(db, talk.station, told, now=now)
        assert db.scalar(select(func.count(StationVariable.id))) == 20_000
        db.rollback()
