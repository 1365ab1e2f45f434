"""Boot and heartbeat (OCPP 1.6 sections 4.2 and 4.6)."""

import random

from app.domain import reports
from app.domain.vocabulary import BootReport, Registration
from worker.dialects.context import Context, Payload
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields, format_instant

#: Heartbeats of a fleet that booted at once spread by this share.
JITTER = 0.1


def boot_notification(call: Fields, ctx: Context) -> Payload:
    """Take in who the station is; answer by its registration (section 4.2)."""
    answer = reports.boot(ctx.db, ctx.station, _report(call), now=ctx.now)
    accepted = answer is Registration.ACCEPTED
    interval = (
        int(ctx.quirks.get("heartbeat_s") or ctx.heartbeat_s) if accepted else ctx.boot_retry_s
    )
    return {
        "currentTime": format_instant(ctx.now),
        "interval": max(1, round(interval * random.uniform(1 - JITTER, 1 + JITTER))),
        "status": words.REGISTRATIONS[answer],
    }


def _report(call: Fields) -> BootReport:
    return BootReport(
        vendor=call.text("chargePointVendor"),
        model=call.text("chargePointModel"),
        serial=call.text("chargePointSerialNumber") or call.text("chargeBoxSerialNumber"),
        firmware=call.text("firmwareVersion"),
        iccid=call.text("iccid"),
        imsi=call.text("imsi"),
        meter_type=call.text("meterType"),
        meter_serial=call.text("meterSerialNumber"),
        raw=dict(call.payload),
    )


def heartbeat(call: Fields, ctx: Context) -> Payload:
    """Tell the time (section 4.6)."""
    del call
    return {"currentTime": format_instant(ctx.now)}
