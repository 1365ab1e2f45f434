"""Orders to a station, its plugs and its display: restart, unlock, availability, messages."""

from typing import Any

from app.domain.commands.orders.settings import SECRET_SETTINGS
from app.domain.commands.orders.spec import Ask, End, Prepared, Situation, Spec, Step
from app.domain.device import display, onboarding, settings
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Arguments, Json, Order
from app.schemas.typed import (
    Argument,
    document,
    instant,
    optional,
    plug,
    plug_or_station,
    several,
    text,
    whole,
    word,
    yes,
)

#: Messages that a station may be asked to send; which of them it can is for its version to say.
TRIGGERS = (
    *("boot", "status", "heartbeat", "meter_values", "transaction"),
    *("diagnostics", "log_status", "firmware", "publish_firmware"),
    *("sign_certificate", "sign_v2g_certificate", "sign_v2g20_certificate"),
    *("sign_combined_certificate", "custom"),
)
#: Ends sessions first; at once; at once, and goes on charging afterwards (2.1).
RESETS = ("soft", "hard", "resume")


def _data(name: str, value: Any) -> Any:
    """Text, or what JSON can say otherwise; a version that only knows text gets its JSON."""
    return value if isinstance(value, dict | list) else text(8000)(name, value)


def _custom(name: str, value: Any) -> str:
    found: str = text(50)(name, value)
    if not found.isprintable():
        raise Invalid("The custom trigger must be one line.", field=name)
    return found


_PLUG = optional(plug, label="Connector of the EVSE", help="OCPP 2.x; without it the first one.")
#: Orders that have other forms to try (`app.domain.commands.orders.spec`) take this.
EXACT = optional(
    yes, label="Only in this form", help="Try no other form when the station refuses it."
)


def _place(given: Arguments) -> str:
    number = given.get("connector")
    if not number:
        return "" if number is None else "the station"
    if given.get("plug"):
        return f"connector {number} plug {given['plug']}"
    return f"connector {number}"


# Whole sentences, whose values stand apart: so another language knows them by their shapes.


def _reset(given: Arguments) -> str:
    place = _place(given)
    if given["kind"] == "resume":
        return f"Reset that resumes charging of {place}" if place else "Reset that resumes charging"
    if given["kind"] == "hard":
        return f"Hard reset of {place}" if place else "Hard reset"
    return f"Soft reset of {place}" if place else "Soft reset"


def _availability(given: Arguments) -> str:
    place = _place(given)
    return f"Put into service: {place}" if given["available"] else f"Out of service: {place}"


def _trigger(given: Arguments) -> str:
    place, asked = _place(given), str(given.get("custom") or given["message"]).replace("_", " ")
    return f"Ask for {asked} of {place}" if place else f"Ask for {asked}"


def _vendor(given: Arguments) -> str:
    return "Vendor message " + " ".join(filter(None, (given["vendor_id"], given.get("message_id"))))


def _survives(ask: Ask) -> Prepared:
    """Keep it from stations that do not survive it (FIELD K3)."""
    if ask.station.quirks.get("no_change_availability"):
        raise Conflict(f"{ask.station.identity} must not be asked this: see its quirks.")
    return Prepared(ask.given)


# Other forms of the same


def _each_connector(first: Arguments, there: Situation) -> list[Json]:
    """The same, asked of every connector by itself (K3)."""
    return [] if first.get("connector") else [{**first, "connector": n} for n in there.evses]


def _trigger_each(first: Arguments, there: Situation) -> list[Json]:
    if first["message"] not in ("status", "meter_values"):
        return []
    return _each_connector(first, there)


def _hard(first: Arguments, there: Situation) -> list[Json]:
    """A hard reset after a soft one; never while a car charges, whose session it would cut."""
    if first["kind"] != "soft" or there.charging or first.get("connector"):
        return []
    return [{**first, "kind": "hard"}]


SPECS = (
    Spec(
        Order.RESET,
        "Restart",
        arguments={
            "kind": Argument(word(*RESETS), label="How"),
            "connector": optional(
                plug, help="Only this EVSE (OCPP 2.x).", nothing="The whole station"
            ),
            "exact": EXACT,
        },
        words=_reset,
        question="Restart {identity}? {Their} running sessions will end.",
        ends_sessions="Restarting ends",
        raw=("Reset",),
        fallbacks=(Step("as a hard reset", frozenset({End.REFUSED, End.SILENT}), _hard),),
    ),
    Spec(
        Order.UNLOCK,
        "Unlock",
        arguments={"connector": Argument(plug), "plug": _PLUG},
        words=lambda given: f"Unlock {_place(given)}",
        question="Unlock it? A session there may end, and the cable comes free.",
        ends_sessions="Unlocking may end",
        raw=("UnlockConnector",),
    ),
    Spec(
        Order.SET_AVAILABILITY,
        "Change availability",
        arguments={
            "connector": Argument(plug_or_station, help="0 is the whole station."),
            "available": Argument(yes, label="In service"),
            "plug": _PLUG,
            "exact": EXACT,
        },
        words=_availability,
        question="Change the availability of {identity}? Out of service, nobody can charge there.",
        prepare=_survives,
        fallbacks=(
            Step(
                "connector by connector",
                frozenset({End.REFUSED, End.ERROR}),
                _each_connector,
                "availability_per_connector",
            ),
        ),
    ),
    Spec(
        Order.TRIGGER,
        "Ask for a message",
        arguments={
            "message": Argument(word(*TRIGGERS)),
            "connector": optional(plug_or_station, nothing="All"),
            "plug": _PLUG,
            "custom": optional(_custom, help="The name of a custom trigger (OCPP 2.1)."),
            "extended": optional(
                yes, label="As ExtendedTriggerMessage", help="OCPP 1.6 with its security part."
            ),
            "exact": EXACT,
        },
        words=_trigger,
        after=onboarding.then(),
        fallbacks=(
            Step("connector by connector", frozenset({End.REFUSED, End.UNFIT}), _trigger_each),
        ),
    ),
    Spec(
        Order.CLEAR_CACHE,
        "Clear the tag cache",
        question="Let {identity} forget all tags it remembers?",
    ),
    Spec(
        Order.DISCONNECT,
        "Disconnect",
        question="End the connection of {identity}? {They} will connect again, and {their} "
        "sessions go on.",
        without_message=True,
    ),
    Spec(
        Order.DATA_TRANSFER,
        "Vendor message",
        arguments={
            "vendor_id": Argument(text(255), label="Vendor"),
            "message_id": optional(text(50), label="Message"),
            "data": optional(_data),
        },
        words=_vendor,
    ),
)


# The raw order: an action of the protocol with its payload, sent as it is given.

_DOCUMENT = document()


def _payload(name: str, value: Any) -> Json:
    """Any message but one that sets the station's password: we would not know it afterwards."""
    payload: Json = _DOCUMENT(name, value)
    if _sets_password(payload):
        raise Invalid(
            "This sets the station's password, which Ampdesk would not know then: "
            "order change_password instead.",
            field=name,
        )
    return payload


def _sets_password(value: Any) -> bool:
    """Whether a setting and its value stand together somewhere, as every version writes them."""
    if isinstance(value, list):
        return any(_sets_password(item) for item in value)
    if not isinstance(value, dict):
        return False
    variable = value.get("variable")
    named = variable.get("name") if isinstance(variable, dict) else value.get("key")
    secret = str(named or "").strip().casefold() in SECRET_SETTINGS
    if secret and ("value" in value or "attributeValue" in value):
        return True
    return any(_sets_password(item) for item in value.values())


RAW = (
    Spec(
        Order.RAW,
        "Raw message",
        arguments={
            "action": Argument(text(60)),
            "payload": Argument(_payload, shape=_DOCUMENT.shape),
            # False sends it even where the version's schema forbids it (for test drivers).
            "check": optional(yes),
        },
        words=lambda given: f"Raw {given['action']}",
        question="Send this to {identity} as it is written?",
    ),
)


# Orders about the texts on a station's display.

PRIORITIES = ("normal_cycle", "in_front", "always_front")
#: When a text is shown; the last two are OCPP 2.1's.
MOMENTS = ("charging", "faulted", "idle", "unavailable", "suspended", "discharging")
FORMATS = ("utf8", "ascii", "html", "uri", "qrcode")
_NUMBER = whole(0, 2**31 - 1)


def _show(given: Arguments) -> str:
    words = given["text"] if len(given["text"]) <= 60 else given["text"][:59] + "…"
    when = given.get("when")
    return f"Show “{words}”" + (f" while {when}" if when else "")


DISPLAY = (
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
