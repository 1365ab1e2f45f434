"""What a station tells besides charging: firmware, diagnostics, security, certificates, vendors.

OCPP 1.6 sections 4.3 to 4.5 and the security whitepaper, sections 4 and 5.
"""

from collections.abc import Callable
from typing import Any

from app.domain.charging import reports
from app.domain.device import file_jobs
from app.domain.ground.vocabulary import FileJobKind
from app.domain.trust import certificates, security_events
from worker.dialects import file_words
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields


def _heard(kind: str, family: frozenset[FileJobKind]) -> Callable[[Fields, Context], Payload]:
    """Make a handler that passes on how a firmware or log job gets on."""

    def handle(call: Fields, ctx: Context) -> Payload:
        status = file_words.status_of(call, family, ctx.now)
        file_jobs.heard(ctx.db, ctx.station, status, kind=kind, now=ctx.now)
        return {}

    handle.__doc__ = f"Pass on how a job gets on; one that fits none is a report of {kind}."
    return handle


diagnostics_status = _heard("diagnostics", file_jobs.LOGS)
firmware_status = _heard("firmware", file_jobs.FIRMWARE)
log_status = _heard("log", file_jobs.LOGS)
signed_firmware_status = _heard("firmware", file_jobs.FIRMWARE)


def security_event(call: Fields, ctx: Context) -> Payload:
    """Keep a security event; grave ones alarm (whitepaper A04)."""
    at, _ = ctx.instant(call, "timestamp")
    kind = call.text("type", "")
    security_events.take(ctx.db, ctx.station, kind, dict(call.payload), at=at, now=ctx.now)
    return {}


def sign_certificate(call: Fields, ctx: Context) -> Payload:
    """Take in a signing request; the certificate follows by CertificateSigned (whitepaper A02)."""
    row = certificates.request_signature(
        ctx.db, ctx.station, call.text("csr", ""), "station", None, now=ctx.now
    )
    return {"status": "Rejected" if row.state == "rejected" else "Accepted"}


def data_transfer(call: Fields, ctx: Context) -> Payload:
    """Keep a vendor's message; no vendor is known yet, and that is the answer (section 4.3)."""
    payload: dict[str, Any] = dict(call.payload)
    reports.add(
        ctx.db,
        ctx.station,
        "data_transfer",
        call.text("vendorId", ""),
        payload,
        at=ctx.now,
        now=ctx.now,
    )
    return {"status": "UnknownVendorId"}
