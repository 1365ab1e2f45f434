"""Monitors (OCPP 2.0.1 block N)."""

from decimal import Decimal

from app.domain.device.variable_names import parse
from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Payload, without_blanks
from worker.dialects.v201 import variables
from worker.dialects.v201.monitoring import KINDS, READ_KINDS
from worker.dialects.v201.orders.settings import REPORT, REPORTED
from worker.ocpp.fields import Fields

BASES = {"all": "All", "factory_default": "FactoryDefault", "hard_wired_only": "HardWiredOnly"}
CRITERIA = {
    "threshold": "ThresholdMonitoring",
    "delta": "DeltaMonitoring",
    "periodic": "PeriodicMonitoring",
}


def monitor(one: Arguments) -> Payload:
    """One monitor as the station gets it."""
    value = Decimal(one["value"])
    return {
        **without_blanks({"id": one.get("number")}),
        "transaction": one.get("in_transaction_only", False),
        "value": int(value) if value == value.to_integral_value() else float(value),
        "type": KINDS[one["kind"]],
        "severity": one["severity"],
        **variables.written(parse(one["key"])),
    }


def _set(arguments: Arguments) -> Payload:
    return {"setMonitoringData": [monitor(one) for one in arguments["monitors"]]}


def answered(answer: Payload, arguments: Arguments) -> Outcome:
    """Read each monitor's result: its number, or why there is none (N04.FR.01)."""
    results, good, sentences = [], 0, []
    for item in Fields(answer).list("setMonitoringResult"):
        status, name = item.text("status", ""), variables.read(item, "Actual")
        said = f"The charger answered {status}{_why(item)}."
        kind = READ_KINDS.get(item.text("type", ""), "")
        accepted = status == "Accepted"
        good += accepted
        sentences += [] if accepted else [f"{name.text}: {status}{_why(item)}."]
        found = (accepted, item.integer("id"), "" if accepted else said)
        results.append((name, kind, item.integer("severity", 9), *found))
    state = CommandState.REJECTED if sentences or not good else CommandState.ACCEPTED
    head = f"{good} of {len(arguments['monitors'])} monitors set."
    return Outcome(state, answer, " ".join([head, *sentences]), {"results": results})


def _why(item: Fields) -> str:
    info = item.child("statusInfo")
    parts = [part for part in (info.text("reasonCode"), info.text("additionalInfo")) if part]
    return f" ({', '.join(parts)})" if parts else ""


def _cleared(answer: Payload, arguments: Arguments) -> Outcome:
    cleared, refused = [], []
    for item in Fields(answer).list("clearMonitoringResult"):
        number, status = item.integer("id", 0), item.text("status", "")
        gone = status in ("Accepted", "NotFound")
        said = "" if status == "Accepted" else f"The charger answered {status}{_why(item)}."
        cleared.append((number, gone, said))
        refused += [] if gone else [f"Monitor {number}: {status}{_why(item)}."]
    state = CommandState.REJECTED if refused or not cleared else CommandState.ACCEPTED
    head = f"{len(cleared) - len(refused)} of {len(arguments['numbers'])} monitors cleared."
    return Outcome(state, answer, " ".join([head, *refused]), {"cleared": cleared})


def _read(arguments: Arguments) -> Payload:
    return without_blanks(
        {
            "requestId": arguments["request_id"],
            "componentVariable": [variables.chosen(key) for key in arguments.get("keys", ())],
            "monitoringCriteria": [CRITERIA[word] for word in arguments.get("criteria", ())],
        }
    )


ORDERS: dict[Order, Encoding] = {
    Order.SET_MONITORING_BASE: Encoding(
        "SetMonitoringBase", lambda given: {"monitoringBase": BASES[given["base"]]}
    ),
    Order.SET_MONITORING_LEVEL: Encoding(
        "SetMonitoringLevel", lambda given: {"severity": given["severity"]}
    ),
    Order.SET_MONITORS: Encoding("SetVariableMonitoring", _set, decode=answered),
    Order.CLEAR_MONITORS: Encoding(
        "ClearVariableMonitoring", lambda given: {"id": given["numbers"]}, decode=_cleared
    ),
    Order.READ_MONITORS: Encoding("GetMonitoringReport", _read, REPORTED, REPORT),
}
