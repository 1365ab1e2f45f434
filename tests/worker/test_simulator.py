"""Simulated charge points: whole sessions, commands, bad networks, plausible time and energy."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace

import pytest

from tests.support.ocpp_port import OcppPort
from tests.support.simulated import FAST, QUIET, answer_of, ask, stations
from tests.support.wait import eventually
from worker.ocpp import schemas
from worker.ocpp.events import Refused
from worker.ocpp.fields import read_instant
from worker.ocpp.refusals import Reason
from worker.ocpp.versions import Version
from worker.simulator import Fleet, Hardware, Scenario
from worker.simulator.scenario import Clock


@dataclass
class Central:
    """A central system that says yes; it checks every payload against its schema."""

    tags: dict[str, str] = field(default_factory=dict)
    boots: list[str] = field(default_factory=lambda: ["Accepted"])
    silent: set[str] = field(default_factory=set)
    said: list[tuple[str, dict]] = field(default_factory=list)
    next_id: int = 100

    def __call__(self, link, call):
        assert schemas.violation(Version.V16, call.action, "call", call.payload) is None
        self.said.append((call.action, call.payload))
        if call.action in self.silent:
            return None
        status = self.tags.get(call.payload.get("idTag"), "Accepted")
        answers = {
            "BootNotification": lambda: {
                "status": self.boots.pop(0) if len(self.boots) > 1 else self.boots[0],
                "currentTime": "2026-03-02T09:00:00Z",
                "interval": 1,
            },
            "Heartbeat": lambda: {"currentTime": "2026-03-02T09:00:00Z"},
            "Authorize": lambda: {"idTagInfo": {"status": status}},
            "StartTransaction": lambda: self.start(status),
        }
        return link.answer(call, answers.get(call.action, dict)())

    def start(self, status):
        self.next_id += 1
        return {"transactionId": self.next_id, "idTagInfo": {"status": status}}

    def all(self, action):
        return [payload for said, payload in list(self.said) if said == action]

    def statuses(self, connector=1):
        found = self.all("StatusNotification")
        return [each["status"] for each in found if each["connectorId"] == connector]


@pytest.fixture
def port():
    with OcppPort() as running:
        running.desk.handler = Central()
        yield running


@pytest.fixture
def central(port):
    return port.desk.handler


@pytest.fixture
def station(port):
    """Starts stations in the server's thread and stops them at the end."""
    with stations(port) as start:
        yield start


def asked(port, action, payload):
    return answer_of(port, action, payload, Version.V16)


def test_a_whole_session_is_played(port, central, station):
    cp = station(FAST)
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    (start,) = central.all("StartTransaction")
    readings = central.all("MeterValues")
    eventually(lambda: central.statuses()[-1] == "Available" and len(central.statuses()) > 2)

    assert port.gate.requests[0].identity == "SIM-1"
    assert port.gate.requests[0].credentials.candidates[0] == b"secret"
    assert central.all("BootNotification")[0]["chargePointVendor"] == "Ampdesk"
    assert central.all("Authorize") == [{"idTag": "04A2B3C4"}]
    assert stop["transactionId"] == 101
    assert {reading["transactionId"] for reading in readings} == {101}
    assert 3000 <= stop["meterStop"] - start["meterStart"] < 3400
    assert {"Preparing", "Charging", "Finishing"} <= set(central.statuses())
    assert cp.connectors[0].finished


def test_a_station_that_lost_its_power_tells_how_its_session_ended(port, central, station):
    cp = station(replace(QUIET, lives=("charging",), first_pause_s=0.0))
    (start,) = eventually(lambda: central.all("StartTransaction"))
    eventually(lambda: not cp.outbox and cp.connectors[0].session.transaction_id)
    port.within(cp.stop)
    *_, (action, stop) = port.within(cp.unsent)
    assert (action, stop["reason"], stop["transactionId"]) == ("StopTransaction", "PowerLoss", 101)
    assert stop["meterStop"] >= start["meterStart"]
    assert not central.all("StopTransaction")
    back = station(QUIET)
    port.within(lambda: back.send_again([(action, stop)]))
    assert eventually(lambda: central.all("StopTransaction")) == [stop]


def test_time_and_energy_agree_and_never_lie_in_the_future(central, station):
    station(FAST)
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    (start,) = central.all("StartTransaction")
    points = [(start["timestamp"], start["meterStart"])]
    for reading in central.all("MeterValues"):
        (value,) = reading["meterValue"]
        points.append((value["timestamp"], float(value["sampledValue"][0]["value"])))
    points.append((stop["timestamp"], stop["meterStop"]))

    times = [read_instant(text).at.timestamp() for text, _ in points]
    registers = [register for _, register in points]
    assert len(points) > 10
    assert times == sorted(times)
    assert registers[:-1] == sorted(registers[:-1])
    assert times[-1] <= time.time()
    hours = (times[-1] - times[0]) / 3600
    assert 0.5 * 11_000 * hours <= registers[-1] - registers[0] <= 1.05 * 11_000 * hours


def test_a_car_that_is_full_stays_plugged_in(central, station):
    station(replace(FAST, lives=("idle_after_full",), idle_s=900))
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    assert stop["reason"] == "EVDisconnected"
    assert "SuspendedEV" in central.statuses()
    last = [
        float(each["meterValue"][0]["sampledValue"][1]["value"])
        for each in central.all("MeterValues")
    ][-3:]
    assert last == [0, 0, 0]


def test_a_blocked_tag_does_not_charge(central, station):
    central.tags["04A2B3C4"] = "Blocked"
    station(FAST)
    eventually(lambda: "Preparing" in central.statuses() and central.statuses()[-1] == "Available")
    assert central.all("StartTransaction") == []


def test_a_tag_refused_at_the_start_ends_the_session(port, central, station):
    central.tags["BAD"] = "Invalid"
    station()
    eventually(lambda: "Available" in central.statuses())
    assert asked(port, "RemoteStartTransaction", {"idTag": "BAD"}) == {"status": "Accepted"}
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    assert stop["reason"] == "DeAuthorized"


def test_a_faulted_connector_says_so_and_serves_nobody(port, central, station):
    station(replace(QUIET, lives=("faulted", "quiet")), hardware=Hardware(connectors=2))
    eventually(lambda: central.statuses(2) == ["Available"])
    assert central.statuses(1) == ["Faulted"]
    start = {"idTag": "A", "connectorId": 1}
    assert asked(port, "RemoteStartTransaction", start) == {"status": "Rejected"}


def test_a_station_that_is_not_accepted_boots_again(central, station):
    central.boots = ["Pending", "Rejected", "Accepted"]
    station()
    eventually(lambda: central.statuses())
    assert [action for action, _ in central.said[:3]] == ["BootNotification"] * 3


def test_remote_start_and_stop(port, central, station):
    station()
    eventually(lambda: "Available" in central.statuses())
    assert asked(port, "RemoteStartTransaction", {"idTag": "X"})["status"] == "Accepted"
    eventually(lambda: central.all("MeterValues"))
    assert asked(port, "RemoteStartTransaction", {"idTag": "Y"})["status"] == "Rejected"
    assert asked(port, "RemoteStopTransaction", {"transactionId": 9})["status"] == "Rejected"
    assert asked(port, "RemoteStopTransaction", {"transactionId": 101})["status"] == "Accepted"
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    assert (stop["reason"], stop["transactionId"]) == ("Remote", 101)
    assert central.all("StartTransaction")[0]["idTag"] == "X"
    assert central.all("Authorize") == []


def test_reset_ends_the_session_and_boots_again(port, central, station):
    cp = station()
    eventually(lambda: "Available" in central.statuses())
    asked(port, "RemoteStartTransaction", {"idTag": "X"})
    eventually(lambda: central.all("StartTransaction") and cp.connectors[0].session)
    assert asked(port, "Reset", {"type": "Soft"})["status"] == "Accepted"
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    assert stop["reason"] == "SoftReset"
    assert len(central.all("BootNotification")) == 2


def test_unlocking_ends_the_session(port, central, station):
    station()
    eventually(lambda: "Available" in central.statuses())
    assert asked(port, "UnlockConnector", {"connectorId": 7})["status"] == "NotSupported"
    asked(port, "RemoteStartTransaction", {"idTag": "X"})
    eventually(lambda: central.all("StartTransaction"))
    assert asked(port, "UnlockConnector", {"connectorId": 1})["status"] == "Unlocked"
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    assert stop["reason"] == "UnlockCommand"


def test_a_connector_is_closed_and_opened(port, central, station):
    station()
    eventually(lambda: "Available" in central.statuses())
    closed = {"connectorId": 0, "type": "Inoperative"}
    assert asked(port, "ChangeAvailability", closed)["status"] == "Accepted"
    eventually(lambda: central.statuses()[-1] == "Unavailable")
    assert asked(port, "RemoteStartTransaction", {"idTag": "X"})["status"] == "Rejected"
    asked(port, "ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    eventually(lambda: central.statuses()[-1] == "Available")
    assert asked(port, "ChangeAvailability", {**closed, "connectorId": 9})["status"] == "Rejected"


def test_closing_waits_for_the_session_to_end(port, central, station):
    station()
    eventually(lambda: "Available" in central.statuses())
    asked(port, "RemoteStartTransaction", {"idTag": "X"})
    eventually(lambda: central.all("StartTransaction"))
    closed = {"connectorId": 1, "type": "Inoperative"}
    assert asked(port, "ChangeAvailability", closed)["status"] == "Scheduled"
    asked(port, "RemoteStopTransaction", {"transactionId": 101})
    eventually(lambda: central.statuses()[-1] == "Unavailable")


def test_configuration_is_read_and_changed(port, station):
    station()
    eventually(lambda: port.desk.handler.statuses())
    keys = asked(port, "GetConfiguration", {})["configurationKey"]
    assert {"key": "NumberOfConnectors", "readonly": True, "value": "1"} in keys
    assert "AuthorizationKey" not in {each["key"] for each in keys}
    some = asked(port, "GetConfiguration", {"key": ["HeartbeatInterval", "Colour"]})
    assert some["unknownKey"] == ["Colour"]

    def change(key, value):
        return asked(port, "ChangeConfiguration", {"key": key, "value": value})["status"]

    assert change("MeterValueSampleInterval", "30") == "Accepted"
    assert change("MeterValueSampleInterval", "soon") == "Rejected"
    assert change("NumberOfConnectors", "2") == "Rejected"
    assert change("Colour", "red") == "NotSupported"
    assert change("LocalPreAuthorize", "true") == "RebootRequired"


def test_a_new_password_is_used_at_the_next_connection(port, central, station):
    cp = station()
    eventually(lambda: central.statuses())
    change = {"key": "AuthorizationKey", "value": "0001ff"}
    assert asked(port, "ChangeConfiguration", change)["status"] == "Accepted"
    port.within(cp.disconnect)
    second = eventually(lambda: len(port.gate.requests) > 1 and port.gate.requests[1])
    assert second.credentials.candidates[0] == b"\x00\x01\xff"


@pytest.mark.parametrize(
    "wanted", ["BootNotification", "Heartbeat", "StatusNotification", "MeterValues"]
)
def test_messages_are_triggered(port, central, station, wanted):
    station()
    eventually(lambda: central.statuses())
    before = len(central.all(wanted))
    assert asked(port, "TriggerMessage", {"requestedMessage": wanted})["status"] == "Accepted"
    eventually(lambda: len(central.all(wanted)) > before)


def test_other_commands_are_answered_too(port, central, station):
    station()
    eventually(lambda: central.statuses())
    assert asked(port, "ClearCache", {})["status"] == "Accepted"
    assert asked(port, "DataTransfer", {"vendorId": "Other"})["status"] == "UnknownVendorId"
    known = asked(port, "DataTransfer", {"vendorId": "Ampdesk", "data": "hi"})
    assert known == {"status": "Accepted", "data": "hi"}
    trigger = {"requestedMessage": "FirmwareStatusNotification"}
    assert asked(port, "TriggerMessage", trigger)["status"] == "NotImplemented"
    refused = ask(port, "GetLocalListVersion", {})
    assert isinstance(refused, Refused)
    assert refused.code == "NotSupported"


def test_charging_profiles_are_kept_obeyed_summed_up_and_cleared(port, central, station):
    cp = station()
    eventually(lambda: central.statuses())
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0, "numberPhases": 3}],
    }
    profile = {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    wanted = {"connectorId": 1, "csChargingProfiles": profile}
    assert asked(port, "SetChargingProfile", wanted)["status"] == "Accepted"
    high = {**wanted, "csChargingProfiles": {**profile, "stackLevel": 99}}
    assert asked(port, "SetChargingProfile", high)["status"] == "Rejected"
    told = asked(port, "GetCompositeSchedule", {"connectorId": 1, "duration": 600})
    assert told["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 10.0}]
    asked(port, "RemoteStartTransaction", {"idTag": "X"})
    eventually(lambda: central.all("StartTransaction"))
    eventually(lambda: 0 < cp.connectors[0].meter.power_w <= 6900)
    assert asked(port, "ClearChargingProfile", {"id": 7})["status"] == "Accepted"
    assert asked(port, "ClearChargingProfile", {"id": 7})["status"] == "Unknown"
    refused = asked(port, "GetCompositeSchedule", {"connectorId": 9, "duration": 600})
    assert refused["status"] == "Rejected"


def test_what_happens_off_line_is_told_later_and_in_order(port, central, station):
    cp = station()
    eventually(lambda: "Available" in central.statuses())
    asked(port, "RemoteStartTransaction", {"idTag": "X"})
    eventually(lambda: central.all("StartTransaction"))
    port.gate.answers["SIM-1"] = Reason.WRONG_PASSWORD
    port.within(cp.disconnect)
    eventually(lambda: cp.refusal)
    port.within(lambda: cp.connectors[0].stop("Local"))
    eventually(lambda: cp.outbox and cp.outbox[-1].action == "StopTransaction")
    assert not central.all("StopTransaction")
    port.gate.answers.clear()
    (stop,) = eventually(lambda: central.all("StopTransaction"))
    assert stop["transactionId"] == 101
    assert len(central.all("BootNotification")) == 1
    transaction = [action for action, _ in central.said if action.endswith("Transaction")]
    assert transaction == ["StartTransaction", "StopTransaction"]


def test_a_start_that_was_never_answered_is_sent_again(port, central, station):
    central.silent = {"StartTransaction"}
    cp = station()
    eventually(lambda: "Available" in central.statuses())
    asked(port, "RemoteStartTransaction", {"idTag": "X"})
    eventually(lambda: central.all("StartTransaction"))
    central.silent = set()
    port.within(cp.disconnect)
    first, second = eventually(
        lambda: len(central.all("StartTransaction")) == 2 and central.all("StartTransaction"),
    )
    assert first == second


def test_a_refused_handshake_is_known_and_tried_again(port, central, station):
    port.gate.answers["SIM-1"] = Reason.WRONG_PASSWORD
    cp = station()
    refusal = eventually(lambda: cp.refusal)
    assert (refusal.status, refusal.body) == (401, "wrong_password")
    port.gate.answers.clear()
    eventually(lambda: central.statuses())
    assert cp.refusal is None


def test_a_fleet_is_many_stations(port, central):
    url = f"ws://127.0.0.1:{port.port}/ocpp"
    fleet = Fleet([Scenario(url, f"SIM-{n}", behaviour=QUIET) for n in range(20)])
    port.within(lambda: fleet.start(gap_s=0.001))
    eventually(lambda: fleet.connected == 20)
    port.within(fleet.stop)
    eventually(lambda: not port.server.links)


@pytest.mark.landing
def test_the_command_line_plays_a_session(port, central):
    url = f"ws://127.0.0.1:{port.port}/ocpp"
    words = f"--url {url} --identity CLI --password pw --tag T1 --sessions 1 --speed 3600"
    command = [sys.executable, "-m", "worker.simulator", *words.split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            (stop,) = eventually(lambda: central.all("StopTransaction"))
        finally:
            process.terminate()
        output = process.communicate(timeout=60)[1]
    assert stop["idTag"] == "T1"
    assert "CLI connector 1: Charging" in output
    assert process.returncode == 0


def test_a_hurrying_clock_catches_up_and_stays():
    clock = Clock(speed=1000, backlog_s=100)
    assert clock.now() < time.time() - 99
    clock.begin()
    eventually(lambda: clock.now() > time.time() - 0.01)
    assert clock.now() <= time.time()
    began = clock.now()
    wait_s = clock.wait_s(began + 10)
    assert 10 - (clock.now() - began) <= wait_s <= 10


def test_waiting_follows_the_hurrying_clock():
    clock = Clock(speed=3600, backlog_s=7200)
    assert 0.5 < clock.wait_s(clock.now() + 3600) < 1.1
    assert json.dumps(clock.instant().isoformat()).endswith('+00:00"')
