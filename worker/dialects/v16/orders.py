"""Orders as OCPP 1.6 puts them, and what its answers mean (section 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domain.vocabulary import CommandState, Order, Outcome
from worker.dialects.v16 import words

Arguments = dict[str, Any]
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an order is put: the action, its payload, and which answers are a yes.

    `sentences` say in words what a status means; a status without one is said as it is.
    """

    action: str
    encode: Callable[[Arguments], Payload]
    good: frozenset[str] = frozenset({"Accepted"})
    sentences: dict[str, str] | None = None


def _start(arguments: Arguments) -> Payload:
    payload: Payload = {}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    payload["idTag"] = str(arguments["token"])[:20]
    return payload


def _stop(arguments: Arguments) -> Payload:
    return {"transactionId": int(arguments["transaction_ref"])}


def _availability(arguments: Arguments) -> Payload:
    kind = "Operative" if arguments["available"] else "Inoperative"
    return {"connectorId": arguments["connector"], "type": kind}


def _read(arguments: Arguments) -> Payload:
    return {"key": list(arguments["keys"])} if arguments.get("keys") else {}


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
    Order.START_CHARGING: Encoding("RemoteStartTransaction", _start),
    Order.STOP_CHARGING: Encoding("RemoteStopTransaction", _stop),
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
    Order.CHANGE_SETTING: Encoding(
        "ChangeConfiguration",
        lambda given: {"key": given["key"], "value": given["value"]},
        frozenset({"Accepted", "RebootRequired"}),
        {
            "RebootRequired": "The setting is stored and takes effect after a restart.",
            "NotSupported": "The charger does not know this setting.",
        },
    ),
    Order.READ_SETTINGS: Encoding("GetConfiguration", _read),
    Order.CLEAR_CACHE: Encoding("ClearCache", lambda given: {}),
    Order.TRIGGER: Encoding(
        "TriggerMessage",
        _trigger,
        sentences={"NotImplemented": "The charger cannot send this message on request."},
    ),
    Order.DATA_TRANSFER: Encoding("DataTransfer", _vendor),
}


def outcome(order: Order, answer: Payload) -> Outcome:
    """Say what an answer means."""
    encoding = ORDERS[order]
    if order is Order.READ_SETTINGS:
        count = len(answer.get("configurationKey") or ())
        unknown = len(answer.get("unknownKey") or ())
        sentence = f"{count} settings read" + (f", {unknown} unknown." if unknown else ".")
        return Outcome(CommandState.ACCEPTED, answer, sentence)
    status = str(answer.get("status", ""))
    state = CommandState.ACCEPTED if status in encoding.good else CommandState.REJECTED
    told = (encoding.sentences or {}).get(status)
    default = "The charger accepted." if status == "Accepted" else f"The charger answered {status}."
    return Outcome(state, answer, told or default)
