"""Boots, restarts, triggers, configuration keys, vendors' messages (OCPP 1.6 sections 4 and 5)."""

import json

from app.domain.device import settings
from app.domain.device.device_model import Told
from app.domain.device.variable_names import plain, truth
from app.domain.ground.vocabulary import Arguments, BootReport, CommandState, Facts, Order, Outcome
from worker.dialects import shared
from worker.dialects.context import Payload
from worker.dialects.records import Encoding, Route, Unfit
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields


def _report(call: Fields) -> BootReport:
    return BootReport(
        vendor=call.text("chargePointVendor"),
        model=call.text("chargePointModel"),
        serial=call.text("chargePointSerialNumber") or call.text("chargeBoxSerialNumber"),
        firmware=call.text("firmwareVersion"),
        iccid=call.text("iccid"),
        imsi=call.text("imsi"),
        meter_type=call.text("meterType"),
        meter_serial=call.text("meterSerialNumber"),
        raw=dict(call.payload),
    )


boot_notification = shared.boot(_report)


# Reset, unlock, availability, triggers, vendor messages (OCPP 1.6 section 5).

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


def _trigger(arguments: Arguments) -> Payload:
    table = words.EXTENDED_TRIGGERS if _is_extended(arguments) else words.TRIGGERS
    message = table.get(arguments["message"])
    if message is None:
        raise Unfit("OCPP 1.6 cannot be asked for this message.")
    payload: Payload = {"requestedMessage": message}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    return payload


# Configuration keys (OCPP 1.6 sections 5.3 and 5.8).


def _read(arguments: Arguments) -> Payload:
    keys = list(arguments.get("keys", ()))
    if any(len(key) > 50 for key in keys):
        raise Unfit("A key of OCPP 1.6 has 50 characters at most.")
    return {"key": keys} if keys else {}


def _settings(answer: Payload, arguments: Arguments) -> Outcome:
    """Read the list of settings, whatever case its members have (FIELD R10)."""
    members = {name.casefold(): value for name, value in answer.items()}
    listed = Fields({"all": members.get("configurationkey") or []}).list("all")
    told = [one for one in map(_setting, listed) if one is not None]
    unknown = members.get("unknownkey") or []
    unknown = [str(key) for key in (unknown if isinstance(unknown, list) else [unknown])]
    facts = {"told": told, "unknown": [plain(key) for key in unknown]}
    sentence = f"{len(told)} settings read" + (f", {len(unknown)} unknown." if unknown else ".")
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts)


def _setting(item: Fields) -> Told | None:
    key = item.text("key")
    if key is None:
        return None
    value = item.raw("value")
    text = None if value is None else str(value).lower() if value in (True, False) else str(value)
    locked = truth(item.raw("readonly"))
    return Told(plain(key), text, writable=None if locked is None else not locked)


def _set(arguments: Arguments) -> Payload:
    (key, value), *more = settings.pairs(arguments)
    if more or len(key) > 50 or len(value) > 500:
        raise Unfit("OCPP 1.6 changes one setting at a time, of at most 500 characters.")
    return {"key": key, "value": value}


def _changed(answer: Payload, arguments: Arguments) -> Facts:
    key, value = settings.pairs(arguments)[0]
    verdict = shared.CHANGES.get(str(answer.get("status")), "rejected")
    return {"changed": [(plain(key), value, verdict)]}


ROUTES: dict[str, Route] = shared.routes(boot_notification)

ORDERS: dict[Order, Encoding] = {
    **shared.orders(
        _availability, lambda data: data if isinstance(data, str) else json.dumps(data)
    ),
    Order.RESET: Encoding("Reset", _reset, hangs_up=True),
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
    Order.TRIGGER: Encoding(
        lambda given: "ExtendedTriggerMessage" if _is_extended(given) else "TriggerMessage",
        _trigger,
        sentences={"NotImplemented": "The charger cannot send this message on request."},
    ),
    Order.CHANGE_SETTING: Encoding(
        "ChangeConfiguration",
        _set,
        frozenset({"Accepted", "RebootRequired"}),
        {
            "RebootRequired": "The setting is stored and takes effect after a restart.",
            "NotSupported": "The charger does not know this setting.",
        },
        facts=_changed,
    ),
    Order.READ_SETTINGS: Encoding("GetConfiguration", _read, decode=_settings),
}
