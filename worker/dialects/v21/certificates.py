"""Certificates (OCPP 2.1 block M): the status of a whole chain."""

from worker.dialects.context import Context, Payload
from worker.dialects.kept import keep
from worker.ocpp.fields import Fields, format_instant


def chain_status(call: Fields, ctx: Context) -> Payload:
    """Answer for each certificate asked about; without a source its status is a failure."""
    keep(call, ctx, "certificate_status")
    return {
        "certificateStatus": [
            {
                "certificateHashData": request.raw("certificateHashData"),
                "source": request.text("source", "OCSP"),
                "status": "Failed",
                "nextUpdate": format_instant(ctx.now),
            }
            for request in call.list("certificateStatusRequests")
        ]
    }
