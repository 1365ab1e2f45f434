"""The orders: what arguments each takes, what people call it, and what it does.

`arguments` checks what someone typed and returns it in the domain's own words;
no word of the wire is in here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import Invalid
from app.domain.vocabulary import Order

#: Messages that a station may be asked to send.
TRIGGERS = ("boot", "status", "heartbeat", "meter_values", "diagnostics", "firmware")
RESETS = ("soft", "hard")
#: Settings that hold a secret: changed with the station's password, never here.
SECRET_SETTINGS = frozenset({"authorizationkey", "basicauthpassword"})

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Argument:
    """How one argument is read; without `required` it may be left out."""

    read: Callable[[str, Any], Any]
    required: bool = True


def _plug(name: str, value: Any) -> int:
    return _whole(name, value, 1, 1000)


def _plug_or_station(name: str, value: Any) -> int:
    return _whole(name, value, 0, 1000)


def _whole(name: str, value: Any, low: int, high: int) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"The {name} is a whole number.", field=name)
    number = int(text)
    if not low <= number <= high:
        raise Invalid(f"The {name} lies between {low} and {high}.", field=name)
    return number


def _row(name: str, value: Any) -> int:
    return _whole(name.removesuffix("_id"), value, 1, 2**63 - 1)


def _text(limit: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        text = str(value).strip()
        word = name.removesuffix("_id").replace("_", " ")
        if not text:
            raise Invalid(f"The {word} is missing.", field=name)
        if len(text) > limit:
            raise Invalid(f"The {word} may have {limit} characters at most.", field=name)
        if not all(char.isprintable() or char in "\n\t" for char in text):
            raise Invalid(f"The {word} holds a control character.", field=name)
        return text

    return read


def _word(*words: str) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        text = str(value).strip().lower()
        if text not in words:
            raise Invalid(f"The {name} is one of {', '.join(words)}.", field=name)
        return text

    return read


def _yes(name: str, value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _YES | _NO:
        raise Invalid(f"Say yes or no: {name}.", field=name)
    return text in _YES


def _keys(name: str, value: Any) -> list[str]:
    parts = value.replace("\n", ",").split(",") if isinstance(value, str) else list(value)
    keys = [str(part).strip() for part in parts if str(part).strip()]
    if len(keys) > 200 or any(len(key) > 50 for key in keys):
        raise Invalid("Name at most 200 settings of 50 characters each.", field=name)
    return keys


def _setting(name: str, value: Any) -> str:
    key = _text(50)(name, value)
    if key.casefold() in SECRET_SETTINGS:
        raise Invalid(
            f"{key} is the station's password: give it a new one on its Setup page.", field=name
        )
    return key


def _value(name: str, value: Any) -> str:
    text = str(value)
    if len(text) > 500 or not all(char.isprintable() for char in text):
        raise Invalid("The value has at most 500 printable characters.", field=name)
    return text


ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.START_CHARGING: {
        "connector": Argument(_plug, required=False),
        "token": Argument(_text(255)),
    },
    Order.STOP_CHARGING: {
        "transaction_ref": Argument(_text(64), required=False),
        "session_id": Argument(_row, required=False),
    },
    Order.RESET: {"kind": Argument(_word(*RESETS))},
    Order.UNLOCK: {"connector": Argument(_plug)},
    Order.SET_AVAILABILITY: {
        "connector": Argument(_plug_or_station),
        "available": Argument(_yes),
    },
    Order.CHANGE_SETTING: {"key": Argument(_setting), "value": Argument(_value)},
    Order.READ_SETTINGS: {"keys": Argument(_keys, required=False)},
    Order.CLEAR_CACHE: {},
    Order.TRIGGER: {
        "message": Argument(_word(*TRIGGERS)),
        "connector": Argument(_plug_or_station, required=False),
    },
    Order.DATA_TRANSFER: {
        "vendor_id": Argument(_text(255)),
        "message_id": Argument(_text(50), required=False),
        "data": Argument(_text(8000), required=False),
    },
}

LABELS: dict[Order, str] = {
    Order.START_CHARGING: "Start charging",
    Order.STOP_CHARGING: "Stop charging",
    Order.RESET: "Restart",
    Order.UNLOCK: "Unlock",
    Order.SET_AVAILABILITY: "Change availability",
    Order.CHANGE_SETTING: "Change a setting",
    Order.READ_SETTINGS: "Read settings",
    Order.CLEAR_CACHE: "Clear the tag cache",
    Order.TRIGGER: "Ask for a message",
    Order.DATA_TRANSFER: "Vendor message",
}


def arguments(order: Order, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments of an order; raises `Invalid` naming the first that cannot be used."""
    table = ARGUMENTS[order]
    for name in given:
        if name not in table:
            raise Invalid(f"{LABELS[order]} takes no {name}.", field=name)
    found: dict[str, Any] = {}
    for name, argument in table.items():
        value = given.get(name)
        blank = value is None or value == "" or value == []
        # A setting may be made empty; everything else that is blank was left out.
        if blank and argument.read is not _value:
            if argument.required:
                raise Invalid(f"The {name.replace('_', ' ')} is missing.", field=name)
            continue
        if value is None:
            raise Invalid(f"The {name} is missing.", field=name)
        found[name] = argument.read(name, value)
    if order is Order.READ_SETTINGS:
        found.setdefault("keys", [])
    if order is Order.STOP_CHARGING and not found:
        raise Invalid("Say which session to stop.", field="session_id")
    return found


def describe(order: Order, given: Mapping[str, Any]) -> str:
    """An order with its arguments in a few words, safe to show and to keep in the audit."""
    plug = given.get("connector")
    place = "" if plug is None else (f" connector {plug}" if plug else " the station")
    match order:
        case Order.START_CHARGING:
            on = f" on{place}" if place else ""
            return f"Start charging{on} with tag {given['token']}"
        case Order.STOP_CHARGING:
            return f"Stop session {given.get('session_id') or given.get('transaction_ref')}"
        case Order.RESET:
            return f"{given['kind'].capitalize()} reset"
        case Order.UNLOCK:
            return f"Unlock{place}"
        case Order.SET_AVAILABILITY:
            return f"{'Put into service:' if given['available'] else 'Out of service:'}{place}"
        case Order.CHANGE_SETTING:
            value = "•••" if "password" in given["key"].casefold() else given["value"]
            return f"Set {given['key']} to {value or 'nothing'}"
        case Order.READ_SETTINGS:
            return f"Read {', '.join(given['keys'])}" if given.get("keys") else "Read all settings"
        case Order.TRIGGER:
            of = f" of{place}" if place else ""
            return f"Ask for {given['message'].replace('_', ' ')}{of}"
        case Order.DATA_TRANSFER:
            name = " ".join(filter(None, (given["vendor_id"], given.get("message_id"))))
            return f"Vendor message {name}"
        case _:
            return LABELS[order]
