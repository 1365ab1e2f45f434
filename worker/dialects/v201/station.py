"""Boots, restarts, unlocking, availability, triggers, vendors' messages (OCPP 2.0.1)."""

from app.domain.ground.vocabulary import Arguments, BootReport, Order
from worker.dialects import shared
from worker.dialects.context import Payload
from worker.dialects.records import Encoding, Route, Unfit
from worker.dialects.shared import kept
from worker.ocpp.fields import Fields


def _report(call: Fields) -> BootReport:
    station = call.child("chargingStation")
    modem = station.child("modem")
    return BootReport(
        vendor=station.text("vendorName"),
        model=station.text("model"),
        serial=station.text("serialNumber"),
        firmware=station.text("firmwareVersion"),
        iccid=modem.text("iccid"),
        imsi=modem.text("imsi"),
        raw=dict(call.payload),
    )


boot_notification = shared.boot(_report)
heartbeat = shared.heartbeat


# What a station tells besides all that: vendors' messages (OCPP 2.0.1 block P).

data_transfer = kept("data_transfer", "vendorId", {"status": "UnknownVendorId"})


# Reset, unlock, availability, triggers, vendor messages (OCPP 2.0.1 B11, F05, G03, F06, P01).

RESETS = {"soft": "OnIdle", "hard": "Immediate"}
TRIGGERS = {
    "boot": "BootNotification",
    "status": "StatusNotification",
    "heartbeat": "Heartbeat",
    "meter_values": "MeterValues",
    "transaction": "TransactionEvent",
    "log_status": "LogStatusNotification",
    "firmware": "FirmwareStatusNotification",
    "publish_firmware": "PublishFirmwareStatusNotification",
    "sign_certificate": "SignChargingStationCertificate",
    "sign_v2g_certificate": "SignV2GCertificate",
    "sign_combined_certificate": "SignCombinedCertificate",
}
_UNLOCKS = {
    "Unlocked": "The connector is unlocked.",
    "UnlockFailed": "The charger tried and the connector stayed locked.",
    "OngoingAuthorizedTransaction": "A session is running there: it has to be stopped first.",
    "UnknownConnector": "The charger has no such connector.",
}


def reset_as(kinds: dict[str, str]) -> Encoding:
    """The restart with the kinds that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        if arguments["kind"] not in kinds:
            raise Unfit("OCPP 2.0.1 has no such restart.")
        payload: Payload = {"type": kinds[arguments["kind"]]}
        if arguments.get("connector"):
            payload["evseId"] = arguments["connector"]
        return payload

    good = frozenset({"Accepted", "Scheduled"})
    scheduled = "The charger will restart when its running sessions have ended."
    return Encoding("Reset", encode, good, {"Scheduled": scheduled}, hangs_up=True)


def evse(arguments: Arguments) -> Payload | None:
    """The EVSE that an order names, with its connector where that is named; None: the station."""
    if not arguments.get("connector"):
        return None
    found: Payload = {"id": arguments["connector"]}
    if arguments.get("plug"):
        found["connectorId"] = arguments["plug"]
    return found


def _unlock(arguments: Arguments) -> Payload:
    return {"evseId": arguments["connector"], "connectorId": arguments.get("plug", 1)}


def _availability(arguments: Arguments) -> Payload:
    payload: Payload = {}
    if place := evse(arguments):
        payload["evse"] = place
    payload["operationalStatus"] = "Operative" if arguments["available"] else "Inoperative"
    return payload


def trigger_as(triggers: dict[str, str]) -> Encoding:
    """The request for a message with the messages that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        message = triggers.get(arguments["message"])
        if message is None:
            raise Unfit("This version of OCPP cannot be asked for this message.")
        # A status is only told connector by connector (F06.FR.13).
        status = arguments["message"] == "status"
        place = evse({"plug": 1, **arguments} if status else arguments)
        if status and place is None:
            raise Unfit("Over OCPP 2.x a status is asked of one connector: name it.")
        payload: Payload = {"evse": place} if place else {}
        payload["requestedMessage"] = message
        if arguments["message"] == "custom" and arguments.get("custom"):
            payload["customTrigger"] = arguments["custom"]
        return payload

    cannot = "The charger cannot send this message on request."
    return Encoding("TriggerMessage", encode, sentences={"NotImplemented": cannot})


def _vendor(arguments: Arguments) -> Payload:
    payload: Payload = {"vendorId": arguments["vendor_id"]}
    if arguments.get("message_id"):
        payload["messageId"] = arguments["message_id"]
    if arguments.get("data"):
        payload["data"] = arguments["data"]
    return payload


ROUTES: dict[str, Route] = {
    "BootNotification": Route(
        boot_notification,
        before_boot=True,
        afresh=True,
        serial=("chargingStation", "serialNumber"),
    ),
    "DataTransfer": Route(data_transfer),
    "Heartbeat": Route(heartbeat, afresh=True),
}

ORDERS: dict[Order, Encoding] = {
    Order.RESET: reset_as(RESETS),
    Order.UNLOCK: Encoding("UnlockConnector", _unlock, frozenset({"Unlocked"}), _UNLOCKS),
    Order.SET_AVAILABILITY: Encoding(
        "ChangeAvailability",
        _availability,
        frozenset({"Accepted", "Scheduled"}),
        {"Scheduled": "The charger will change it when the running session has ended."},
    ),
    Order.CLEAR_CACHE: Encoding("ClearCache", lambda given: {}),
    Order.TRIGGER: trigger_as(TRIGGERS),
    Order.DATA_TRANSFER: Encoding(
        "DataTransfer",
        _vendor,
        sentences={
            "UnknownVendorId": "The charger does not know this vendor.",
            "UnknownMessageId": "The charger does not know this message of the vendor.",
        },
    ),
}
