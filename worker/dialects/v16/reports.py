"""What a station tells besides charging: firmware, diagnostics, security, certificates, vendors.

OCPP 1.6 sections 4.3 to 4.5 and the security whitepaper, sections 4 and 5.
"""

from collections.abc import Callable
from typing import Any

from app.domain import certificates, reports, security_events
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields


def _kept(kind: str, word: str) -> Callable[[Fields, Context], Payload]:
    """Make a handler that keeps a message as a report, headed by the member `word`."""

    def handle(call: Fields, ctx: Context) -> Payload:
        at, _ = ctx.instant(call, "timestamp")
        reports.add(
            ctx.db, ctx.station, kind, call.text(word, ""), dict(call.payload), at=at, now=ctx.now
        )
        return {}

    handle.__doc__ = f"Keep a report of the kind {kind}."
    return handle


diagnostics_status = _kept("diagnostics", "status")
firmware_status = _kept("firmware", "status")
log_status = _kept("log", "status")
signed_firmware_status = _kept("firmware", "status")


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
