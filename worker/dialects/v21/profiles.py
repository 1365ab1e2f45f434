"""Charging profiles, dynamic schedules and distributed energy (OCPP 2.1 blocks K and R)."""

from collections.abc import Iterator
from typing import Any

from app.domain.limits import der, dynamic_profiles
from worker.dialects.context import Context, Payload
from worker.dialects.rates import rate
from worker.dialects.v21 import der as wire
from worker.dialects.v21.charging_profile import RATES, WORDS
from worker.dialects.v201 import profiles as v201
from worker.ocpp.fields import Fields

ANSWERS = {**v201.ANSWERS, "no_profile": "NoChargingProfile"}

#: the members of a report -> the member of each item that holds its document, and its kind
_REPORTED: dict[str, tuple[str, str]] = {
    "curve": ("curve", ""),
    "enterService": ("enterService", "enter_service"),
    "fixedPFAbsorb": ("fixedPF", "fixed_pf_absorb"),
    "fixedPFInject": ("fixedPF", "fixed_pf_inject"),
    "fixedVar": ("fixedVar", "fixed_var"),
    "freqDroop": ("freqDroop", "freq_droop"),
    "gradient": ("gradient", "gradients"),
    "limitMaxDischarge": ("limitMaxDischarge", "limit_max_discharge"),
}


def report_profiles(call: Fields, ctx: Context) -> Payload:
    """Pass on a part of the profiles that a station holds (K09)."""
    return v201.report_profiles(call, ctx, WORDS)


def charging_limit(call: Fields, ctx: Context) -> Payload:
    """Pass on a limit that someone else set at the station (K12)."""
    return v201.charging_limit(call, ctx, WORDS)


def charging_needs(call: Fields, ctx: Context) -> Payload:
    """Pass on what a car needs; the plan follows as an order (K15)."""
    return v201.charging_needs(call, ctx, ANSWERS)


def charging_schedule(call: Fields, ctx: Context) -> Payload:
    """Pass on what a car will do; what exceeds our plan is refused (K15.FR.12)."""
    return v201.charging_schedule(call, ctx, WORDS)


def priority_charging(call: Fields, ctx: Context) -> Payload:
    """Pass on that a session got priority at the station, or lost it (K22)."""
    ctx.session_id = dynamic_profiles.priority_told(
        *(ctx.db, ctx.station, call.text("transactionId", "")),
        bool(call.boolean("activated", False)),
        now=ctx.now,
    )
    return {}


def pull_schedule(call: Fields, ctx: Context) -> Payload:
    """Give a station the newest values of a dynamic profile (K28)."""
    number = call.integer("chargingProfileId", 0)
    update = dynamic_profiles.asked_for(ctx.db, ctx.station, number)
    if update is None:
        return {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidProfile"}}
    names = {"limit": "limit", **RATES}
    values = {names[name]: rate(value) for name, value in update.items()}
    return {"status": "Accepted", "scheduleUpdate": values}


def der_alarm(call: Fields, ctx: Context) -> Payload:
    """Pass on an alarm of the grid protection, or its end (R05)."""
    at, _ = ctx.instant(call, "timestamp")
    word = call.text("controlType", "")
    der.alarm(
        *(ctx.db, ctx.station, wire.KIND_OF.get(word, word), call.text("gridEventFault")),
        bool(call.boolean("alarmEnded", False)),
        call.text("extraInfo"),
        at=at,
        now=ctx.now,
    )
    return {}


def der_start_stop(call: Fields, ctx: Context) -> Payload:
    """Pass on that a control came into force or ended (R04.FR.20)."""
    at, _ = ctx.instant(call, "timestamp")
    der.started_or_stopped(
        *(ctx.db, ctx.station, call.text("controlId", "")),
        bool(call.boolean("started", False)),
        call.texts("supersededIds"),
        at=at,
        now=ctx.now,
    )
    return {}


def der_report(call: Fields, ctx: Context) -> Payload:
    """Pass on a part of the controls that a station holds (R04)."""
    der.report(ctx.db, ctx.station, list(_reported(call)), now=ctx.now)
    return {}


def _reported(call: Fields) -> Iterator[der.Reported]:
    for member, (holder, kind) in _REPORTED.items():
        for item in call.list(member):
            found: str = kind or wire.KIND_OF.get(item.text("curveType", ""), "")
            if not found:
                continue
            payload: dict[str, Any] = dict(item.child(holder).payload)
            timeless = wire.shape_of(found) in ("enter_service", "gradient")
            yield der.Reported(
                number=item.text("id", "")[:36],
                kind=found,
                document=wire.read(wire.shape_of(found), payload),
                default=timeless or bool(item.boolean("isDefault", False)),
                superseded=bool(item.boolean("isSuperseded", False)),
            )
