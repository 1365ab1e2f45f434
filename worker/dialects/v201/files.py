"""Firmware, logs and customer information (OCPP 2.0.1 blocks L and N)."""

from app.domain.device import customer_information as customers
from app.domain.device import file_jobs
from worker.dialects import file_words
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields


def firmware_status(call: Fields, ctx: Context) -> Payload:
    """Pass on how an update gets on (L01, L02)."""
    status = file_words.status_of(call, file_jobs.FIRMWARE, ctx.now)
    file_jobs.heard(ctx.db, ctx.station, status, kind="firmware", now=ctx.now)
    return {}


def publish_status(call: Fields, ctx: Context) -> Payload:
    """Pass on how a local controller gets on with what it is to hand on (L03)."""
    places = ", ".join(call.texts("location"))
    note = f"Handed on at {places}." if places else ""
    status = file_words.status_of(call, file_jobs.PUBLISHED, ctx.now, note)
    file_jobs.heard(ctx.db, ctx.station, status, kind="firmware", now=ctx.now)
    return {}


def log_status(call: Fields, ctx: Context) -> Payload:
    """Pass on how an upload gets on (N01)."""
    status = file_words.status_of(call, file_jobs.LOGS, ctx.now)
    file_jobs.heard(ctx.db, ctx.station, status, kind="log", now=ctx.now)
    return {}


def customer_information(call: Fields, ctx: Context) -> Payload:
    """Pass on a part of what the station knows of a customer (N09)."""
    data = call.raw("data")
    customers.part(
        ctx.db,
        ctx.station,
        data if isinstance(data, str) else "",
        number=call.integer("seqNo", 0),
        last=not call.boolean("tbc", False),
        request_id=call.integer("requestId"),
        now=ctx.now,
    )
    return {}
