"""Periodic event streams (OCPP 2.1 block N)."""

from datetime import timedelta
from decimal import Decimal

from app.domain.device import device_events
from app.domain.device.device_events import Stream
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields

#: A value later or earlier than its base by more than this (in seconds) has no usable time.
_FARTHEST_S = Decimal(10**7)


def stream_of(item: Fields) -> Stream:
    """A stream as a station describes it."""
    params = item.child("params")
    return Stream(
        number=item.integer("id", 0),
        monitor=item.integer("variableMonitoringId", 0),
        interval_s=params.integer("interval"),
        values=params.integer("values"),
    )


def open_stream(call: Fields, ctx: Context) -> Payload:
    """Let a station send the values of a monitor as a stream."""
    stream = stream_of(call.child("constantStreamData"))
    device_events.open_stream(ctx.db, ctx.station, stream, now=ctx.now)
    return {"status": "Accepted"}


def close_stream(call: Fields, ctx: Context) -> Payload:
    """Note that a stream has ended."""
    device_events.close_stream(ctx.db, ctx.station, call.integer("id", 0), now=ctx.now)
    return {}


def stream_event(call: Fields, ctx: Context) -> Payload:
    """Keep the values of a stream; each tells its time as seconds after a common one."""
    base, _ = ctx.instant(call, "basetime")
    values = []
    for item in call.list("data"):
        after = item.decimal("t", Decimal(0))
        after = after if abs(after) < _FARTHEST_S else Decimal(0)
        at = base + timedelta(seconds=float(after))
        values.append((at, str(item.raw("v") or "")))
    device_events.take_stream(ctx.db, ctx.station, call.integer("id", 0), values, now=ctx.now)
    return {}
