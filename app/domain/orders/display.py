"""Orders about the texts on a station's display."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import Argument, Describe, instant, several, text, whole, word
from app.domain.vocabulary import Order

PRIORITIES = ("normal_cycle", "in_front", "always_front")
#: When a text is shown; the last two are OCPP 2.1's.
MOMENTS = ("charging", "faulted", "idle", "unavailable", "suspended", "discharging")
FORMATS = ("utf8", "ascii", "html", "uri", "qrcode")
_NUMBER = whole(0, 2**31 - 1)

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.SHOW_MESSAGE: {
        "text": Argument(text(1024), help="At most 512 characters before OCPP 2.1."),
        "priority": Argument(word(*PRIORITIES), required=False, help="Else in the normal cycle."),
        "when": Argument(word(*MOMENTS), required=False, help="Else always."),
        "starts_at": Argument(instant, required=False, label="From"),
        "ends_at": Argument(instant, required=False, label="Until"),
        "transaction_ref": Argument(text(64), required=False, label="Only during transaction"),
        "language": Argument(text(8), required=False),
        "format": Argument(word(*FORMATS), required=False),
        "number": Argument(_NUMBER, required=False, help="Replaces the text with this number."),
    },
    Order.READ_MESSAGES: {
        "numbers": Argument(several(_NUMBER, 100), required=False),
        "priority": Argument(word(*PRIORITIES), required=False),
        "when": Argument(word(*MOMENTS), required=False),
        "request_id": Argument(_NUMBER, required=False),
    },
    Order.CLEAR_MESSAGE: {"number": Argument(_NUMBER)},
}

LABELS: dict[Order, str] = {
    Order.SHOW_MESSAGE: "Show a text",
    Order.READ_MESSAGES: "Read the texts shown",
    Order.CLEAR_MESSAGE: "Clear a text",
}


def _show(given: Mapping[str, Any]) -> str:
    words = given["text"] if len(given["text"]) <= 60 else given["text"][:59] + "…"
    when = given.get("when")
    return f"Show “{words}”" + (f" while {when}" if when else "")


DESCRIBE: Describe = {
    Order.SHOW_MESSAGE: _show,
    Order.CLEAR_MESSAGE: lambda given: f"Clear text {given['number']}",
}
