"""Charging profiles (OCPP 1.6 sections 5.5, 5.7 and 5.16)."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, without_blanks
from worker.dialects.rates import profile_of
from worker.dialects.v16 import charging_profile
from worker.ocpp.fields import Fields

_UNKNOWN = {"Unknown": "The charger has no such profile."}


def _set(arguments: Arguments) -> Payload:
    profile = profile_of(arguments)
    return {
        "connectorId": arguments.get("connector", 0),
        "csChargingProfiles": charging_profile.written(
            arguments["number"], profile, arguments.get("transaction_ref")
        ),
    }


def _clear(arguments: Arguments) -> Payload:
    if arguments.get("number") is not None:
        return {"id": arguments["number"]}
    purpose = arguments.get("purpose")
    return without_blanks(
        {
            "connectorId": arguments.get("connector"),
            "chargingProfilePurpose": charging_profile.purpose(purpose) if purpose else None,
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


def _schedule(answer: Payload, arguments: Arguments) -> Facts:
    return {"schedule": charging_profile.read_composite(Fields(answer))}


ORDERS: dict[Order, Encoding] = {
    Order.SET_PROFILE: Encoding(
        "SetChargingProfile",
        _set,
        sentences={"NotSupported": "The charger has no smart charging."},
        facts=lambda answer, given: {"profile": profile_of(given)},
    ),
    Order.CLEAR_PROFILE: Encoding("ClearChargingProfile", _clear, sentences=_UNKNOWN),
    Order.READ_COMPOSITE_SCHEDULE: Encoding("GetCompositeSchedule", _composite, facts=_schedule),
}
