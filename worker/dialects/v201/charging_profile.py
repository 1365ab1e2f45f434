"""The charging profile of OCPP 2.0.1 (part 2, section 2.9 of the data types), both ways.

2.1 has the same one with more purposes, kinds and members: `Words` says which.
"""

from app.domain.ground.vocabulary import Json
from worker.dialects.context import Payload
from worker.dialects.records import Unfit, without_blanks
from worker.dialects.shared import KINDS, Words, filled, moment, rate, read_moment, read_rate
from worker.ocpp.fields import Fields

WORDS = Words(
    "2.0.1",
    {
        "external": "ChargingStationExternalConstraints",
        "station_max": "ChargingStationMaxProfile",
        "default": "TxDefaultProfile",
        "session": "TxProfile",
    },
    KINDS,
)


def written(
    number: int, document: Json, transaction_ref: str | None, words: Words = WORDS
) -> Payload:
    """A profile for the wire; one for a start that is to come names no transaction."""
    kind, recurrency = words.kind(document["kind"])
    needs_transaction = document["purpose"] == "session"
    return without_blanks(
        {
            "id": number,
            "stackLevel": document["stack_level"],
            "chargingProfilePurpose": words.purpose(document["purpose"]),
            "chargingProfileKind": kind,
            "recurrencyKind": recurrency,
            "validFrom": moment(document.get("valid_from")),
            "validTo": moment(document.get("valid_to")),
            "transactionId": transaction_ref if needs_transaction else None,
            "maxOfflineDuration": document.get("max_offline_s"),
            "dynUpdateInterval": document.get("update_every_s"),
            "chargingSchedule": [_schedule(number, document, words)],
        }
    )


def _schedule(number: int, document: Json, words: Words) -> Payload:
    periods = [_period(period, words) for period in document["periods"]]
    return without_blanks(
        {
            "id": number,
            "startSchedule": moment(document.get("starts_at")),
            "duration": document.get("duration_s"),
            "chargingRateUnit": document["unit"],
            "chargingSchedulePeriod": periods,
            "minChargingRate": rate(document.get("min_rate")),
        }
    )


def _period(period: Json, words: Words) -> Payload:
    more = period.get("more", {})
    if (more or "limit" not in period) and not words.rates:
        raise Unfit(f"OCPP {words.version} knows limits and phases only.")
    return without_blanks(
        {
            "startPeriod": period["start_s"],
            "limit": rate(period.get("limit")),
            "numberPhases": period.get("phases"),
            "phaseToUse": period.get("phase_to_use"),
            "operationMode": words.modes.get(more.get("mode", "")),
            **{words.rates[name]: rate(more[name]) for name in more if name in words.rates},
        }
    )


def read(profile: Fields, words: Words = WORDS) -> list[Json]:
    """The documents of a profile that a station tells of: one for each of its schedules."""
    purposes = {wire: ours for ours, wire in words.purposes.items()}
    kinds = {wire: ours for ours, wire in words.kinds.items()}
    kind = (profile.text("chargingProfileKind", ""), profile.text("recurrencyKind"))
    about = {
        "purpose": purposes.get(profile.text("chargingProfilePurpose", ""), "external"),
        "kind": kinds.get(kind) or kinds.get((kind[0], None), "absolute"),
        "stack_level": profile.integer("stackLevel", 0),
        "valid_from": read_moment(profile, "validFrom"),
        "valid_to": read_moment(profile, "validTo"),
    }
    schedules = profile.list("chargingSchedule")
    return [filled({**about, **read_schedule(each, words)}) for each in schedules]


def read_schedule(schedule: Fields, words: Words = WORDS) -> Json:
    """What a schedule says, in the document's words."""
    return filled(
        {
            "unit": schedule.text("chargingRateUnit", "A")[:1].upper(),
            "starts_at": read_moment(schedule, "startSchedule"),
            "duration_s": schedule.integer("duration"),
            "min_rate": read_rate(schedule, "minChargingRate"),
            "periods": [
                _read_period(period, words) for period in schedule.list("chargingSchedulePeriod")
            ],
        }
    )


def _read_period(period: Fields, words: Words) -> Json:
    more = {ours: read_rate(period, wire) for ours, wire in words.rates.items()}
    modes = {wire: ours for ours, wire in words.modes.items()}
    more["mode"] = modes.get(period.text("operationMode", ""))
    return filled(
        {
            "start_s": period.integer("startPeriod", 0),
            "limit": read_rate(period, "limit"),
            "phases": period.integer("numberPhases"),
            "phase_to_use": period.integer("phaseToUse"),
            "more": filled(more) or None,
        }
    )


def read_composite(answer: Fields) -> Json | None:
    """The composite schedule of an answer, None where it has none."""
    schedule = answer.child("schedule")
    if "chargingSchedulePeriod" not in schedule:
        return None
    return {
        "evse": schedule.integer("evseId", 0),
        "unit": schedule.text("chargingRateUnit", "A")[:1].upper(),
        "starts_at": read_moment(schedule, "scheduleStart") or "",
        "duration_s": schedule.integer("duration", 0),
        "periods": [
            [
                period.integer("startPeriod", 0),
                read_rate(period, "limit") or read_rate(period, "setpoint"),
                period.integer("numberPhases"),
            ]
            for period in schedule.list("chargingSchedulePeriod")
        ],
    }
