"""Charging profiles: what 2.1 says beyond 2.0.1, dynamic ones, priority (OCPP 2.1 blocks K, Q)."""

from dataclasses import replace

from app.domain.ground.vocabulary import Arguments, Json, Order
from app.domain.limits import setpoints
from app.domain.limits.profile_documents import MODES, MORE_NUMBERS
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Route, status
from worker.dialects.shared import Words, moment, rate
from worker.dialects.v201 import charging_profile, profiles
from worker.dialects.v201.certificates import AWAY, status_info
from worker.ocpp.fields import Fields

#: limit_l2 -> limit_L2, discharge_limit -> dischargeLimit, setpoint_reactive_l3 -> …Reactive_L3
RATES = {
    name: name.replace("_limit", "Limit")
    .replace("_reactive", "Reactive")
    .replace("_l2", "_L2")
    .replace("_l3", "_L3")
    for name in MORE_NUMBERS
}
_NAMES = {"limit": "limit", **RATES}
OPERATION_MODES = {mode: mode.title().replace("_", "") for mode in MODES}

WORDS = Words(
    "2.1",
    {
        **charging_profile.WORDS.purposes,
        "priority": "PriorityCharging",
        "generation": "LocalGeneration",
    },
    {**charging_profile.WORDS.kinds, "dynamic": ("Dynamic", None)},
    RATES,
    OPERATION_MODES,
)


ANSWERS = {**profiles.ANSWERS, "no_profile": "NoChargingProfile"}


def report_profiles(call: Fields, ctx: Context) -> Payload:
    """Pass on a part of the profiles that a station holds (K09)."""
    return profiles.report_profiles(call, ctx, WORDS)


def charging_limit(call: Fields, ctx: Context) -> Payload:
    """Pass on a limit that someone else set at the station (K12)."""
    return profiles.charging_limit(call, ctx, WORDS)


def charging_needs(call: Fields, ctx: Context) -> Payload:
    """Pass on what a car needs; the plan follows as an order (K15)."""
    return profiles.charging_needs(call, ctx, ANSWERS)


def charging_schedule(call: Fields, ctx: Context) -> Payload:
    """Pass on what a car will do; what exceeds our plan is refused (K15.FR.12)."""
    return profiles.charging_schedule(call, ctx, WORDS)


def priority_charging(call: Fields, ctx: Context) -> Payload:
    """Pass on that a session got priority at the station, or lost it (K22)."""
    ctx.session_id = setpoints.note_priority(
        *(ctx.db, ctx.station, call.text("transactionId", "")),
        bool(call.boolean("activated", False)),
        now=ctx.now,
    )
    return {}


def _values(update: Json) -> Payload:
    return {_NAMES[name]: rate(value) for name, value in update.items()}


def _pull_away(_call: Fields, _ctx: Context) -> Payload:
    """What is newest nobody knows now: the profile goes on as it is, and is asked about again."""
    return {"status": "Rejected", **status_info(AWAY)}


def pull_schedule(call: Fields, ctx: Context) -> Payload:
    """Give a station the newest values of a dynamic profile (K28)."""
    number = call.integer("chargingProfileId", 0)
    update = setpoints.asked_for(ctx.db, ctx.station, number)
    if update is None:
        return {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidProfile"}}
    return {"status": "Accepted", "scheduleUpdate": _values(update)}


# Charging profiles and energy (OCPP 2.1 blocks K, Q and R): 2.0.1's and what came new.

TRANSFERS = {
    "ac_single_phase": "AC_single_phase",
    "ac_two_phase": "AC_two_phase",
    "ac_three_phase": "AC_three_phase",
    "ac_bpt": "AC_BPT",
    "ac_bpt_der": "AC_BPT_DER",
    "ac_der": "AC_DER",
    "dc": "DC",
    "dc_bpt": "DC_BPT",
    "dc_acdp": "DC_ACDP",
    "dc_acdp_bpt": "DC_ACDP_BPT",
    "wpt": "WPT",
}


def _transfer(arguments: Arguments) -> Payload:
    allowed = [TRANSFERS[word] for word in arguments["transfers"]]
    return {"transactionId": arguments["transaction_ref"], "allowedEnergyTransfer": allowed}


ROUTES: dict[str, Route] = {
    "NotifyChargingLimit": Route(charging_limit, spooled=True),
    "NotifyEVChargingNeeds": Route(
        charging_needs, without_storage=status("Processing"), spooled=True
    ),
    "NotifyEVChargingSchedule": Route(
        charging_schedule, without_storage=status("Accepted"), spooled=True
    ),
    "NotifyPriorityCharging": Route(priority_charging, spooled=True),
    "PullDynamicScheduleUpdate": Route(pull_schedule, without_storage=_pull_away),
    "ReportChargingProfiles": replace(
        profiles.ROUTES["ReportChargingProfiles"], handler=report_profiles
    ),
}

ORDERS: dict[Order, Encoding] = {
    **profiles.table(WORDS),
    Order.UPDATE_DYNAMIC_SCHEDULE: Encoding(
        "UpdateDynamicSchedule",
        lambda given: {
            "chargingProfileId": given["number"],
            "scheduleUpdate": _values(given["update"]),
        },
    ),
    Order.USE_PRIORITY_CHARGING: Encoding(
        "UsePriorityCharging",
        lambda given: {"transactionId": given["transaction_ref"], "activate": given["active"]},
        sentences={"NoProfile": "The charger has no profile for priority charging."},
    ),
    Order.ALLOW_ENERGY_TRANSFER: Encoding("NotifyAllowedEnergyTransfer", _transfer),
    Order.SEND_AFRR_SIGNAL: Encoding(
        "AFRRSignal", lambda given: {"timestamp": moment(given["at"]), "signal": given["signal"]}
    ),
}
