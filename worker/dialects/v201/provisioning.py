"""Boot and heartbeat (OCPP 2.0.1 blocks B01 to B03 and G02)."""

import random

from app.domain import reports
from app.domain.vocabulary import BootReport, Registration
from worker.dialects.context import Context, Payload
from worker.dialects.v201 import words
from worker.ocpp.fields import Fields, format_instant

#: Heartbeats of a fleet that booted at once spread by this share.
JITTER = 0.1


def boot_notification(call: Fields, ctx: Context) -> Payload:
    """Take in who the station is; answer by its registration (B01.FR.01)."""
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
    station = call.child("chargingStation")
    modem = station.child("modem")
    return BootReport(
        vendor=station.text("vendorName"),
        model=station.text("model"),
        serial=station.text("serialNumber"),
        firmware=station.text("firmwareVersion"),
        iccid=modem.text("iccid"),
        imsi=modem.text("imsi"),
        raw=dict(call.payload),
    )


def heartbeat(call: Fields, ctx: Context) -> Payload:
    """Tell the time (G02)."""
    del call
    return {"currentTime": format_instant(ctx.now)}
