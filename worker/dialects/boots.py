"""How a boot and a heartbeat are answered: the same members in every version."""

import random

from app.domain import reports
from app.domain.vocabulary import BootReport, Registration
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields, format_instant

#: Heartbeats of a fleet that booted at once spread by this share.
JITTER = 0.1

#: How a registration is spelled (1.6 section 7.44, 2.0.1 RegistrationStatusEnumType).
WORDS: dict[Registration, str] = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
    # A blocked station is turned away before it can boot; one that is blocked meanwhile hears no.
    Registration.BLOCKED: "Rejected",
}


def answer(report: BootReport, ctx: Context) -> Payload:
    """Take in who the station is; answer by its registration, with when it is to call again."""
    registration = reports.boot(ctx.db, ctx.station, report, now=ctx.now)
    accepted = registration is Registration.ACCEPTED
    interval = (
        int(ctx.quirks.get("heartbeat_s") or ctx.heartbeat_s) if accepted else ctx.boot_retry_s
    )
    return {
        "currentTime": format_instant(ctx.now),
        "interval": max(1, round(interval * random.uniform(1 - JITTER, 1 + JITTER))),
        "status": WORDS[registration],
    }


def heartbeat(call: Fields, ctx: Context) -> Payload:
    """Tell the time (1.6 section 4.6, 2.0.1 G02)."""
    del call
    return {"currentTime": format_instant(ctx.now)}
