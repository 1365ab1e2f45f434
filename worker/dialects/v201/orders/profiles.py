"""Charging profiles (OCPP 2.0.1 block K)."""

from collections.abc import Callable

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, Unfit, without_blanks
from worker.dialects.rates import profile_of
from worker.dialects.v201 import charging_profile
from worker.dialects.v201.charging_profile import WORDS, Words
from worker.ocpp.fields import Fields

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


def _schedule(answer: Payload, arguments: Arguments) -> Facts:
    return {"schedule": charging_profile.read_composite(Fields(answer))}


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
            "GetCompositeSchedule", _composite, facts=_schedule
        ),
    }


ORDERS: dict[Order, Encoding] = table(WORDS)
