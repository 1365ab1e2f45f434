"""Charging profiles (OCPP 1.6 sections 5.5, 5.7, 5.16 and 7.8)."""

from typing import Any

from app.domain.ground.vocabulary import Arguments, Json, Order
from worker.dialects.context import Payload
from worker.dialects.records import Encoding, Unfit, without_blanks
from worker.dialects.shared import (
    KINDS,
    Words,
    filled,
    moment,
    profile_of,
    rate,
    read_moment,
    read_rate,
)
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields

WORDS = Words(
    "1.6",
    {
        "station_max": "ChargePointMaxProfile",
        "default": "TxDefaultProfile",
        "session": "TxProfile",
    },
    KINDS,
)


def written(number: int, document: Json, transaction_ref: str | None) -> Payload:
    """A profile for the wire; one for a start that is to come names no transaction."""
    kind, recurrency = WORDS.kind(document["kind"])
    payload: Payload = {"chargingProfileId": number}
    if transaction_ref and document["purpose"] == "session":
        payload["transactionId"] = words.transaction_id(transaction_ref)
    payload |= {
        "stackLevel": document["stack_level"],
        "chargingProfilePurpose": WORDS.purpose(document["purpose"]),
        "chargingProfileKind": kind,
        "recurrencyKind": recurrency,
        "validFrom": moment(document.get("valid_from")),
        "validTo": moment(document.get("valid_to")),
        "chargingSchedule": _schedule(document),
    }
    return without_blanks(payload)


def _schedule(document: Json) -> Payload:
    return without_blanks(
        {
            "duration": document.get("duration_s"),
            "startSchedule": moment(document.get("starts_at")),
            "chargingRateUnit": document["unit"],
            "chargingSchedulePeriod": [_period(period) for period in document["periods"]],
            "minChargingRate": rate(document.get("min_rate")),
        }
    )


def _period(period: Json) -> Payload:
    if "limit" not in period or "more" in period or "phase_to_use" in period:
        raise Unfit("OCPP 1.6 knows limits and numbers of phases only.")
    return without_blanks(
        {
            "startPeriod": period["start_s"],
            "limit": rate(period["limit"]),
            "numberPhases": period.get("phases"),
        }
    )


def read_periods(schedule: Fields) -> list[list[Any]]:
    """The periods of a composite schedule: start, limit, phases."""
    return [
        [
            period.integer("startPeriod", 0),
            read_rate(period, "limit"),
            period.integer("numberPhases"),
        ]
        for period in schedule.list("chargingSchedulePeriod")
    ]


def read_composite(answer: Fields) -> Json | None:
    """The composite schedule of an answer, None where it has none."""
    schedule = answer.child("chargingSchedule")
    if "chargingSchedulePeriod" not in schedule:
        return None
    starts = read_moment(answer, "scheduleStart") or read_moment(schedule, "startSchedule")
    return filled(
        {
            "evse": answer.integer("connectorId", 0),
            "unit": schedule.text("chargingRateUnit", "A")[:1].upper(),
            "starts_at": starts or "",
            "duration_s": schedule.integer("duration", 0),
            "periods": read_periods(schedule),
        }
    )


_UNKNOWN = {"Unknown": "The charger has no such profile."}


def _set(arguments: Arguments) -> Payload:
    profile = profile_of(arguments)
    return {
        "connectorId": arguments.get("connector", 0),
        "csChargingProfiles": written(
            arguments["number"], profile, arguments.get("transaction_ref")
        ),
    }


def _clear(arguments: Arguments) -> Payload:
    if arguments.get("number") is not None:
        return {"id": arguments["number"]}
    asked = arguments.get("purpose")
    return without_blanks(
        {
            "connectorId": arguments.get("connector"),
            "chargingProfilePurpose": WORDS.purpose(asked) if asked else None,
            "stackLevel": arguments.get("stack_level"),
        }
    )


def _composite(arguments: Arguments) -> Payload:
    return without_blanks(
        {
            "connectorId": arguments.get("connector", 0),
            "duration": arguments.get("duration_s", 86_400),
            "chargingRateUnit": str(arguments.get("unit") or "").upper(),
        }
    )


ORDERS: dict[Order, Encoding] = {
    Order.SET_PROFILE: Encoding(
        "SetChargingProfile",
        _set,
        sentences={"NotSupported": "The charger has no smart charging."},
        facts=lambda answer, given: {"profile": profile_of(given)},
    ),
    Order.CLEAR_PROFILE: Encoding("ClearChargingProfile", _clear, sentences=_UNKNOWN),
    Order.READ_COMPOSITE_SCHEDULE: Encoding(
        "GetCompositeSchedule",
        _composite,
        facts=lambda answer, given: {"schedule": read_composite(Fields(answer))},
    ),
}
