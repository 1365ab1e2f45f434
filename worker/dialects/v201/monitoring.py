"""Monitors and what they noticed (OCPP 2.0.1 block N)."""

from collections.abc import Iterator

from app.domain.device import device_events, monitors
from app.domain.device.device_events import Noticed
from app.domain.device.monitors import Monitor
from worker.dialects.context import Context, Payload
from worker.dialects.v201 import variables
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
    name = variables.read(item)
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
        variables.read(item, "Actual"),
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
