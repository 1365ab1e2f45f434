"""Reset, unlock, availability, triggers, vendor messages (OCPP 1.6 section 5)."""

from app.domain.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload
from worker.dialects.v16 import words


def _availability(arguments: Arguments) -> Payload:
    kind = "Operative" if arguments["available"] else "Inoperative"
    return {"connectorId": arguments["connector"], "type": kind}


def _trigger(arguments: Arguments) -> Payload:
    payload: Payload = {"requestedMessage": words.TRIGGERS[arguments["message"]]}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    return payload


def _vendor(arguments: Arguments) -> Payload:
    payload: Payload = {"vendorId": arguments["vendor_id"]}
    if arguments.get("message_id"):
        payload["messageId"] = arguments["message_id"]
    if arguments.get("data"):
        payload["data"] = arguments["data"]
    return payload


ORDERS: dict[Order, Encoding] = {
    Order.RESET: Encoding("Reset", lambda given: {"type": given["kind"].capitalize()}),
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
        "TriggerMessage",
        _trigger,
        sentences={"NotImplemented": "The charger cannot send this message on request."},
    ),
    Order.DATA_TRANSFER: Encoding("DataTransfer", _vendor),
}
