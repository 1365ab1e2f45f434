"""Monitors and what they notice: set, numbered, reported, cleared; events, alarms and streams."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.config import Settings
from app.domain.device import device_model
from app.domain.device.device_model import Told
from app.domain.device.variable_names import name_of, parse
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import CommandState, Order
from app.models import DeviceEvent, StationVariable, VariableMonitor
from app.tasks.tidying import forget_rows
from tests.support.dialogue import Dialogue
from tests.support.fleet import cost
from worker.ocpp.versions import Version

POWER = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
WATCH = {"key": "EVSE@1/Power", "kind": "upper_threshold", "value": "11000", "severity": 3}


@pytest.fixture(params=[Version.V201, Version.V21], ids=lambda version: version.value)
def talk(db, now, request):
    return Dialogue(db, now, request.param)


@pytest.fixture
def streaming(db, now):
    return Dialogue(db, now, Version.V21)


def result(status="Accepted", **more):
    return {"status": status, "type": "UpperThreshold", "severity": 3, **POWER, **more}


def rows(talk, model=VariableMonitor):
    return list(talk.db.scalars(select(model).order_by(model.id)))


def watched(talk, number=17):
    talk.ask(Order.SET_MONITORS, monitors=[WATCH])
    talk.answers({"setMonitoringResult": [result(id=number)]})
    return rows(talk)[0]


def event(talk, number=1, at="2026-03-02T08:59:00Z", **more):
    data = {
        "eventId": number,
        "timestamp": at,
        "trigger": "Alerting",
        "actualValue": "12000",
        "eventNotificationType": "CustomMonitor",
        **POWER,
        **more,
    }
    body = {"generatedAt": at, "seqNo": 0, "eventData": [data]}
    return talk.says("NotifyEvent", body)


def test_a_monitor_shows_before_and_after_the_station_gave_it_a_number(talk):
    talk.ask(Order.SET_MONITORS, monitors=[WATCH])
    assert [row.state for row in rows(talk)] == ["asked"]
    (item,) = talk.hears()[1]["setMonitoringData"]
    assert (item["value"], item["type"], item["severity"]) == (11000, "UpperThreshold", 3)
    assert item["component"] == {"evse": {"id": 1}, "name": "EVSE"}
    talk.answers({"setMonitoringResult": [result(id=17)]})
    (row,) = rows(talk)
    assert (row.state, row.number, row.value) == ("active", 17, "11000")


def test_each_monitor_gets_its_own_verdict(talk):
    other = {**WATCH, "severity": 5, "in_transaction_only": True}
    talk.ask(Order.SET_MONITORS, monitors=[WATCH, other])
    info = {"reasonCode": "ValueTooHigh"}
    refused = result("Rejected", statusInfo=info)
    command = talk.answers({"setMonitoringResult": [{**result(id=4), "severity": 5}, refused]})
    assert command.state is CommandState.REJECTED
    assert command.sentence.startswith("1 of 2 monitors set.")
    assert [(row.state, row.number) for row in rows(talk)] == [("rejected", None), ("active", 4)]
    assert "ValueTooHigh" in rows(talk)[0].sentence


def test_an_order_that_comes_to_nothing_leaves_no_monitor_asked(talk):
    talk.ask(Order.SET_MONITORS, monitors=[WATCH])
    talk.fails(CommandState.TIMED_OUT)
    assert rows(talk)[0].state == "rejected"


def test_a_replaced_monitor_keeps_its_row(talk):
    watched(talk)
    talk.ask(Order.SET_MONITORS, monitors=[{**WATCH, "value": 12000, "number": 17}])
    assert talk.hears()[1]["setMonitoringData"][0]["id"] == 17
    assert rows(talk)[0].value == "11000", "until it is accepted"
    talk.answers({"setMonitoringResult": [result(id=17)]})
    assert [(row.number, row.value) for row in rows(talk)] == [(17, "12000")]


def test_messages_are_as_long_as_the_station_takes(talk):
    name = parse("MonitoringCtrlr/ItemsPerMessage.SetVariableMonitoring")
    device_model.take(talk.db, talk.station, [Told(name, "1")], now=talk.now)
    talk.ask(Order.SET_MONITORS, monitors=[WATCH, {**WATCH, "severity": 8}])
    assert len(talk.hears()[1]["setMonitoringData"]) == 1
    talk.answers({"setMonitoringResult": [result(id=1)]})
    assert talk.hears()[1]["setMonitoringData"][0]["severity"] == 8


def test_cleared_and_unknown_monitors_are_gone_and_refused_ones_stay(talk):
    watched(talk)
    talk.ask(Order.CLEAR_MONITORS, numbers="17, 18")
    assert talk.hears() == ("ClearVariableMonitoring", {"id": [17, 18]})
    results = [{"id": 17, "status": "Rejected"}, {"id": 18, "status": "NotFound"}]
    command = talk.answers({"clearMonitoringResult": results})
    assert command.state is CommandState.REJECTED
    assert rows(talk)[0].state == "active"
    talk.ask(Order.CLEAR_MONITORS, numbers=[17])
    talk.answers({"clearMonitoringResult": [{"id": 17, "status": "Accepted"}]})
    assert rows(talk)[0].state == "cleared"


def test_a_report_of_all_monitors_tells_which_are_gone(talk):
    watched(talk, 17)
    talk.later(minutes=1)
    talk.ask(Order.READ_MONITORS)
    number = talk.hears()[1]["requestId"]
    talk.answers({"status": "Accepted"})
    one = {"id": 3, "transaction": True, "value": 1, "type": "Delta", "severity": 6}
    if talk.version is Version.V21:
        one["eventNotificationType"] = "HardWiredMonitor"
    talk.says(
        "NotifyMonitoringReport",
        {
            "requestId": number,
            "seqNo": 0,
            "generatedAt": "2026-03-02T09:00:00Z",
            "monitor": [{**POWER, "variableMonitoring": [one]}],
        },
    )
    assert [(row.number, row.state) for row in rows(talk)] == [(17, "cleared"), (3, "active")]
    assert rows(talk)[1].in_transaction_only
    talk.later(minutes=1)
    talk.ask(Order.READ_MONITORS)
    talk.answers({"status": "EmptyResultSet"})
    assert {row.state for row in rows(talk)} == {"cleared"}


@pytest.mark.parametrize(
    ("order", "given", "heard"),
    [
        (
            Order.SET_MONITORING_BASE,
            {"base": "factory_default"},
            ("SetMonitoringBase", {"monitoringBase": "FactoryDefault"}),
        ),
        (Order.SET_MONITORING_LEVEL, {"severity": 4}, ("SetMonitoringLevel", {"severity": 4})),
    ],
)
def test_base_and_level_are_asked_for_plainly(talk, order, given, heard):
    talk.ask(order, **given)
    assert talk.hears() == heard
    assert talk.answers({"status": "Accepted"}).state is CommandState.ACCEPTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "Power"},
        {"kind": "sideways"},
        {"value": "much"},
        {"severity": 10},
        {"colour": "red"},
        {"key": ""},
    ],
)
def test_a_monitor_that_cannot_be_meant_is_refused(talk, wrong):
    with pytest.raises(Invalid):
        talk.ask(Order.SET_MONITORS, monitors=[{**WATCH, **wrong}])
    assert not rows(talk)


def test_an_event_has_the_severity_of_its_monitor_and_tells_the_value(talk):
    watched(talk, 17)
    device_model.take(talk.db, talk.station, [Told(parse("EVSE@1/Power"), "0")], now=talk.now)
    assert event(talk, variableMonitoringId=17, techCode="P1") == {}
    (row,) = rows(talk, DeviceEvent)
    assert (row.severity, row.trigger, row.origin) == (3, "alerting", "custom")
    assert (row.value, row.evse, row.tech_code) == ("12000", 1, "P1")
    assert rows(talk, StationVariable)[0].value == "12000"


def test_an_event_told_twice_is_one_event(talk):
    event(talk)
    event(talk)
    event(talk, at="2026-03-02T08:59:30Z")
    assert len(rows(talk, DeviceEvent)) == 2, "event ids begin anew after a boot"


def test_many_events_of_a_message_ask_the_database_no_more_often_than_one(talk):
    watched(talk)
    one = cost(talk.db, lambda: many(talk, 1, 1))
    assert cost(talk.db, lambda: many(talk, 2, 20)) <= one
    many(talk, 2, 21)  # all but the last were told before
    assert [row.number for row in rows(talk, DeviceEvent)] == [1, *range(2, 23)]
    assert {row.severity for row in rows(talk, DeviceEvent)} == {3}


def many(talk, first, count):
    """One message of so many events of a monitor."""
    at = "2026-03-02T08:59:00Z"
    data = {"timestamp": at, "trigger": "Alerting", "actualValue": "1", **POWER}
    data |= {"eventNotificationType": "CustomMonitor", "variableMonitoringId": 17}
    told = [data | {"eventId": number} for number in range(first, first + count)]
    return talk.says("NotifyEvent", {"generatedAt": at, "seqNo": 0, "eventData": told})


def test_the_end_of_the_trouble_clears_what_was_told_before(talk):
    event(talk, 1)
    event(talk, 2, at="2026-03-02T08:59:10Z", variable={"name": "Other"})
    event(talk, 3, at="2026-03-02T08:59:20Z", cleared=True)
    assert [row.cleared for row in rows(talk, DeviceEvent)] == [True, False, True]


def test_old_values_are_forgotten_before_old_alarms(talk):
    event(talk, 1)
    event(talk, 2, at="2026-03-02T08:59:10Z", trigger="Periodic")
    talk.db.commit()
    forget_rows(Settings(), now=talk.now + timedelta(days=40))
    assert [row.trigger for row in rows(talk, DeviceEvent)] == ["alerting"]
    forget_rows(Settings(), now=talk.now + timedelta(days=800))
    assert not rows(talk, DeviceEvent)


def opened(talk, stream=5, monitor=17):
    return talk.says(
        "OpenPeriodicEventStream",
        {
            "constantStreamData": {
                "id": stream,
                "variableMonitoringId": monitor,
                "params": {"interval": 10, "values": 2},
            }
        },
    )


def values(talk, stream=5):
    return talk.says(
        "NotifyPeriodicEventStream",
        {
            "id": stream,
            "pending": 0,
            "basetime": "2026-03-02T08:59:00Z",
            "data": [{"t": 0, "v": "1"}, {"t": 2.5, "v": "2"}],
        },
    )


def test_a_stream_brings_values_of_its_monitors_variable(streaming):
    watched(streaming, 17)
    name = parse("EVSE@1/Power")
    device_model.take(streaming.db, streaming.station, [Told(name, "0")], now=streaming.now)
    assert opened(streaming) == {"status": "Accepted"}
    assert (rows(streaming)[0].stream, rows(streaming)[0].stream_interval_s) == (5, 10)
    values(streaming)
    found = rows(streaming, DeviceEvent)
    assert [(row.value, row.component, row.monitor) for row in found] == [
        ("1", "EVSE", 17),
        ("2", "EVSE", 17),
    ]
    assert found[1].at - found[0].at == timedelta(seconds=2.5)
    assert rows(streaming, StationVariable)[0].value == "2"
    assert streaming.says("ClosePeriodicEventStream", {"id": 5}) == {}
    assert rows(streaming)[0].stream is None


def test_a_stream_of_an_unknown_monitor_is_kept_all_the_same(streaming):
    values(streaming, 9)
    assert {row.variable for row in rows(streaming, DeviceEvent)} == {"stream 9"}
    opened(streaming, 9, 44)
    assert [(row.number, row.stream) for row in rows(streaming)] == [(44, 9)]


def test_streams_are_read_and_adjusted(streaming):
    opened(streaming, 5, 17)
    streaming.ask(Order.ADJUST_EVENT_STREAM, stream=5, interval_s=60)
    assert streaming.hears()[1] == {"id": 5, "params": {"interval": 60}}
    streaming.answers({"status": "Accepted"})
    assert rows(streaming)[0].stream_interval_s == 60
    streaming.ask(Order.READ_EVENT_STREAMS)
    listed = {"id": 6, "variableMonitoringId": 18, "params": {"interval": 5}}
    streaming.answers({"constantStreamData": [listed]})
    assert [(row.number, row.stream) for row in rows(streaming)] == [(17, None), (18, 6)]
    streaming.ask(Order.READ_EVENT_STREAMS)
    streaming.answers({})
    assert {row.stream for row in rows(streaming)} == {None}


def test_the_newer_kinds_are_not_for_2_0_1(db, now):
    talk = Dialogue(db, now, Version.V201)
    with pytest.raises(Invalid, match="no such kind"):
        talk.ask(Order.SET_MONITORS, monitors=[{**WATCH, "kind": "target_delta"}])


def test_a_monitor_is_found_by_the_name_of_its_variable(talk):
    assert name_of(watched(talk)).text == "EVSE@1/Power"


@pytest.mark.parametrize(
    "odd",
    [
        {"component": {"name": "EVSE", "evse": {"id": -1}}, "variable": {"name": "Power"}},
        {"component": {"name": "EVSE", "evse": {"id": 2**40}}, "variable": {"name": "Power"}},
        {"component": {"name": "EVSE", "instance": "i" * 80}, "variable": {"name": "Power"}},
        {"component": {"name": ""}, "variable": {"name": ""}},
        {"component": {"name": "a/b@c:d"}, "variable": {"name": "x", "instance": "%"}},
    ],
)
def test_a_monitor_with_an_odd_name_is_kept_all_the_same(talk, odd):
    hard_wired = {"id": 5, "transaction": False, "value": 1, "type": "Delta", "severity": 7}
    body = {
        "requestId": 1,
        "seqNo": 0,
        "generatedAt": "2026-03-02T09:00:00Z",
        "monitor": [{**odd, "variableMonitoring": [hard_wired]}],
    }
    talk.says("NotifyMonitoringReport", body, odd=True)
    assert [(row.number, row.kind) for row in rows(talk)] == [(5, "delta")]
