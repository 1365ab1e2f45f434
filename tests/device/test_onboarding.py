"""Onboarding: what is sent by ourselves after a boot, one step after the other, and only once."""

import pytest

from app.domain.device import onboarding
from app.domain.device.variable_names import number
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM, CommandState, Registration
from app.domain.ground.vocabulary.standard import abilities
from app.models import AuditEntry, Deviation
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture
def talk(db, now):
    return Dialogue(db, now, Version.V16)


@pytest.fixture
def new(db, now):
    return Dialogue(db, now, Version.V201, "CP-8")


def wish(talk, **given):
    onboarding.change(talk.db, SYSTEM, talk.station, given, now=talk.now)


def boot(talk, firmware="1.0", after=None):
    talk.later(**(after or {"minutes": 30}))
    talk.connect()
    if talk.version is Version.V16:
        vendor = {"chargePointVendor": "Acme", "chargePointModel": "One"}
        return talk.says("BootNotification", {**vendor, "firmwareVersion": firmware})
    station = {"vendorName": "Acme", "model": "One", "firmwareVersion": firmware}
    return talk.says("BootNotification", {"chargingStation": station, "reason": "PowerUp"})


def holding(**values):
    return {
        "configurationKey": [
            {"key": key, "readonly": False, "value": value} for key, value in values.items()
        ]
    }


def test_nothing_is_sent_unless_it_is_asked_for(talk, new):
    for one in (talk, new):
        boot(one)
        assert not one.waiting()


def test_onboarding_not_repeated(talk):
    """Minimal, one at a time, only what differs, remembered: no reconnect repeats it (FIELD B4)."""
    wish(talk, read=True, settings={"HeartbeatInterval": "60", "Blink": "3"}, triggers=["status"])
    boot(talk)
    assert talk.hears() == ("GetConfiguration", {})
    assert len(talk.waiting()) == 1, "one at a time"
    talk.later(seconds=1)
    talk.answers(holding(HeartbeatInterval="300", Blink="3"))
    assert talk.hears() == ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"})
    talk.answers({"status": "Accepted"})
    assert talk.hears()[0] == "GetConfiguration", "it is read back"
    talk.later(seconds=1)
    talk.answers(holding(HeartbeatInterval="60"))
    assert talk.hears() == ("TriggerMessage", {"requestedMessage": "StatusNotification"})
    talk.answers({"status": "Accepted"})
    assert not talk.waiting()
    talk.connect()
    assert not talk.waiting(), "a reconnect brings nothing"
    boot(talk)
    assert talk.hears() == ("GetConfiguration", {"key": ["HeartbeatInterval", "Blink"]})
    talk.later(seconds=1)
    talk.answers(holding(HeartbeatInterval="60", Blink="3"))
    assert talk.hears()[0] == "TriggerMessage", "the boot has lost nothing"
    talk.answers({"status": "Accepted"})
    assert not talk.waiting()


def test_what_a_reboot_lost_is_written_again(talk):
    wish(talk, settings={"HeartbeatInterval": "60"})
    for _ in range(2):
        boot(talk)
        assert talk.hears() == ("GetConfiguration", {"key": ["HeartbeatInterval"]})
        talk.later(seconds=1)
        talk.answers(holding(HeartbeatInterval="300"))
        assert talk.hears() == ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"})
        talk.answers({"status": "Accepted"})
        talk.later(seconds=1)
        talk.answers(holding(HeartbeatInterval="60"))
        assert not talk.waiting()


def test_a_station_that_boots_over_a_setting_is_not_kept_booting(talk):
    """Some reboot when they are written to, and forget what was written (FIELD B4)."""
    wish(talk, settings={"MeterValuesSampledData": "all"})
    written = 0
    for _ in range(12):
        boot(talk, after={"minutes": 11})
        while talk.waiting():
            written += talk.hears()[0] == "ChangeConfiguration"
            accepted = {"status": "Accepted"}
            talk.later(seconds=1)
            talk.answers(holding(MeterValuesSampledData="") | accepted)
    assert written <= 8
    boot(talk, after={"minutes": 1})
    assert not talk.waiting(), "nor read at each of many boots"


def test_a_refused_setting_is_written_once_per_firmware(talk):
    wish(talk, settings={"HeartbeatInterval": "60"})
    boot(talk)
    talk.answers(holding(HeartbeatInterval="300"))
    talk.answers({"status": "Rejected"})
    boot(talk)
    talk.later(seconds=1)
    talk.answers(holding(HeartbeatInterval="300"))
    assert not talk.waiting()
    boot(talk, firmware="1.1")
    talk.later(seconds=1)
    talk.answers(holding(HeartbeatInterval="300"))
    assert talk.hears()[0] == "ChangeConfiguration", "new firmware may have learnt it"


def test_onboarding_defaults(talk, new):
    """What is proposed makes stations patient: enough attempts, and not too often (FIELD 4)."""
    for one in (talk, new):
        proposed = onboarding.proposed(one.station)
        assert onboarding.validated({"settings": proposed}) == {"settings": dict(proposed)}
        attempts = next(value for key, value in proposed.items() if "Attempts" in key)
        assert onboarding.value_for(attempts, "3") == "10"
        assert onboarding.value_for(attempts, "50") is None
    keys = abilities("ocpp1.6").proposed
    assert set(keys) >= {"TransactionMessageAttempts", "WebSocketPingInterval"}
    wish(talk, settings=onboarding.proposed(talk.station))
    boot(talk)
    assert sorted(talk.hears()[1]["key"]) == sorted(keys)
    talk.answers(
        holding(
            TransactionMessageAttempts="3",
            TransactionMessageRetryInterval="60",
            MeterValueSampleInterval="900",
        )
    )
    written = {}
    while talk.waiting():
        action, payload = talk.hears()
        talk.later(seconds=1)
        if action == "ChangeConfiguration":
            written[payload["key"]] = payload["value"]
            talk.answers({"status": "Accepted"})
        else:
            talk.answers(holding(**{key: written[key] for key in payload["key"]}))
    assert written == {"TransactionMessageAttempts": "10", "MeterValueSampleInterval": "300"}


@pytest.mark.parametrize(
    ("wanted", "known", "write"),
    [
        *((">=10", "9", "10"), (">=10", "10", None), (">=10", "x", "10"), (">=10", None, "10")),
        *(("60..300", "30", "60"), ("60..300", "301", "300"), ("60..300", "60", None)),
        *(("a,b", "A, B", None), ("a", "b", "a"), ("60", "60.0", None)),
    ],
)
def test_a_bound_takes_all_that_lies_within(wanted, known, write):
    assert onboarding.value_for(wanted, known) == write
    assert number("60") == 60


def test_what_is_read_only_or_unknown_is_not_written(talk):
    wish(talk, settings={"A": "1", "B": "1"})
    boot(talk)
    talk.answers({"configurationKey": [{"key": "A", "readonly": True, "value": "0"}],
                  "unknownKey": ["B"]})  # fmt: skip
    assert not talk.waiting()


def test_a_station_that_may_not_be_read_is_written_to_once(talk):
    talk.station.quirks = {"no_get_configuration": True}
    wish(talk, read=True, settings={"A": ">=5"})
    boot(talk)
    assert talk.hears() == ("ChangeConfiguration", {"key": "A", "value": "5"})
    talk.answers({"status": "Accepted"})
    boot(talk)
    assert not talk.waiting()


def test_a_step_without_an_answer_is_tried_at_three_boots(talk):
    wish(talk, settings={"A": "1"})
    for _ in range(3):
        boot(talk)
        assert talk.hears()[0] == "GetConfiguration"
        talk.fails(CommandState.TIMED_OUT)
        assert not talk.waiting()
    boot(talk)
    assert not talk.waiting()


def test_a_station_that_reconnects_in_a_loop_is_left_in_peace(talk):
    wish(talk, read=True, triggers=["status"])
    tag = {"first_at": talk.now, "last_at": talk.now, "station_id": talk.station.id}
    talk.db.add(Deviation(code="reconnect_loop", **tag))
    boot(talk)
    assert not talk.waiting()
    boot(talk)
    boot(talk)
    assert talk.waiting(), "an hour later it is trusted again"


@pytest.mark.parametrize("answer", [Registration.PENDING, Registration.REJECTED])
def test_a_station_that_was_not_accepted_gets_nothing(talk, answer):
    talk.station.registration = answer
    wish(talk, read=True)
    boot(talk)
    assert not talk.waiting()


def test_messages_are_not_asked_for_at_every_boot_of_a_restless_station(talk):
    wish(talk, triggers=["heartbeat"])
    boot(talk)
    talk.answers({"status": "Accepted"})
    vendor = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    for _ in range(3):
        talk.later(seconds=10)
        talk.says("BootNotification", vendor)
        assert not talk.waiting()


def test_a_new_station_tells_its_whole_device_model(new):
    wish(new, read=True, settings={"ClockCtrlr/TimeZone": "UTC"})
    boot(new)
    assert new.hears()[1]["reportBase"] == "FullInventory"
    new.answers({"status": "Accepted"})
    assert new.hears()[0] == "GetVariables"
    part = {"component": {"name": "ClockCtrlr"}, "variable": {"name": "TimeZone"}}
    result = {**part, "attributeStatus": "Accepted", "attributeValue": "UTC"}
    new.answers({"getVariableResult": [result]})
    assert not new.waiting()


def test_trigger_boot_once(talk):
    """A station that never booted is asked for it once, if onboarding says so (FIELD B2)."""
    talk.later(seconds=30)
    assert onboarding.ask_for_boots(talk.db, now=talk.now) == 0
    wish(talk, ask_boot=True)
    assert onboarding.ask_for_boots(talk.db, now=talk.now) == 1
    assert talk.hears() == ("TriggerMessage", {"requestedMessage": "BootNotification"})
    talk.answers({"status": "Rejected"})
    talk.later(minutes=5)
    assert onboarding.ask_for_boots(talk.db, now=talk.now) == 0, "not again after a no"


def test_a_station_that_restarts_when_asked_to_boot_is_not_asked(talk):
    wish(talk, ask_boot=True)
    talk.station.quirks = {"no_trigger_boot": True}
    talk.later(seconds=30)
    assert onboarding.ask_for_boots(talk.db, now=talk.now) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"reset": True},
        {"triggers": ["boot"]},
        {"settings": {"AuthorizationKey": "x"}},
        {"settings": {"": "x"}},
        {"settings": {f"K{n}": "1" for n in range(101)}},
    ],
)
def test_what_cannot_be_meant_is_refused(given):
    with pytest.raises(Invalid):
        onboarding.validated(given)


def test_who_changed_it_is_in_the_audit(talk):
    wish(talk, read=True)
    entry = talk.db.query(AuditEntry).filter_by(action="station.onboarding").one()
    assert entry.after["onboarding"] == {"read": True}


def _back(station, **after):
    wish(station, triggers=["status"])
    boot(station)
    station.answers({"status": "Accepted"})
    station.later(minutes=20)
    station.connect()
    station.later(**after)


def test_a_plug_not_heard_of_since_a_reconnect_is_asked_about_once(talk):
    """Each plug once in a connection, one after the other (FIELD S5)."""
    _back(talk, seconds=3)
    assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 0, "it may still tell by itself"
    talk.later(seconds=6)
    for plug in (1, 2):
        assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 1
        assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 0, "one at a time"
        asked = {"requestedMessage": "StatusNotification", "connectorId": plug}
        assert talk.hears() == ("TriggerMessage", asked)
        talk.answers({"status": "Accepted"})
    assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 0, "never twice in a connection"


def test_a_plug_that_told_its_status_is_not_asked_about(talk):
    _back(talk, seconds=10)
    for plug in talk.station.connectors:
        plug.stale = False
    assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 0


def test_statuses_are_only_asked_for_where_onboarding_says_so(talk):
    _back(talk, seconds=10)
    wish(talk)
    assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 0


def test_a_station_in_a_reconnect_loop_is_never_asked_for_statuses(talk):
    _back(talk, seconds=10)
    tag = {"first_at": talk.now, "last_at": talk.now, "station_id": talk.station.id}
    talk.db.add(Deviation(code="reconnect_loop", **tag))
    talk.db.flush()
    assert onboarding.ask_for_statuses(talk.db, now=talk.now) == 0
