"""Reset, unlock, availability, triggers, vendor messages (OCPP 1.6 section 5)."""

import json

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload, Unfit
from worker.dialects.v16 import words

_RESETS = {"soft": "Soft", "hard": "Hard"}


def _reset(arguments: Arguments) -> Payload:
    if arguments.get("connector"):
        raise Unfit("OCPP 1.6 restarts the whole station only.")
    if arguments["kind"] not in _RESETS:
        raise Unfit("OCPP 1.6 has no such restart.")
    return {"type": _RESETS[arguments["kind"]]}


def _availability(arguments: Arguments) -> Payload:
    kind = "Operative" if arguments["available"] else "Inoperative"
    return {"connectorId": arguments["connector"], "type": kind}


def _is_extended(arguments: Arguments) -> bool:
    return bool(arguments.get("extended")) or arguments["message"] not in words.TRIGGERS


def _trigger_action(arguments: Arguments) -> str:
    return "ExtendedTriggerMessage" if _is_extended(arguments) else "TriggerMessage"


def _trigger(arguments: Arguments) -> Payload:
    table = words.EXTENDED_TRIGGERS if _is_extended(arguments) else words.TRIGGERS
    message = table.get(arguments["message"])
    if message is None:
        raise Unfit("OCPP 1.6 cannot be asked for this message.")
    payload: Payload = {"requestedMessage": message}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    return payload


def _vendor(arguments: Arguments) -> Payload:
    payload: Payload = {"vendorId": arguments["vendor_id"]}
    if arguments.get("message_id"):
        payload["messageId"] = arguments["message_id"]
    if data := arguments.get("data"):
        payload["data"] = data if isinstance(data, str) else json.dumps(data)
    return payload


ORDERS: dict[Order, Encoding] = {
    Order.RESET: Encoding("Reset", _reset),
    Order.UNLOCK: Encoding(
        "UnlockConnector",
        lambda given: {"connectorId": given["connector"]},
        frozenset({"Unlocked"}),
        {
            "Unlocked": "The connector is unlocked.",
            "UnlockFailed": "The charger tried and the connector stayed locked.",
            "NotSupported": "The charger has no lock that it could open, or no such connector.",
        },
    ),
    Order.SET_AVAILABILITY: Encoding(
        "ChangeAvailability",
        _availability,
        frozenset({"Accepted", "Scheduled"}),
        {"Scheduled": "The charger will change it when the running session has ended."},
    ),
    Order.CLEAR_CACHE: Encoding("ClearCache", lambda given: {}),
    Order.TRIGGER: Encoding(
        _trigger_action,
        _trigger,
        sentences={"NotImplemented": "The charger cannot send this message on request."},
    ),
    Order.DATA_TRANSFER: Encoding(
        "DataTransfer",
        _vendor,
        sentences={
            "UnknownVendorId": "The charger does not know this vendor.",
            "UnknownMessageId": "The charger does not know this message of the vendor.",
        },
    ),
}
