"""Orders about the texts on a station's display."""

from app.domain.commands.orders.spec import Spec
from app.domain.device import display, settings
from app.domain.ground.vocabulary import Arguments, Order
from app.schemas.typed import (
    Argument,
    instant,
    optional,
    several,
    text,
    whole,
    word,
)

PRIORITIES = ("normal_cycle", "in_front", "always_front")
#: When a text is shown; the last two are OCPP 2.1's.
MOMENTS = ("charging", "faulted", "idle", "unavailable", "suspended", "discharging")
FORMATS = ("utf8", "ascii", "html", "uri", "qrcode")
_NUMBER = whole(0, 2**31 - 1)


def _show(given: Arguments) -> str:
    words = given["text"] if len(given["text"]) <= 60 else given["text"][:59] + "…"
    when = given.get("when")
    return f"Show “{words}”" + (f" while {when}" if when else "")


SPECS = (
    Spec(
        Order.SHOW_MESSAGE,
        "Show a text",
        arguments={
            "text": Argument(text(1024), help="At most 512 characters before OCPP 2.1."),
            "priority": optional(word(*PRIORITIES), help="Else in the normal cycle."),
            "when": optional(word(*MOMENTS), help="Else always."),
            "starts_at": optional(instant, label="From"),
            "ends_at": optional(instant, label="Until"),
            "transaction_ref": optional(text(64), label="Only during transaction"),
            "language": optional(text(8)),
            "format": optional(word(*FORMATS)),
            "number": optional(_NUMBER, help="Replaces the text with this number."),
        },
        words=_show,
        prepare=display.prepare_showing,
        after=display.after_showing,
    ),
    Spec(
        Order.READ_MESSAGES,
        "Read the texts shown",
        arguments={
            "numbers": optional(several(_NUMBER, 100)),
            "priority": optional(word(*PRIORITIES)),
            "when": optional(word(*MOMENTS)),
            "request_id": optional(_NUMBER),
        },
        prepare=settings.prepare_report,
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
