"""Orders about the texts on a station's display."""

from collections.abc import Mapping
from typing import Any

from app.domain import display
from app.domain.orders.reading import Argument, instant, several, text, whole, word
from app.domain.orders.spec import Spec
from app.domain.vocabulary import Order

PRIORITIES = ("normal_cycle", "in_front", "always_front")
#: When a text is shown; the last two are OCPP 2.1's.
MOMENTS = ("charging", "faulted", "idle", "unavailable", "suspended", "discharging")
FORMATS = ("utf8", "ascii", "html", "uri", "qrcode")
_NUMBER = whole(0, 2**31 - 1)


def _show(given: Mapping[str, Any]) -> str:
    words = given["text"] if len(given["text"]) <= 60 else given["text"][:59] + "…"
    when = given.get("when")
    return f"Show “{words}”" + (f" while {when}" if when else "")


SPECS = (
    Spec(
        Order.SHOW_MESSAGE,
        "Show a text",
        arguments={
            "text": Argument(text(1024), help="At most 512 characters before OCPP 2.1."),
            "priority": Argument(
                word(*PRIORITIES), required=False, help="Else in the normal cycle."
            ),
            "when": Argument(word(*MOMENTS), required=False, help="Else always."),
            "starts_at": Argument(instant, required=False, label="From"),
            "ends_at": Argument(instant, required=False, label="Until"),
            "transaction_ref": Argument(text(64), required=False, label="Only during transaction"),
            "language": Argument(text(8), required=False),
            "format": Argument(word(*FORMATS), required=False),
            "number": Argument(_NUMBER, required=False, help="Replaces the text with this number."),
        },
        words=_show,
        prepare=display.prepare_showing,
        after=display.after_showing,
    ),
    Spec(
        Order.READ_MESSAGES,
        "Read the texts shown",
        arguments={
            "numbers": Argument(several(_NUMBER, 100), required=False),
            "priority": Argument(word(*PRIORITIES), required=False),
            "when": Argument(word(*MOMENTS), required=False),
            "request_id": Argument(_NUMBER, required=False),
        },
        prepare=display.prepare_reading,
        after=display.after_reading,
    ),
    Spec(
        Order.CLEAR_MESSAGE,
        "Clear a text",
        arguments={"number": Argument(_NUMBER)},
        words=lambda given: f"Clear text {given['number']}",
        question="Take this message off the display of {identity}?",
        after=display.after_clearing,
    ),
)
