"""The device model of a simulated 2.x station: its configuration by the names of 2.x (B05-B07)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.ocpp.fields import Fields, format_instant
from worker.ocpp.frames import Payload
from worker.simulator.commands import Response, answer
from worker.simulator.configuration import READ_ONLY, SECONDS, WRITE_ONLY

if TYPE_CHECKING:
    from worker.simulator.chargepoint import ChargePoint


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a component; `key` is the one of 1.6 whose value it shows."""

    component: str
    name: str
    key: str
    instance: str = ""


VARIABLES = (
    Variable("AlignedDataCtrlr", "Interval", "ClockAlignedDataInterval"),
    Variable("AuthCtrlr", "AuthorizeRemoteStart", "AuthorizeRemoteTxRequests"),
    Variable("AuthCtrlr", "LocalAuthorizeOffline", "LocalAuthorizeOffline"),
    Variable("AuthCtrlr", "LocalPreAuthorize", "LocalPreAuthorize"),
    Variable("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "AllowOfflineTxForUnknownId"),
    Variable("OCPPCommCtrlr", "HeartbeatInterval", "HeartbeatInterval"),
    Variable(
        *("OCPPCommCtrlr", "MessageAttempts", "TransactionMessageAttempts", "TransactionEvent")
    ),
    Variable(
        *("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionMessageRetryInterval"),
        "TransactionEvent",
    ),
    Variable("OCPPCommCtrlr", "ResetRetries", "ResetRetries"),
    Variable("OCPPCommCtrlr", "WebSocketPingInterval", "WebSocketPingInterval"),
    Variable("SampledDataCtrlr", "TxUpdatedInterval", "MeterValueSampleInterval"),
    Variable("SampledDataCtrlr", "TxUpdatedMeasurands", "MeterValuesSampledData"),
    Variable("SecurityCtrlr", "BasicAuthPassword", "AuthorizationKey"),
    Variable("SmartChargingCtrlr", "PeriodsPerSchedule", "ChargingScheduleMaxPeriods"),
    Variable("SmartChargingCtrlr", "ProfileStackLevel", "ChargeProfileMaxStackLevel"),
    Variable("SmartChargingCtrlr", "RateUnit", "ChargingScheduleAllowedChargingRateUnit"),
    Variable("TxCtrlr", "EVConnectionTimeOut", "ConnectionTimeOut"),
    Variable("TxCtrlr", "StopTxOnEVSideDisconnect", "StopTransactionOnEVSideDisconnect"),
    Variable("TxCtrlr", "StopTxOnInvalidId", "StopTransactionOnInvalidId"),
)
_NAMED = {(each.component, each.name, each.instance): each for each in VARIABLES}
_COMPONENTS = {each.component for each in VARIABLES}
#: What ChangeConfiguration of 1.6 calls otherwise.
_STATUSES = {"NotSupported": "UnknownVariable"}


def _find(asked: Fields) -> Variable | str:
    """The variable that is asked for, or the status that says why there is none."""
    component, variable = asked.child("component"), asked.child("variable")
    name = component.text("name", default="")
    if name not in _COMPONENTS:
        return "UnknownComponent"
    instance = variable.text("instance", default="")
    found = _NAMED.get((name, variable.text("name", default=""), instance))
    return found or "UnknownVariable"


def _result(asked: Fields, status: str) -> Payload:
    return {
        "attributeStatus": status,
        "component": asked.raw("component"),
        "variable": asked.raw("variable"),
    }


def get_variables(station: "ChargePoint", fields: Fields) -> Response:
    results = []
    for asked in fields.list("getVariableData"):
        found = _find(asked)
        if isinstance(found, str):
            results.append(_result(asked, found))
        elif asked.text("attributeType", "Actual") != "Actual":
            results.append(_result(asked, "NotSupportedAttributeType"))
        elif found.key in WRITE_ONLY:
            results.append(_result(asked, "Rejected"))
        else:
            value = station.configuration.values[found.key]
            results.append({**_result(asked, "Accepted"), "attributeValue": value})
    return Response({"getVariableResult": results})


def set_variables(station: "ChargePoint", fields: Fields) -> Response:
    results = []
    for asked in fields.list("setVariableData"):
        found, value = _find(asked), asked.text("attributeValue", default="")
        if isinstance(found, str):
            results.append(_result(asked, found))
            continue
        status = station.configuration.change(found.key, value)
        if found.key in WRITE_ONLY and status == "Accepted":
            station.password = value
        results.append(_result(asked, _STATUSES.get(status, status)))
    return Response({"setVariableResult": results})


def get_base_report(station: "ChargePoint", fields: Fields) -> Response:
    request_id = fields.integer("requestId")

    def report() -> None:
        about = {"requestId": request_id, "generatedAt": format_instant(station.clock.instant())}
        rows = list(_report(station))
        station.try_call("NotifyReport", {**about, "seqNo": 0, "tbc": False, "reportData": rows})

    return answer("Accepted", report)


def _report(station: "ChargePoint") -> Iterator[Payload]:
    values = station.configuration.values
    for each in VARIABLES:
        variable = {"name": each.name, **({"instance": each.instance} if each.instance else {})}
        value = values.get(each.key, "")
        attribute: dict[str, Any] = {"type": "Actual", "mutability": "ReadWrite", "value": value}
        if each.key in WRITE_ONLY:
            attribute = {"type": "Actual", "mutability": "WriteOnly"}
        elif each.key in READ_ONLY:
            attribute["mutability"] = "ReadOnly"
        yield _row({"name": each.component}, variable, attribute, _data_type(each.key, value))
    power = {"type": "Actual", "mutability": "ReadOnly", "value": "0"}
    most_w = station.scenario.hardware.max_power_w
    for connector in station.connectors:
        component = {"name": "EVSE", "evse": {"id": connector.number}}
        value = f"{connector.meter.power_w:.0f}"
        limits = {"dataType": "decimal", "unit": "W", "maxLimit": most_w}
        yield _row(component, {"name": "Power"}, {**power, "value": value}, limits)


def _row(component: Payload, variable: Payload, attribute: Payload, kind: Payload) -> Payload:
    return {
        "component": component,
        "variable": variable,
        "variableAttribute": [attribute],
        "variableCharacteristics": {**kind, "supportsMonitoring": False},
    }


def _data_type(key: str, value: str) -> Payload:
    if key in SECONDS:
        return {"dataType": "integer", "unit": "s", "minLimit": SECONDS[key]}
    if value in ("true", "false"):
        return {"dataType": "boolean"}
    if value.isdecimal():
        return {"dataType": "integer"}
    return {"dataType": "MemberList" if "," in value else "string"}
