"""Orders to a station as a whole and to its plugs: restart, unlock, availability, messages."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Invalid
from app.domain.orders.reading import Argument, Describe, plug, plug_or_station, text, word, yes
from app.domain.vocabulary import Order

#: Messages that a station may be asked to send; which of them it can is for its version to say.
TRIGGERS = (
    *("boot", "status", "heartbeat", "meter_values", "transaction"),
    *("diagnostics", "log_status", "firmware", "publish_firmware"),
    *("sign_certificate", "sign_v2g_certificate", "sign_v2g20_certificate"),
    *("sign_combined_certificate", "custom"),
)
#: Ends sessions first; at once; at once, and goes on charging afterwards (2.1).
RESETS = ("soft", "hard", "resume")


def _data(name: str, value: Any) -> Any:
    """Text, or what JSON can say otherwise; a version that only knows text gets its JSON."""
    return value if isinstance(value, dict | list) else text(8000)(name, value)


def _custom(name: str, value: Any) -> str:
    found: str = text(50)(name, value)
    if not found.isprintable():
        raise Invalid("The custom trigger is one line.", field=name)
    return found


_PLUG = Argument(
    plug, False, label="Connector of the EVSE", help="OCPP 2.x; without it the first one."
)
#: Orders that have other forms to try (`app.domain.fallbacks`) take this.
EXACT = Argument(
    yes, False, label="Only in this form", help="Try no other form when the station refuses it."
)

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.RESET: {
        "kind": Argument(word(*RESETS), label="How"),
        "connector": Argument(plug, False, help="Only this EVSE (OCPP 2.x)."),
        "exact": EXACT,
    },
    Order.UNLOCK: {"connector": Argument(plug), "plug": _PLUG},
    Order.SET_AVAILABILITY: {
        "connector": Argument(plug_or_station, help="0 is the whole station."),
        "available": Argument(yes, label="In service"),
        "plug": _PLUG,
        "exact": EXACT,
    },
    Order.TRIGGER: {
        "message": Argument(word(*TRIGGERS)),
        "connector": Argument(plug_or_station, False),
        "plug": _PLUG,
        "custom": Argument(_custom, False, help="The name of a custom trigger (OCPP 2.1)."),
        "extended": Argument(
            yes, False, label="As ExtendedTriggerMessage", help="OCPP 1.6 with its security part."
        ),
        "exact": EXACT,
    },
    Order.CLEAR_CACHE: {},
    Order.DISCONNECT: {},
    Order.DATA_TRANSFER: {
        "vendor_id": Argument(text(255), label="Vendor"),
        "message_id": Argument(text(50), False, label="Message"),
        "data": Argument(_data, False),
    },
}

LABELS: dict[Order, str] = {
    Order.RESET: "Restart",
    Order.UNLOCK: "Unlock",
    Order.SET_AVAILABILITY: "Change availability",
    Order.TRIGGER: "Ask for a message",
    Order.CLEAR_CACHE: "Clear the tag cache",
    Order.DISCONNECT: "Disconnect",
    Order.DATA_TRANSFER: "Vendor message",
}


def _place(given: Mapping[str, Any]) -> str:
    number = given.get("connector")
    if not number:
        return "" if number is None else " the station"
    of = f" plug {given['plug']}" if given.get("plug") else ""
    return f" connector {number}{of}"


def _reset(given: Mapping[str, Any]) -> str:
    kind = "Reset that resumes charging" if given["kind"] == "resume" else None
    of = f" of{_place(given)}" if _place(given) else ""
    return f"{kind or given['kind'].capitalize() + ' reset'}{of}"


def _availability(given: Mapping[str, Any]) -> str:
    return f"{'Put into service:' if given['available'] else 'Out of service:'}{_place(given)}"


def _trigger(given: Mapping[str, Any]) -> str:
    of = f" of{_place(given)}" if _place(given) else ""
    asked = given.get("custom") or given["message"]
    return f"Ask for {asked.replace('_', ' ')}{of}"


def _vendor(given: Mapping[str, Any]) -> str:
    return "Vendor message " + " ".join(filter(None, (given["vendor_id"], given.get("message_id"))))


DESCRIBE: Describe = {
    Order.RESET: _reset,
    Order.UNLOCK: lambda given: f"Unlock{_place(given)}",
    Order.SET_AVAILABILITY: _availability,
    Order.TRIGGER: _trigger,
    Order.DATA_TRANSFER: _vendor,
}
