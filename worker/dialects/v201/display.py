"""The texts on a station's display (OCPP 2.0.1 block O)."""

from collections.abc import Set
from datetime import datetime

from app.domain.device import display
from app.domain.device.display import Shown
from app.domain.ground.vocabulary import Arguments, Order
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Long, Route, Unfit, without_blanks
from worker.ocpp.fields import Fields, format_instant

PRIORITIES = {
    "normal_cycle": "NormalCycle",
    "in_front": "InFront",
    "always_front": "AlwaysFront",
}
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


# Display messages (OCPP 2.0.1 block O).

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


def shown(arguments: Arguments, states: Set[str], formats: Set[str], longest: int) -> Payload:
    """A text as the station gets it; what a version lacks is said before it is sent."""
    when, form = arguments.get("when"), arguments.get("format", "utf8")
    if when is not None and when not in states:
        raise Unfit(f"This version of OCPP cannot show a text while {when}.")
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
        "startDateTime": _instant(arguments.get("starts_at")),
        "endDateTime": _instant(arguments.get("ends_at")),
        "transactionId": arguments.get("transaction_ref"),
        "message": without_blanks(message),
    }
    return {"message": without_blanks(info)}


def _instant(text: str | None) -> str | None:
    return format_instant(datetime.fromisoformat(text)) if text else None


def _show(arguments: Arguments) -> Payload:
    return shown(arguments, STATES, FORMATS, 512)


def read(arguments: Arguments, states: Set[str]) -> Payload:
    """Ask for what is shown, all of it or some."""
    when, priority = arguments.get("when"), arguments.get("priority")
    if when is not None and when not in states:
        raise Unfit(f"This version of OCPP cannot show a text while {when}.")
    return without_blanks(
        {
            "id": arguments.get("numbers"),
            "requestId": arguments["request_id"],
            "priority": PRIORITIES[priority] if priority else None,
            "state": when.capitalize() if when else None,
        }
    )


def _read(arguments: Arguments) -> Payload:
    return read(arguments, STATES)


READ_SENTENCES = {
    "Accepted": "The charger accepted; its texts follow.",
    "Unknown": "The charger shows no such text.",
}


ROUTES: dict[str, Route] = {
    "NotifyDisplayMessages": Route(display_messages, Long("messageInfo", 50, more="tbc")),
}

ORDERS: dict[Order, Encoding] = {
    Order.SHOW_MESSAGE: Encoding("SetDisplayMessage", _show, sentences=SENTENCES),
    Order.READ_MESSAGES: Encoding(
        "GetDisplayMessages", _read, frozenset({"Accepted", "Unknown"}), READ_SENTENCES
    ),
    Order.CLEAR_MESSAGE: Encoding(
        "ClearDisplayMessage",
        lambda given: {"id": given["number"]},
        sentences={"Unknown": "The charger knows no such text."},
    ),
}
