"""The device model, monitors, events and displays over OCPP 2.0.1, as real stations write them."""

import pytest
from sqlalchemy import select

from app.models import DeviceEvent, DisplayMessage, StationVariable, VariableMonitor
from tests.support.dialogue import Dialogue
from worker.dialects.v201 import device
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

AT = "2026-03-02T08:59:00Z"
PLACE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}


@pytest.fixture(params=[Version.V201, Version.V21], ids=["ocpp2.0.1", "ocpp2.1"])
def talk(db, now, request):
    return Dialogue(db, now, request.param)


def rows(talk, model):
    return list(talk.db.scalars(select(model).order_by(model.id)))


def report(*items, **more):
    return {"requestId": 1, "generatedAt": AT, "seqNo": 0, "reportData": list(items), **more}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ({"component": {"name": "A"}, "variable": {"name": "B"}}, "A/B"),
        ({**PLACE, "attributeType": "maxset"}, "EVSE@1/Power:max_set"),
        ({**PLACE, "attributeType": "Unheard"}, "EVSE@1/Power"),
        (
            {
                "component": {"name": "A", "instance": "x.y", "evse": {"id": 1, "connectorId": 2}},
                "variable": {"name": "B", "instance": "i"},
            },
            "A.x%2Ey@1.2/B.i",
        ),
        ({}, ""),
    ],
)
def test_a_variable_is_named_in_one_line(name, text):
    assert device.read(Fields(name)).text == text


def test_notify_report_without_items_or_more_words_is_answered(talk):
    assert talk.says("NotifyReport", report(tbc=True) | {"reportData": [_bare()]}) == {}
    payload = report()
    payload.pop("reportData")
    assert talk.says("NotifyReport", payload) == {}
    (row,) = rows(talk, StationVariable)
    assert (row.attribute, row.value, row.writable, row.data_type) == ("actual", None, True, None)


def _bare():
    return {**PLACE, "variableAttribute": [{}]}


def test_a_variable_told_twice_in_one_report_is_one_row(talk):
    twice = [{**PLACE, "variableAttribute": [{"value": value}]} for value in ("1", "2")]
    talk.says("NotifyReport", report(*twice))
    assert [row.value for row in rows(talk, StationVariable)] == ["2"]


def test_notify_monitoring_report_without_monitors_is_answered(talk):
    body = {"requestId": 1, "generatedAt": AT, "seqNo": 0}
    assert talk.says("NotifyMonitoringReport", body) == {}
    assert rows(talk, VariableMonitor) == []


def test_notify_event_brings_several_events(talk):
    event = {
        **PLACE,
        "timestamp": AT,
        "trigger": "Delta",
        "actualValue": "1",
        "eventNotificationType": "PreconfiguredMonitor",
    }
    events = [{**event, "eventId": number, "cause": number - 1} for number in (1, 2)]
    body = {"generatedAt": AT, "seqNo": 0, "eventData": events, "tbc": False}
    assert talk.says("NotifyEvent", body) == {}
    found = rows(talk, DeviceEvent)
    assert [(row.number, row.cause, row.origin) for row in found] == [
        (1, 0, "preconfigured"),
        (2, 1, "preconfigured"),
    ]


def test_an_event_of_a_secret_does_not_tell_it(talk):
    event = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "eventId": 1,
        "timestamp": AT,
        "trigger": "Delta",
        "actualValue": "canary",
        "eventNotificationType": "CustomMonitor",
    }
    talk.says("NotifyEvent", {"generatedAt": AT, "seqNo": 0, "eventData": [event]})
    assert rows(talk, DeviceEvent)[0].value == "•••"


def test_notify_display_messages_without_texts_is_answered(talk):
    assert talk.says("NotifyDisplayMessages", {"requestId": 1}) == {}
    assert rows(talk, DisplayMessage) == []
