"""Boots, restarts, unlocking, availability, triggers, vendors' messages, texts (OCPP 2.0.1)."""

from collections.abc import Set

from app.domain.device import display
from app.domain.device.display import Shown
from app.domain.ground.vocabulary import Arguments, BootReport, Order
from worker.dialects import shared
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Long, Route, Unfit, without_blanks
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


# The texts on a station's display (OCPP 2.0.1 block O).

PRIORITIES = {"normal_cycle": "NormalCycle", "in_front": "InFront", "always_front": "AlwaysFront"}
_READ = {word: ours for ours, word in PRIORITIES.items()}


def display_messages(call: Fields, ctx: Context) -> Payload:
    """Take in one part of what the station shows (O03, O04)."""
    display.report_part(
        ctx.db,
        ctx.station,
        [_shown(item) for item in call.list("messageInfo")],
        request_id=call.integer("requestId", 0),
        last=not call.boolean("tbc", False),
        now=ctx.now,
    )
    return {}


def _shown(item: Fields) -> Shown:
    message, when = item.child("message"), item.text("state")
    return Shown(
        number=item.integer("id", 0),
        text=message.text("content", ""),
        priority=_READ.get(item.text("priority", ""), "normal_cycle"),
        when=when.lower() if when else None,
        starts_at=item.instant("startDateTime"),
        ends_at=item.instant("endDateTime"),
        transaction_ref=item.text("transactionId"),
        language=message.text("language"),
        format=message.text("format", "UTF8").lower(),
    )


#: When a text may be shown, and how it may be written.
STATES = frozenset({"charging", "faulted", "idle", "unavailable"})
FORMATS = frozenset({"ascii", "html", "uri", "utf8"})

SENTENCES = {
    "Accepted": "The charger shows it when it is due.",
    "NotSupportedMessageFormat": "The charger cannot show this format.",
    "NotSupportedPriority": "The charger does not know this priority.",
    "NotSupportedState": "The charger cannot show it in this state alone.",
    "UnknownTransaction": "The charger does not know this transaction.",
    "LanguageNotSupported": "The charger does not know this language.",
}


def _while(arguments: Arguments, states: Set[str]) -> str | None:
    when: str | None = arguments.get("when")
    if when is not None and when not in states:
        raise Unfit(f"This version of OCPP cannot show a text while {when}.")
    return when


def shown(arguments: Arguments, states: Set[str], formats: Set[str], longest: int) -> Payload:
    """A text as the station gets it; what a version lacks is said before it is sent."""
    when, form = _while(arguments, states), arguments.get("format", "utf8")
    if form not in formats:
        raise Unfit(f"This version of OCPP knows no texts in {form}.")
    if len(arguments["text"]) > longest:
        raise Unfit(f"The text may have {longest} characters at most.")
    message = {
        "format": form.upper(),
        "language": arguments.get("language"),
        "content": arguments["text"],
    }
    info = {
        "id": arguments["number"],
        "priority": PRIORITIES[arguments.get("priority", "normal_cycle")],
        "state": when.capitalize() if when else None,
        "startDateTime": shared.wire_time(arguments.get("starts_at")),
        "endDateTime": shared.wire_time(arguments.get("ends_at")),
        "transactionId": arguments.get("transaction_ref"),
        "message": without_blanks(message),
    }
    return {"message": without_blanks(info)}


def read(arguments: Arguments, states: Set[str]) -> Payload:
    """Ask for what is shown, all of it or some."""
    when, priority = _while(arguments, states), arguments.get("priority")
    return without_blanks(
        {
            "id": arguments.get("numbers"),
            "requestId": arguments["request_id"],
            "priority": PRIORITIES[priority] if priority else None,
            "state": when.capitalize() if when else None,
        }
    )


READ_SENTENCES = {
    "Accepted": "The charger accepted; its texts follow.",
    "Unknown": "The charger shows no such text.",
}


ROUTES: dict[str, Route] = {
    **shared.routes(boot_notification, ("chargingStation", "serialNumber")),
    "NotifyDisplayMessages": Route(
        display_messages, Long("messageInfo", 50, more="tbc"), spooled=True
    ),
}


ORDERS: dict[Order, Encoding] = {
    **shared.orders(_availability, lambda data: data),
    Order.RESET: reset_as(RESETS),
    Order.UNLOCK: Encoding(
        "UnlockConnector",
        lambda given: {"evseId": given["connector"], "connectorId": given.get("plug", 1)},
        frozenset({"Unlocked"}),
        _UNLOCKS,
    ),
    Order.TRIGGER: trigger_as(TRIGGERS),
    Order.SHOW_MESSAGE: Encoding(
        "SetDisplayMessage", lambda given: shown(given, STATES, FORMATS, 512), sentences=SENTENCES
    ),
    Order.READ_MESSAGES: Encoding(
        "GetDisplayMessages",
        lambda given: read(given, STATES),
        frozenset({"Accepted", "Unknown"}),
        READ_SENTENCES,
    ),
    Order.CLEAR_MESSAGE: Encoding(
        "ClearDisplayMessage",
        lambda given: {"id": given["number"]},
        sentences={"Unknown": "The charger knows no such text."},
    ),
}
