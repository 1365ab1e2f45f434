"""Simulated charging stations of 2.0.1 and 2.1: whole sessions, orders, their device model."""

from dataclasses import dataclass, field, replace

import pytest

from tests.support.ocpp_port import OcppPort
from tests.support.simulated import FAST, QUIET, answer_of, ask, stations
from tests.support.wait import eventually
from worker.ocpp import schemas
from worker.ocpp.events import Refused
from worker.ocpp.fields import read_instant
from worker.ocpp.versions import Version

VERSIONS = pytest.mark.parametrize("version", [Version.V201, Version.V21], indirect=True)
CLOCK = {"currentTime": "2026-03-02T09:00:00Z"}


@dataclass
class Central:
    """A central system that says yes but to the tag BAD; it holds every payload to its schema."""

    version: Version
    said: list[tuple[str, dict]] = field(default_factory=list)

    def __call__(self, link, call):
        assert schemas.violation(self.version, call.action, "call", call.payload) is None
        self.said.append((call.action, call.payload))
        token = call.payload.get("idToken", {}).get("idToken")
        status = {"idTokenInfo": {"status": "Invalid" if token == "BAD" else "Accepted"}}
        answers = {
            "BootNotification": {**CLOCK, "status": "Accepted", "interval": 60},
            "Heartbeat": CLOCK,
            "Authorize": status,
            "TransactionEvent": status if token else {},
        }
        return link.answer(call, answers.get(call.action, {}))

    def all(self, action):
        return [payload for said, payload in list(self.said) if said == action]

    def events(self, kind=None):
        return [each for each in self.all("TransactionEvent") if kind in (None, each["eventType"])]

    def statuses(self):
        return [each["connectorStatus"] for each in self.all("StatusNotification")]


@pytest.fixture
def version(request):
    return request.param


@pytest.fixture
def port(version):
    with OcppPort() as running:
        running.desk.handler = Central(version)
        yield running


@pytest.fixture
def central(port):
    return port.desk.handler


@pytest.fixture
def station(port, version):
    with stations(port) as start:
        yield lambda behaviour=QUIET: start(behaviour, version=version)


@pytest.fixture
def asked(port, version):
    return lambda action, payload: answer_of(port, action, payload, version)


def started(central):
    eventually(lambda: "Available" in central.statuses())


def start(asked, tag="X"):
    token = {"idToken": tag, "type": "ISO14443"}
    return asked("RequestStartTransaction", {"remoteStartId": 7, "idToken": token})


def register(event):
    (value,) = event["meterValue"]
    (found,) = [
        sample["value"]
        for sample in value["sampledValue"]
        if sample["measurand"] == "Energy.Active.Import.Register"
    ]
    return found


@VERSIONS
def test_a_whole_session_is_played(central, station):
    cp = station(replace(FAST, lives=("idle_after_full",), idle_s=900))
    (end,) = eventually(lambda: central.events("Ended"))
    events = central.events()
    eventually(lambda: len(central.statuses()) > 2 and central.statuses()[-1] == "Available")

    assert central.all("BootNotification")[0]["reason"] == "PowerUp"
    assert central.all("Authorize") == [{"idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}}]
    assert central.statuses() == ["Available", "Occupied", "Available"]
    assert [each["seqNo"] for each in events] == list(range(len(events)))
    assert len({each["transactionInfo"]["transactionId"] for each in events}) == 1
    times = [read_instant(each["timestamp"]).at for each in events]
    registers = [register(each) for each in events]
    assert (times, registers) == (sorted(times), sorted(registers))
    assert 3000 <= registers[-1] - registers[0] < 3400
    states = [each["transactionInfo"].get("chargingState") for each in events]
    assert (states[0], states[-1]) == ("Charging", "EVConnected")
    assert "SuspendedEV" in states
    assert (end["triggerReason"], end["transactionInfo"]["stoppedReason"]) == (
        "EVDeparted",
        "EVDisconnected",
    )
    assert eventually(lambda: cp.connectors[0].finished)


@VERSIONS
def test_it_is_started_watched_and_stopped_from_afar(central, station, asked):
    station()
    started(central)
    assert start(asked) == {"status": "Accepted"}
    (begun,) = eventually(lambda: central.events("Started"))
    info = begun["transactionInfo"]
    assert (begun["triggerReason"], info["remoteStartId"]) == ("RemoteStart", 7)
    assert start(asked, "Y") == {"status": "Rejected"}
    unlock = {"evseId": 1, "connectorId": 1}
    assert asked("UnlockConnector", unlock) == {"status": "OngoingAuthorizedTransaction"}
    running = {"transactionId": info["transactionId"]}
    assert asked("GetTransactionStatus", running)["ongoingIndicator"] is True
    assert asked("RequestStopTransaction", {"transactionId": "other"}) == {"status": "Rejected"}
    assert asked("RequestStopTransaction", running) == {"status": "Accepted"}
    (end,) = eventually(lambda: central.events("Ended"))
    assert (end["triggerReason"], end["transactionInfo"]["stoppedReason"]) == (
        "RemoteStop",
        "Remote",
    )
    assert asked("GetTransactionStatus", running)["ongoingIndicator"] is False
    eventually(lambda: asked("UnlockConnector", unlock) == {"status": "Unlocked"})


@VERSIONS
def test_a_tag_refused_at_the_start_ends_the_session(central, station, asked):
    station()
    started(central)
    start(asked, "BAD")
    (end,) = eventually(lambda: central.events("Ended"))
    assert end["transactionInfo"]["stoppedReason"] == "DeAuthorized"


@VERSIONS
def test_a_reset_when_idle_waits_for_the_session(central, station, asked):
    station()
    started(central)
    start(asked)
    (begun,) = eventually(lambda: central.events("Started"))
    assert asked("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    assert len(central.all("BootNotification")) == 1
    asked("RequestStopTransaction", {"transactionId": begun["transactionInfo"]["transactionId"]})
    eventually(lambda: len(central.all("BootNotification")) == 2)
    assert central.all("BootNotification")[1]["reason"] == "RemoteReset"
    assert central.events("Ended")[0]["transactionInfo"]["stoppedReason"] == "Remote"


@VERSIONS
def test_its_variables_are_reported_read_and_set(port, central, station, asked):
    cp = station()
    started(central)
    assert asked("GetBaseReport", {"requestId": 5, "reportBase": "FullInventory"}) == {
        "status": "Accepted"
    }
    (report,) = eventually(lambda: central.all("NotifyReport"))
    assert report["requestId"] == 5
    names = {
        (row["component"]["name"], row["variable"]["name"]): row for row in report["reportData"]
    }
    assert names["EVSE", "Power"]["component"]["evse"] == {"id": 1}
    (password,) = names["SecurityCtrlr", "BasicAuthPassword"]["variableAttribute"]
    assert password == {"type": "Actual", "mutability": "WriteOnly"}

    def variable(component, name):
        return {"component": {"name": component}, "variable": {"name": name}}

    def set_to(component, name, value):
        wanted = {**variable(component, name), "attributeValue": value}
        (result,) = asked("SetVariables", {"setVariableData": [wanted]})["setVariableResult"]
        return result["attributeStatus"]

    assert set_to("SampledDataCtrlr", "TxUpdatedInterval", "30") == "Accepted"
    assert set_to("SampledDataCtrlr", "TxUpdatedInterval", "soon") == "Rejected"
    assert set_to("SampledDataCtrlr", "Colour", "red") == "UnknownVariable"
    assert set_to("Garden", "Colour", "red") == "UnknownComponent"
    assert set_to("SmartChargingCtrlr", "ProfileStackLevel", "9") == "Rejected"
    assert set_to("SecurityCtrlr", "BasicAuthPassword", "another secret") == "Accepted"
    wanted = [
        variable("SampledDataCtrlr", "TxUpdatedInterval"),
        variable("SecurityCtrlr", "BasicAuthPassword"),
    ]
    interval, secret = asked("GetVariables", {"getVariableData": wanted})["getVariableResult"]
    assert (interval["attributeStatus"], interval["attributeValue"]) == ("Accepted", "30")
    assert secret["attributeStatus"] == "Rejected"
    port.within(cp.disconnect)
    second = eventually(lambda: len(port.gate.requests) > 1 and port.gate.requests[1])
    assert second.credentials.candidates[0] == b"another secret"


@VERSIONS
def test_charging_profiles_are_kept_obeyed_summed_up_and_cleared(central, station, asked):
    cp = station()
    started(central)
    profile = {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargingStationMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": "2026-01-01T00:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000.0}],
            }
        ],
    }
    assert asked("SetChargingProfile", {"evseId": 0, "chargingProfile": profile}) == {
        "status": "Accepted"
    }
    schedule = asked(
        "GetCompositeSchedule", {"evseId": 1, "duration": 600, "chargingRateUnit": "W"}
    )
    assert schedule["schedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 5000.0}]
    start(asked)
    eventually(lambda: 0 < cp.connectors[0].meter.power_w <= 5000)
    wanted = {"chargingProfilePurpose": "ChargingStationMaxProfile"}
    criteria = {"chargingProfileCriteria": wanted}
    assert asked("ClearChargingProfile", criteria) == {"status": "Accepted"}
    assert asked("ClearChargingProfile", criteria) == {"status": "Unknown"}


@VERSIONS
def test_other_orders_are_answered_too(port, central, station, asked):
    station()
    started(central)
    for wanted in ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues"):
        before = len(central.all(wanted))
        assert asked("TriggerMessage", {"requestedMessage": wanted}) == {"status": "Accepted"}
        eventually(lambda said=wanted, count=before: len(central.all(said)) > count)
    closed = {"operationalStatus": "Inoperative", "evse": {"id": 1}}
    assert asked("ChangeAvailability", closed) == {"status": "Accepted"}
    eventually(lambda: central.statuses()[-1] == "Unavailable")
    assert start(asked) == {"status": "Rejected"}
    assert asked("ClearCache", {}) == {"status": "Accepted"}
    refused = ask(port, "GetLocalListVersion", {})
    assert isinstance(refused, Refused)
    assert refused.code == "NotImplemented"
