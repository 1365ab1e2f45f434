"""Settings: read page by page, changed, read back, and watched for drift."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.device import device_model, settings
from app.domain.device.variable_names import parse, plain
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.domain.ground.vocabulary.standard import STANDARD_KEYS
from app.models import Command, StationVariable
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture
def old(db, now):
    """A station of OCPP 1.6."""
    return Dialogue(db, now, Version.V16)


@pytest.fixture(params=[Version.V201, Version.V21], ids=lambda version: version.value)
def new(db, now, request):
    """A station of OCPP 2.x."""
    return Dialogue(db, now, request.param)


def holding(*pairs, **more):
    return {"configurationKey": [{"key": k, "readonly": False, "value": v} for k, v in pairs]}


def stored(talk, text):
    return device_model.find(talk.db, talk.station, device_model.named(talk.station, text))


def boot(talk):
    talk.later(minutes=5)
    talk.connect()
    vendor = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    if talk.version is Version.V16:
        return talk.says("BootNotification", vendor)
    station = {"chargingStation": {"vendorName": "Acme", "model": "One"}, "reason": "PowerUp"}
    return talk.says("BootNotification", station)


def variable(component, name, status="Accepted", **more):
    return {
        "attributeStatus": status,
        "component": {"name": component},
        "variable": {"name": name},
        **more,
    }


def test_what_is_read_is_stored_whatever_its_form(old):
    old.ask(Order.READ_SETTINGS)
    assert old.hears() == ("GetConfiguration", {})
    old.answers(
        {
            "configurationkey": [
                {"key": "HeartbeatInterval", "readonly": "false", "value": 300},
                {"key": "NumberOfConnectors", "readonly": "True", "value": "2"},
                {"key": "LocalPreAuthorize", "value": True},
                {"readonly": True},
                "nonsense",
            ],
            "unknownKey": "Foo",
        }
    )
    assert stored(old, "heartbeatinterval").value == "300"
    assert stored(old, "HeartbeatInterval").writable is True
    assert stored(old, "NumberOfConnectors").writable is False
    assert stored(old, "LocalPreAuthorize").value == "true"
    assert not old.waiting()


def test_getconfig_paging(old):
    """A list is asked for in pages of the station's own size (FIELD R11)."""
    old.ask(Order.READ_SETTINGS)
    old.answers(holding(("GetConfigurationMaxKeys", "2")))
    old.ask(Order.READ_SETTINGS, keys=["A", "B", "C", "D", "E"])
    heard = []
    while old.waiting():
        keys = old.hears()[1]["key"]
        heard.append(keys)
        old.answers(holding(*((key, key.lower()) for key in keys)))
    assert heard == [["A", "B"], ["C", "D"], ["E"]]
    assert stored(old, "E").value == "e"


@pytest.mark.parametrize("end", [CommandState.FAILED, CommandState.TIMED_OUT])
def test_what_fails_at_once_is_asked_for_by_a_list(old, end):
    old.ask(Order.READ_SETTINGS)
    old.fails(end)
    assert old.hears()[1] == {"key": ["GetConfigurationMaxKeys"]}, "first: how many at once?"
    old.answers(holding(("GetConfigurationMaxKeys", "10")))
    heard = []
    while old.waiting():
        keys = old.hears()[1]["key"]
        assert len(keys) <= 10
        heard += keys
        old.answers({**holding((keys[0], "1")), "unknownKey": keys[1:]})
    assert set(heard) == set(STANDARD_KEYS) - {"GetConfigurationMaxKeys"}


def test_an_answer_cut_at_the_stations_limit_is_completed(old):
    old.ask(Order.READ_SETTINGS, keys=["GetConfigurationMaxKeys"])
    old.answers(holding(("GetConfigurationMaxKeys", "3")))
    old.ask(Order.READ_SETTINGS)
    old.answers(holding(("GetConfigurationMaxKeys", "3"), ("HeartbeatInterval", "60"), ("X", "y")))
    assert len(old.hears()[1]["key"]) == 3
    assert "HeartbeatInterval" not in old.hears()[1]["key"]


def test_an_accepted_change_is_read_back_and_is_no_drift(old):
    old.ask(Order.CHANGE_SETTING, key="HeartbeatInterval", value="60")
    old.answers({"status": "Accepted"})
    assert stored(old, "HeartbeatInterval").wanted == "60"
    assert not settings.drifted(stored(old, "HeartbeatInterval")), "nobody knows yet"
    old.later(seconds=1)
    assert old.hears() == ("GetConfiguration", {"key": ["HeartbeatInterval"]})
    old.answers(holding(("HeartbeatInterval", "60")))
    assert not settings.drifted(stored(old, "HeartbeatInterval"))
    assert not old.waiting(), "reading back asks for nothing more"


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_a_refused_change_is_not_wanted(old, status):
    old.ask(Order.CHANGE_SETTING, key="HeartbeatInterval", value="60")
    old.answers({"status": status})
    assert stored(old, "HeartbeatInterval") is None
    assert not old.waiting()


def test_config_drift(old):
    """Accepted, but not kept over the restart (FIELD K6)."""
    old.ask(Order.CHANGE_SETTING, key="LocalPreAuthorize", value="true")
    old.answers({"status": "RebootRequired"})
    row = stored(old, "LocalPreAuthorize")
    assert row.reboot_required
    assert not settings.drifted(row), "it takes effect later"
    assert not old.waiting(), "there is nothing to read back yet"
    boot(old)
    assert old.hears() == ("GetConfiguration", {"key": ["LocalPreAuthorize"]})
    old.answers(holding(("LocalPreAuthorize", "false")))
    assert settings.drifted(stored(old, "LocalPreAuthorize"))
    boot(old)
    assert not old.waiting(), "once is enough"
    settings.keep_reported(old.db, SYSTEM, stored(old, "LocalPreAuthorize"), now=old.now)
    assert not settings.drifted(stored(old, "LocalPreAuthorize"))


def test_a_read_back_that_cannot_be_asked_for_waits_for_the_next_boot(old):
    old.ask(Order.CHANGE_SETTING, key="LocalPreAuthorize", value="true")
    old.answers({"status": "RebootRequired"})
    settings.after_boot(old.db, old.station, now=old.now + timedelta(hours=1))
    assert not old.waiting(), "its worker beats no more"
    assert stored(old, "LocalPreAuthorize").reboot_required
    boot(old)
    assert old.waiting()


def test_a_station_that_restarts_when_read_is_never_read_back(old):
    old.station.quirks = {"no_get_configuration": True}
    old.ask(Order.CHANGE_SETTING, key="HeartbeatInterval", value="60")
    old.answers({"status": "Accepted"})
    assert not old.waiting()


def test_secrets_are_neither_stored_nor_read_back(old):
    old.ask(Order.CHANGE_SETTING, key="WifiPassword", value="canary")
    old.answers({"status": "Accepted"})
    assert not old.waiting()
    old.ask(Order.READ_SETTINGS)
    old.answers(holding(("AuthorizationKey", "canary"), ("WifiPassword", "canary")))
    rows = old.db.scalars(select(StationVariable)).all()
    assert len(rows) == 2
    assert "canary" not in str([(row.value, row.wanted) for row in rows])
    assert "canary" not in str([c.arguments for c in old.db.scalars(select(Command))])


@pytest.mark.parametrize(("key", "value"), [("x" * 51, "1"), ("A", "x" * 501)])
def test_what_cannot_work_is_said_before_it_is_sent(old, key, value):
    with pytest.raises(Invalid):
        old.ask(Order.CHANGE_SETTING, key=key, value=value)


def test_whether_a_setting_may_be_changed_is_for_the_station_to_say(old):
    """It is told read-only by some that take it (FIELD R10)."""
    old.ask(Order.READ_SETTINGS)
    old.answers({"configurationKey": [{"key": "NumberOfConnectors", "readonly": True}]})
    old.ask(Order.CHANGE_SETTING, key="NumberOfConnectors", value="3")
    assert old.hears()[0] == "ChangeConfiguration"


def test_several_settings_go_one_by_one_over_1_6(old):
    old.ask(Order.CHANGE_SETTING, settings={"A": "1", "B": "2"})
    assert old.hears() == ("ChangeConfiguration", {"key": "A", "value": "1"})
    old.answers({"status": "Rejected"})
    assert old.hears() == ("ChangeConfiguration", {"key": "B", "value": "2"})


def test_all_at_once_is_a_report_over_2_x(new):
    new.ask(Order.READ_SETTINGS)
    action, payload = new.hears()
    assert (action, payload["reportBase"]) == ("GetBaseReport", "ConfigurationInventory")


def test_variables_are_read_with_their_verdicts(new):
    new.ask(Order.READ_SETTINGS, keys=["ClockCtrlr/TimeZone", "ClockCtrlr/Moon", "X/Y"])
    assert new.hears()[1]["getVariableData"][0] == {
        "component": {"name": "ClockCtrlr"},
        "variable": {"name": "TimeZone"},
    }
    command = new.answers(
        {
            "getVariableResult": [
                variable("ClockCtrlr", "TimeZone", attributeValue="UTC"),
                variable("ClockCtrlr", "Moon", "UnknownVariable"),
                variable("X", "Y", "Rejected"),
            ]
        }
    )
    assert command.state is CommandState.ACCEPTED
    assert command.sentence == "Settings: 1 read, 1 unknown, 1 refused."
    assert stored(new, "ClockCtrlr/TimeZone").value == "UTC"


def test_mixed_results_are_told_apart(new):
    new.ask(
        Order.CHANGE_SETTING,
        settings={"ClockCtrlr/TimeZone": "UTC", "ClockCtrlr/Moon": "1", "OCPPCommCtrlr/X": "5"},
    )
    assert len(new.hears()[1]["setVariableData"]) == 3
    command = new.answers(
        {
            "setVariableResult": [
                variable("OCPPCommCtrlr", "X", "RebootRequired"),
                variable("ClockCtrlr", "Moon", "UnknownVariable"),
                variable("CLOCKCTRLR", "TimeZone"),
            ]
        }
    )
    assert command.state is CommandState.REJECTED
    assert "2 of 3" in command.sentence
    assert "ClockCtrlr/Moon: UnknownVariable" in command.sentence
    assert stored(new, "ClockCtrlr/TimeZone").wanted == "UTC"
    assert stored(new, "OCPPCommCtrlr/X").reboot_required
    assert stored(new, "ClockCtrlr/Moon") is None
    assert [name["variable"]["name"] for name in new.hears()[1]["getVariableData"]] == ["TimeZone"]


def test_messages_are_as_long_as_the_station_takes(new):
    name = parse("DeviceDataCtrlr/ItemsPerMessage.GetVariables")
    new.now = new.now
    device_model.take(new.db, new.station, [device_model.Told(name, "2")], now=new.now)
    new.ask(Order.READ_SETTINGS, keys=["A/1", "A/2", "A/3"])
    assert len(new.hears()[1]["getVariableData"]) == 2
    new.fails()
    assert [one["variable"]["name"] for one in new.hears()[1]["getVariableData"]] == ["3"]


def test_a_key_without_its_component_is_refused_over_2_x(new):
    with pytest.raises(Invalid, match="lacks its component"):
        new.ask(Order.CHANGE_SETTING, key="TimeZone", value="UTC")


def test_a_plain_key_is_no_variable_of_another_version(old):
    device_model.take(old.db, old.station, [device_model.Told(plain("a/b"), "1")], now=old.now)
    assert stored(old, "a/b").component == ""
