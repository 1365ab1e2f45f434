"""Orders to a station as a whole and to its plugs: restart, unlock, availability, messages."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import Argument, Describe, plug, plug_or_station, text, word, yes
from app.domain.vocabulary import Order

#: Messages that a station may be asked to send.
TRIGGERS = ("boot", "status", "heartbeat", "meter_values", "diagnostics", "firmware")
RESETS = ("soft", "hard")

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.RESET: {"kind": Argument(word(*RESETS))},
    Order.UNLOCK: {"connector": Argument(plug)},
    Order.SET_AVAILABILITY: {
        "connector": Argument(plug_or_station),
        "available": Argument(yes),
    },
    Order.TRIGGER: {
        "message": Argument(word(*TRIGGERS)),
        "connector": Argument(plug_or_station, required=False),
    },
    Order.CLEAR_CACHE: {},
    Order.DATA_TRANSFER: {
        "vendor_id": Argument(text(255)),
        "message_id": Argument(text(50), required=False),
        "data": Argument(text(8000), required=False),
    },
}

LABELS: dict[Order, str] = {
    Order.RESET: "Restart",
    Order.UNLOCK: "Unlock",
    Order.SET_AVAILABILITY: "Change availability",
    Order.TRIGGER: "Ask for a message",
    Order.CLEAR_CACHE: "Clear the tag cache",
    Order.DATA_TRANSFER: "Vendor message",
}


def _place(given: Mapping[str, Any]) -> str:
    number = given.get("connector")
    return "" if number is None else (f" connector {number}" if number else " the station")


def _availability(given: Mapping[str, Any]) -> str:
    return f"{'Put into service:' if given['available'] else 'Out of service:'}{_place(given)}"


def _trigger(given: Mapping[str, Any]) -> str:
    of = f" of{_place(given)}" if _place(given) else ""
    return f"Ask for {given['message'].replace('_', ' ')}{of}"


def _vendor(given: Mapping[str, Any]) -> str:
    return "Vendor message " + " ".join(filter(None, (given["vendor_id"], given.get("message_id"))))


DESCRIBE: Describe = {
    Order.RESET: lambda given: f"{given['kind'].capitalize()} reset",
    Order.UNLOCK: lambda given: f"Unlock{_place(given)}",
    Order.SET_AVAILABILITY: _availability,
    Order.TRIGGER: _trigger,
    Order.DATA_TRANSFER: _vendor,
}
