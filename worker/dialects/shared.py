"""How a boot and a heartbeat are answered: the same members in every version."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from app.domain.charging import reports
from app.domain.device import boots
from app.domain.device.boots import Booted
from app.domain.ground.vocabulary import BootReport, MeterReport, Registration, Sample
from worker.dialects.context import Context, Payload
from worker.dialects.records import Fact
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


# Handlers for messages that are kept as they came, shown, and answered: no operation follows.


def kept(
    kind: str, word: str = "", answer: Payload | None = None
) -> Callable[[Fields, Context], Payload]:
    """Make a handler that keeps a message as a report, headed by the member `word`."""

    def handle(call: Fields, ctx: Context) -> Payload:
        keep(call, ctx, kind, word)
        return dict(answer or {})

    handle.__doc__ = f"Keep a report of the kind {kind}."
    return handle


def keep(call: Fields, ctx: Context, kind: str, word: str = "") -> None:
    """Keep a message as a report of a kind; `word` names the member that heads it."""
    at, _ = ctx.instant(call, "timestamp")
    payload: Payload = dict(call.payload)
    headline = call.raw(word) if word else ""
    reports.add(ctx.db, ctx.station, kind, str(headline or ""), payload, at=at, now=ctx.now)


# Lists of meter readings, alike in every version but for their samples.


def reports_of(
    call: Fields,
    name: str,
    ctx: Context,
    samples_of: Callable[[Fields, Context], Iterable[Sample]],
) -> Iterator[MeterReport]:
    """The readings in a list of MeterValue; one without samples is noted and left out (FIELD M4).

    `samples_of` reads the version's sampled values in base units.
    """
    values = list(call.list(name))
    ctx.weigh_clock(values)
    for value in values:
        samples = tuple(samples_of(value, ctx))
        if not samples:
            ctx.deviate("empty_meter_value")
            continue
        before = len(ctx.deviations)
        at, replaced = ctx.instant(value, "timestamp")
        assumed = replaced or len(ctx.deviations) > before
        claimed_at = at + ctx.shift if ctx.shift and not replaced else None
        yield MeterReport(at, samples, assumed, claimed_at)
