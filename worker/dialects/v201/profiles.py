"""Charging profiles, limits and the needs of cars (OCPP 2.0.1 block K)."""

from collections.abc import Callable
from decimal import Decimal

from app.domain.ground.vocabulary import Arguments, Json, Order
from app.domain.limits import ev_needs, profile_reports
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Long, Route, Unfit, status, without_blanks
from worker.dialects.shared import Words, filled, profile_of, read_moment
from worker.dialects.v201 import charging_profile
from worker.dialects.v201.charging_profile import WORDS
from worker.ocpp.fields import Fields

_SOURCES = {"EMS": "ems", "SO": "so", "CSO": "cso"}
#: What a limit from outside is, whatever it says.
_EXTERNAL = {"purpose": "external", "kind": "absolute", "stack_level": 0}
#: How many phases a way of energy transfer has; direct current has none.
_PHASES = {"single": 1, "two": 2, "three": 3}
ANSWERS = {
    "accepted": "Accepted",
    "processing": "Processing",
    "rejected": "Rejected",
    "no_profile": "Rejected",
}


def _source(call: Fields) -> str:
    return _SOURCES.get(call.text("chargingLimitSource", "Other").upper(), "other")


def report_profiles(call: Fields, ctx: Context, words: Words = WORDS) -> Payload:
    """Pass on a part of the profiles that a station holds (K09)."""
    found = [
        profile_reports.Reported(profile.integer("id", 0), document, profile.text("transactionId"))
        for profile in call.list("chargingProfile")
        for document in charging_profile.read(profile, words)[:1]
    ]
    profile_reports.report(
        *(ctx.db, ctx.station),
        number=call.integer("requestId", 0),
        source=_source(call),
        evse=ctx.plug(call, "evseId"),
        found=found,
        more=bool(call.boolean("tbc", False)),
        now=ctx.now,
    )
    return {}


def charging_limit(call: Fields, ctx: Context, words: Words = WORDS) -> Payload:
    """Pass on a limit that someone else set at the station (K12)."""
    about = call.child("chargingLimit")
    schedules = call.list("chargingSchedule")
    profile_reports.limit(
        *(ctx.db, ctx.station),
        source=_source(about),
        evse=ctx.plug(call, "evseId"),
        documents=[
            {**_EXTERNAL, **charging_profile.read_schedule(each, words)} for each in schedules
        ],
        critical=about.boolean("isGridCritical"),
        now=ctx.now,
    )
    return {}


def cleared_limit(call: Fields, ctx: Context) -> Payload:
    """Pass on that a limit from outside is gone (K13)."""
    profile_reports.limit_cleared(
        *(ctx.db, ctx.station), source=_source(call), evse=call.integer("evseId"), now=ctx.now
    )
    return {}


def read_needs(needs: Fields) -> Json:
    """The needs of a car in our words; powers are those of all phases together."""
    transfer = needs.text("requestedEnergyTransfer", "")
    phases = next((count for word, count in _PHASES.items() if word in transfer.casefold()), 0)
    alternating = needs.child("acChargingParameters")
    direct = needs.child("dcChargingParameters")
    known = _ac(alternating, phases) if alternating.payload else _dc(direct)
    both_ways = needs.child("v2xChargingParameters")
    known["energy_wh"] = known["energy_wh"] or both_ways.decimal("evTargetEnergyRequest")
    known["most_w"] = known["most_w"] or both_ways.decimal("maxChargePower")
    return filled(
        {
            "transfer": transfer.lower(),
            "phases": phases if alternating.payload else 0,
            "departure_at": read_moment(needs, "departureTime"),
            **{name: _text(value) for name, value in known.items()},
        }
    )


def _ac(given: Fields, phases: int) -> dict[str, Decimal | None]:
    volts = given.decimal("evMaxVoltage", Decimal(230))
    count = max(phases, 1)
    # Some cars tell the voltage between phases.
    volts = min(volts, Decimal(240)) if volts else Decimal(230)
    most, least = given.decimal("evMaxCurrent"), given.decimal("evMinCurrent")
    return {
        "energy_wh": given.decimal("energyAmount"),
        "most_w": most * volts * count if most else None,
        "least_w": least * volts * count if least else None,
    }


def _dc(given: Fields) -> dict[str, Decimal | None]:
    energy = given.decimal("energyAmount")
    capacity, charge = given.decimal("evEnergyCapacity"), given.decimal("stateOfCharge")
    if energy is None and capacity is not None and charge is not None:
        full = given.decimal("fullSoC", Decimal(100))
        energy = max(Decimal(0), capacity * (full - charge) / 100)
    amperes, volts = given.decimal("evMaxCurrent"), given.decimal("evMaxVoltage")
    product = amperes * volts if amperes and volts else None
    return {"energy_wh": energy, "most_w": given.decimal("evMaxPower") or product}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def charging_needs(call: Fields, ctx: Context, answers: dict[str, str] = ANSWERS) -> Payload:
    """Pass on what a car needs; the plan follows as an order (K15)."""
    needs = read_needs(call.child("chargingNeeds"))
    needs["most_periods"] = call.integer("maxScheduleTuples")
    needs["details"] = dict(call.child("chargingNeeds").payload)
    evse = ctx.plug(call, "evseId")
    told = ev_needs.take_in(ctx.db, ctx.station, evse, filled(needs), now=ctx.now)
    return {"status": answers[told.answer]}


def charging_schedule(call: Fields, ctx: Context, words: Words = WORDS) -> Payload:
    """Pass on what a car will do; what exceeds our plan is refused (K15.FR.12)."""
    schedule = charging_profile.read_schedule(call.child("chargingSchedule"), words)
    document = filled({**schedule, "time_base": read_moment(call, "timeBase")})
    evse = ctx.plug(call, "evseId")
    fits = ev_needs.car_schedule(ctx.db, ctx.station, evse, document, now=ctx.now)
    return {"status": "Accepted" if fits else "Rejected"}


SOURCES = {"ems": "EMS", "other": "Other", "so": "SO", "cso": "CSO"}
_UNKNOWN = {"Unknown": "The charger has no such profile."}
_NONE = {"NoProfiles": "The charger holds no such profiles."}


def _set(words: Words) -> Callable[[Arguments], Payload]:
    def encode(arguments: Arguments) -> Payload:
        profile = charging_profile.written(
            *(arguments["number"], profile_of(arguments), arguments.get("transaction_ref")),
            words=words,
        )
        return {"evseId": arguments.get("connector", 0), "chargingProfile": profile}

    return encode


def _criteria(arguments: Arguments, words: Words) -> Payload:
    purpose = arguments.get("purpose")
    return without_blanks(
        {
            "chargingProfilePurpose": words.purpose(purpose) if purpose else None,
            "stackLevel": arguments.get("stack_level"),
        }
    )


def _clear(words: Words) -> Callable[[Arguments], Payload]:
    def encode(arguments: Arguments) -> Payload:
        if arguments.get("number") is not None:
            return {"chargingProfileId": arguments["number"]}
        criteria = without_blanks({"evseId": arguments.get("connector")})
        criteria |= _criteria(arguments, words)
        if not criteria:
            raise Unfit("Say which profiles: by number, connector, purpose or stack level.")
        return {"chargingProfileCriteria": criteria}

    return encode


def _read(words: Words) -> Callable[[Arguments], Payload]:
    def encode(arguments: Arguments) -> Payload:
        criteria = _criteria(arguments, words)
        if sources := arguments.get("sources"):
            criteria["chargingLimitSource"] = [SOURCES[source] for source in sources]
        payload = {"requestId": arguments["number"], "evseId": arguments.get("connector")}
        return {**without_blanks(payload), "chargingProfile": criteria}

    return encode


def _composite(arguments: Arguments) -> Payload:
    return without_blanks(
        {
            "duration": arguments.get("duration_s", 86_400),
            "chargingRateUnit": str(arguments.get("unit") or "").upper(),
            "evseId": arguments.get("connector", 0),
        }
    )


def table(words: Words) -> dict[Order, Encoding]:
    """The orders in the words of a version."""
    return {
        Order.SET_PROFILE: Encoding(
            "SetChargingProfile",
            _set(words),
            facts=lambda answer, given: {"profile": profile_of(given)},
        ),
        Order.CLEAR_PROFILE: Encoding("ClearChargingProfile", _clear(words), sentences=_UNKNOWN),
        Order.READ_PROFILES: Encoding(
            "GetChargingProfiles",
            _read(words),
            frozenset({"Accepted", "NoProfiles"}),
            _NONE,
            facts=lambda answer, given: {"none": answer.get("status") == "NoProfiles"},
        ),
        Order.READ_COMPOSITE_SCHEDULE: Encoding(
            "GetCompositeSchedule",
            _composite,
            facts=lambda answer, given: {
                "schedule": charging_profile.read_composite(Fields(answer))
            },
        ),
    }


ORDERS: dict[Order, Encoding] = table(WORDS)


ROUTES: dict[str, Route] = {
    "ClearedChargingLimit": Route(cleared_limit, spooled=True),
    "NotifyChargingLimit": Route(charging_limit, spooled=True),
    # What nobody can plan for now is being worked on (K15.FR.04).
    "NotifyEVChargingNeeds": Route(
        charging_needs, without_storage=status("Processing"), spooled=True
    ),
    "NotifyEVChargingSchedule": Route(
        charging_schedule, without_storage=status("Accepted"), spooled=True
    ),
    "ReportChargingProfiles": Route(
        report_profiles, Long("chargingProfile", 50, more="tbc"), spooled=True
    ),
}
