"""How a boot and a heartbeat are answered: the same members in every version."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from app.domain.device import boots
from app.domain.device.boots import Booted
from app.domain.ground.vocabulary import BootReport, Registration
from worker.dialects.context import Context, Fact, Payload
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


def boot(read: Callable[[Fields], BootReport]) -> Fact:
    """The route of a version's BootNotification; `read` tells who the station says it is."""

    def booted(call: Fields, ctx: Context) -> Booted:
        return Booted(ctx.station, read(call), ctx.now)

    return Fact(booted, boots.boot_all, _answer)


def _answer(registration: Registration, ctx: Context) -> Payload:
    """Answer a boot by its registration, with when the station is to call again."""
    ctx.booted = registration
    accepted = registration is Registration.ACCEPTED
    interval = (
        int(ctx.quirks.get("heartbeat_s") or ctx.heartbeat_s) if accepted else ctx.boot_retry_s
    )
    return {
        "currentTime": format_instant(ctx.now),
        "interval": max(1, round(interval * random.uniform(1 - JITTER, 1 + JITTER))),
        "status": WORDS[registration],
    }


def _beat(call: Fields, ctx: Context) -> None:
    """A heartbeat tells nothing but that the station lives, which every message does."""


def _heard(db: Any, beats: Sequence[None]) -> Sequence[None]:
    return beats


def _time(beat: None, ctx: Context) -> Payload:
    """Tell the time (1.6 section 4.6, 2.0.1 G02)."""
    return {"currentTime": format_instant(ctx.now)}


heartbeat = Fact(_beat, _heard, _time)
