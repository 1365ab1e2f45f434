"""Monitors and what they noticed (OCPP 2.0.1 block N)."""

from collections.abc import Iterator
from decimal import Decimal

from app.domain.device import device_events, monitors
from app.domain.device.device_events import Noticed
from app.domain.device.monitors import Monitor
from app.domain.device.variable_names import parse
from app.domain.ground.vocabulary import Arguments, CommandState, Order, Outcome
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Long, Route, without_blanks
from worker.dialects.v201 import device
from worker.dialects.v201.device import REPORT, REPORTED
from worker.ocpp.fields import Fields

KINDS = {
    "upper_threshold": "UpperThreshold",
    "lower_threshold": "LowerThreshold",
    "delta": "Delta",
    "periodic": "Periodic",
    "periodic_clock_aligned": "PeriodicClockAligned",
    "target_delta": "TargetDelta",
    "target_delta_relative": "TargetDeltaRelative",
}
READ_KINDS = {word: ours for ours, word in KINDS.items()}
#: Who made a monitor, or by what an event came.
ORIGINS = {
    "HardWiredNotification": "hard_wired",
    "HardWiredMonitor": "hard_wired",
    "PreconfiguredMonitor": "preconfigured",
    "CustomMonitor": "custom",
}


def monitoring_report(call: Fields, ctx: Context) -> Payload:
    """Take in one part of a report of monitors (N02)."""
    told = [one for item in call.list("monitor") for one in _monitors(item)]
    monitors.report_part(
        ctx.db,
        ctx.station,
        told,
        request_id=call.integer("requestId", 0),
        last=not call.boolean("tbc", False),
        now=ctx.now,
    )
    return {}


def _monitors(item: Fields) -> Iterator[Monitor]:
    name = device.read(item)
    for one in item.list("variableMonitoring"):
        yield Monitor(
            name,
            number=one.integer("id", 0),
            kind=READ_KINDS.get(one.text("type", ""), "upper_threshold"),
            value=str(one.raw("value")),
            severity=one.integer("severity", 9),
            in_transaction_only=one.boolean("transaction", False),
            set_by=ORIGINS.get(one.text("eventNotificationType", "")),
        )


def event(call: Fields, ctx: Context) -> Payload:
    """Keep what the station noticed (N07, N08)."""
    noticed = [_noticed(item, ctx) for item in call.list("eventData")]
    device_events.take(ctx.db, ctx.station, noticed, now=ctx.now)
    return {}


def _noticed(item: Fields, ctx: Context) -> Noticed:
    at, _ = ctx.instant(item, "timestamp")
    return Noticed(
        device.read(item, "Actual"),
        number=item.integer("eventId", 0),
        at=at,
        trigger=item.text("trigger", "").lower(),
        origin=ORIGINS.get(item.text("eventNotificationType", ""), "custom"),
        value=str(item.raw("actualValue") or ""),
        monitor=item.integer("variableMonitoringId"),
        severity=item.integer("severity"),
        cause=item.integer("cause"),
        cleared=item.boolean("cleared", False),
        tech_code=item.text("techCode"),
        tech_info=item.text("techInfo"),
        transaction_ref=item.text("transactionId"),
    )


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
        **device.written(parse(one["key"])),
    }


def answered(answer: Payload, arguments: Arguments) -> Outcome:
    """Read each monitor's result: its number, or why there is none (N04.FR.01)."""
    results, good, sentences = [], 0, []
    for item in Fields(answer).list("setMonitoringResult"):
        status, name = item.text("status", ""), device.read(item, "Actual")
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
            "componentVariable": [device.chosen(key) for key in arguments.get("keys", ())],
            "monitoringCriteria": [CRITERIA[word] for word in arguments.get("criteria", ())],
        }
    )


ROUTES: dict[str, Route] = {
    "NotifyEvent": Route(event, Long("eventData", 25, more="tbc"), spooled=True),
    "NotifyMonitoringReport": Route(
        monitoring_report,
        Long("monitor", 50, more="tbc"),
        asked_by=("GetMonitoringReport",),
        spooled=True,
    ),
}

ORDERS: dict[Order, Encoding] = {
    Order.SET_MONITORING_BASE: Encoding(
        "SetMonitoringBase", lambda given: {"monitoringBase": BASES[given["base"]]}
    ),
    Order.SET_MONITORING_LEVEL: Encoding(
        "SetMonitoringLevel", lambda given: {"severity": given["severity"]}
    ),
    Order.SET_MONITORS: Encoding(
        "SetVariableMonitoring",
        lambda given: {"setMonitoringData": [monitor(one) for one in given["monitors"]]},
        decode=answered,
    ),
    Order.CLEAR_MONITORS: Encoding(
        "ClearVariableMonitoring", lambda given: {"id": given["numbers"]}, decode=_cleared
    ),
    Order.READ_MONITORS: Encoding(
        "GetMonitoringReport",
        _read,
        REPORTED,
        REPORT,
        facts=lambda answer, given: {"none": answer.get("status") == "EmptyResultSet"},
    ),
}
