"""Orders about charging profiles, limits and energy."""

from collections.abc import Mapping
from typing import Any

from app.domain.der_controls import KINDS as DER_KINDS
from app.domain.orders.reading import (
    Argument,
    Describe,
    document,
    instant,
    number,
    plug_or_station,
    row,
    several,
    text,
    whole,
    word,
    yes,
)
from app.domain.orders.station import EXACT
from app.domain.profile_documents import MORE_NUMBERS, PURPOSES
from app.domain.vocabulary import Order

#: How energy may flow between a car and a station, in our words.
TRANSFERS = (
    *("ac_single_phase", "ac_two_phase", "ac_three_phase", "ac_bpt", "ac_bpt_der", "ac_der"),
    *("dc", "dc_bpt", "dc_acdp", "dc_acdp_bpt", "wpt"),
)
SOURCES = ("ems", "other", "so", "cso")
_LEVEL = whole(0, 1000)
_RATE = number(-10_000_000, 10_000_000)
_SESSION = {
    "session_id": Argument(row, required=False),
    "transaction_ref": Argument(text(64), required=False),
}
_CRITERIA = {
    "connector": Argument(plug_or_station, required=False),
    "purpose": Argument(word(*PURPOSES), required=False),
    "stack_level": Argument(_LEVEL, required=False),
}
_DER = {
    "kind": Argument(word(*DER_KINDS), required=False),
    "default": Argument(yes, required=False),
    "control": Argument(text(36), required=False),
}

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.SET_PROFILE: {
        "profile_id": Argument(
            row, required=False, label="Charging profile", help="Its number in the library."
        ),
        "document": Argument(
            document(), required=False, help="Instead of a profile of the library, as JSON."
        ),
        "connector": Argument(
            plug_or_station, required=False, help="Nothing or 0: the whole station."
        ),
        **_SESSION,
        "exact": EXACT,
    },
    Order.CLEAR_PROFILE: {
        "station_profile_id": Argument(
            row, required=False, help="One profile; or all that fit what follows."
        ),
        **_CRITERIA,
    },
    Order.READ_PROFILES: {
        **_CRITERIA,
        "sources": Argument(several(word(*SOURCES), 4), required=False),
    },
    Order.READ_COMPOSITE_SCHEDULE: {
        "connector": Argument(plug_or_station, required=False),
        "duration_s": Argument(whole(1, 31_622_400), required=False, help="A day where not said."),
        "unit": Argument(word("a", "w"), required=False),
        "exact": EXACT,
    },
    Order.UPDATE_DYNAMIC_SCHEDULE: {
        "station_profile_id": Argument(row),
        "limit": Argument(_RATE, required=False),
        **{name: Argument(_RATE, required=False) for name in MORE_NUMBERS},
    },
    Order.USE_PRIORITY_CHARGING: {**_SESSION, "active": Argument(yes)},
    Order.ALLOW_ENERGY_TRANSFER: {
        **_SESSION,
        "transfers": Argument(several(word(*TRANSFERS), len(TRANSFERS))),
    },
    Order.SEND_AFRR_SIGNAL: {
        "signal": Argument(whole(-(2**31), 2**31 - 1)),
        "at": Argument(instant, required=False),
    },
    Order.SET_DER_CONTROL: {
        "kind": Argument(word(*DER_KINDS)),
        "default": Argument(yes, required=False),
        "control": Argument(
            text(36), required=False, help="Its name; one is made where none is given."
        ),
        "document": Argument(document(), help="What the control says, as JSON."),
    },
    Order.READ_DER_CONTROL: dict(_DER),
    Order.CLEAR_DER_CONTROL: dict(_DER),
}

LABELS: dict[Order, str] = {
    Order.SET_PROFILE: "Set a charging profile",
    Order.CLEAR_PROFILE: "Clear charging profiles",
    Order.READ_PROFILES: "Read charging profiles",
    Order.READ_COMPOSITE_SCHEDULE: "Read the composite schedule",
    Order.UPDATE_DYNAMIC_SCHEDULE: "Update a dynamic profile",
    Order.USE_PRIORITY_CHARGING: "Priority charging",
    Order.ALLOW_ENERGY_TRANSFER: "Allow ways of energy transfer",
    Order.SEND_AFRR_SIGNAL: "Send a frequency reserve signal",
    Order.SET_DER_CONTROL: "Set an inverter control",
    Order.READ_DER_CONTROL: "Read inverter controls",
    Order.CLEAR_DER_CONTROL: "Clear inverter controls",
}


def _where(given: Mapping[str, Any]) -> str:
    if given.get("session_id"):
        return f" for session {given['session_id']}"
    return f" on connector {given['connector']}" if given.get("connector") else ""


def _set(given: Mapping[str, Any]) -> str:
    which = f" {given['profile_id']}" if given.get("profile_id") else ""
    return f"Set charging profile{which}{_where(given)}"


def _clear(given: Mapping[str, Any]) -> str:
    if given.get("station_profile_id"):
        return f"Clear charging profile {given['station_profile_id']}"
    purpose = given.get("purpose")
    kind = f" ({PURPOSES[purpose].lower()})" if purpose else ""
    return f"Clear charging profiles{kind}{_where(given)}"


DESCRIBE: Describe = {
    Order.SET_PROFILE: _set,
    Order.CLEAR_PROFILE: _clear,
    Order.READ_PROFILES: lambda given: f"Read charging profiles{_where(given)}",
    Order.READ_COMPOSITE_SCHEDULE: lambda given: f"Read the composite schedule{_where(given)}",
    Order.UPDATE_DYNAMIC_SCHEDULE: lambda given: (
        f"Update dynamic profile {given['station_profile_id']}"
    ),
    Order.USE_PRIORITY_CHARGING: lambda given: (
        f"Priority charging {'on' if given['active'] else 'off'}{_where(given)}"
    ),
    Order.SEND_AFRR_SIGNAL: lambda given: f"Send frequency reserve signal {given['signal']}",
    Order.SET_DER_CONTROL: lambda given: f"Set inverter control {given['kind']}",
}
