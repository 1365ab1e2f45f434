"""What is done differently for one station, because its firmware needs it (FIELD section 6).

Quirks are data on the station's row.  `validated` is the only way in, so that
whoever reads them may trust their types.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.domain.ground.errors import Invalid


@dataclass(frozen=True, slots=True)
class Quirk:
    """One thing that may be set: how it is read and what it does."""

    label: str
    help: str
    read: Callable[[Any], Any]
    kind: str
    unit: str = ""
    choices: tuple[str, ...] = ()


def _number(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(str(value).strip())
        if not low <= number <= high:
            raise ValueError(f"lies between {low} and {high}")
        return number

    return read


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError("is yes or no")


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        for word in words:
            if str(value).strip().lower() == word.lower():
                return word
        raise ValueError("is one of " + ", ".join(words))

    return read


def _line(limit: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = str(value).strip()
        if not text.isprintable() or len(text) > limit:
            raise ValueError(f"is one line of at most {limit} characters")
        return text

    return read


def _base_url(value: Any) -> str:
    found = str(value).strip().rstrip("/")
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ValueError("is a URL that begins with http:// or https://")
    return _line(200)(found)


def _networks(value: Any) -> list[str]:
    parts = value.replace(";", ",").split(",") if isinstance(value, str) else list(value)
    try:
        found = [
            str(ipaddress.ip_network(str(part).strip())) for part in parts if str(part).strip()
        ]
    except ValueError:
        raise ValueError("is a list of networks like 192.168.7.0/24") from None
    if any(network.endswith("/0") for network in found):
        raise ValueError("may not be the whole Internet")
    return found


#: name -> what it means; everything is optional, and an absent one changes nothing.
QUIRKS: dict[str, Quirk] = {
    "allowed_networks": Quirk(
        "Allowed networks",
        "Where this station may connect from; needed when it has no password.",
        _networks,
        "networks",
    ),
    "pin_version": Quirk(
        "Only this version of OCPP",
        "For stations that offer a version they do not speak well; all others are refused.",
        _one_of("1.6", "2.0.1", "2.1"),
        "choice",
        choices=("1.6", "2.0.1", "2.1"),
    ),
    "no_deflate": Quirk(
        "No compression",
        "For stations whose permessage-deflate is broken.",
        _flag,
        "flag",
    ),
    "deflate_16": Quirk(
        "Compression with OCPP 1.6 too",
        "OCPP 1.6 knows none; a few stations offer it all the same.",
        _flag,
        "flag",
    ),
    "certificate_name": Quirk(
        "Name in its certificate",
        "The common name, where it is not the identity: mostly the serial number. It proves the"
        " station, so no other may have it.",
        _line(64),
        "text",
    ),
    "assume_subprotocol": Quirk(
        "Assume a version when it names none",
        "Some firmwares leave the WebSocket subprotocol out.",
        _flag,
        "flag",
    ),
    "clock_offset_s": Quirk(
        "Its clock is ahead by",
        "Where its clock is off for good; behind is a minus. Else it is learnt while it is online.",
        _number(-90_000, 90_000),
        "number",
        "s",
    ),
    "call_timeout_s": Quirk(
        "Patience for an answer", "Slow stations need a minute.", _number(5, 600), "number", "s"
    ),
    "reply_delay_ms": Quirk(
        "Delay of our answers",
        "A few stations lose an answer that comes at once.",
        _number(0, 10_000),
        "number",
        "ms",
    ),
    "outbound_after_boot_s": Quirk(
        "Silence after boot",
        "Nothing is sent to it for so long after its boot was answered.",
        _number(0, 600),
        "number",
        "s",
    ),
    "stop_on_available_grace_s": Quirk(
        "Patience with a free plug",
        "A session whose plug is called free for so long is over, whatever was not reported.",
        _number(60, 86_400),
        "number",
        "s",
    ),
    "ask_about_sessions": Quirk(
        "Ask about doubtful sessions",
        "Before we believe that a session is over, the station is asked how it stands.",
        _flag,
        "flag",
    ),
    "running_cost": Quirk(
        "Tell it the running cost",
        "Over OCPP 2.x, each report of a session is answered with what it costs so far.",
        _flag,
        "flag",
    ),
    "heartbeat_s": Quirk(
        "Heartbeat interval", "Instead of the installation's.", _number(10, 86_400), "number", "s"
    ),
    "no_trigger_boot": Quirk(
        "Never ask it to boot again",
        "Some stations restart for ever when asked for a BootNotification.",
        _flag,
        "flag",
    ),
    "keep_when_deaf": Quirk(
        "Stay connected when it stops answering",
        "Others are hung up on after three calls without an answer, so that they connect anew.",
        _flag,
        "flag",
    ),
    "availability_per_connector": Quirk(
        "Availability by connector only",
        "For stations that must not be asked to change as a whole.",
        _flag,
        "flag",
    ),
    "no_get_configuration": Quirk(
        "Never read its settings by ourselves",
        "Some stations restart when they are asked for them; staff still may ask.",
        _flag,
        "flag",
    ),
    "no_change_availability": Quirk(
        "Never change its availability",
        "Some stations go out of service for good when they are asked to.",
        _flag,
        "flag",
    ),
    "energy_unit_override": Quirk(
        "Unit of its energy readings",
        "For stations that name the wrong unit.",
        _one_of("Wh", "kWh"),
        "choice",
        choices=("Wh", "kWh"),
    ),
    "stack_level": Quirk(
        "Highest stack level of profiles",
        "Many stations know stack level 0 only.",
        _number(0, 1000),
        "number",
    ),
    "rate_unit": Quirk(
        "Unit of charging profiles",
        "For stations that refuse amperes, or watts.",
        _one_of("A", "W"),
        "choice",
        choices=("A", "W"),
    ),
    "profile_kind": Quirk(
        "Kind of its charging profiles",
        "For stations that know only profiles from a moment on, or only those from a start.",
        _one_of("absolute", "relative"),
        "choice",
        choices=("absolute", "relative"),
    ),
    "min_step_a": Quirk(
        "Steps of its limits",
        "For stations that take whole steps of so many amperes only.",
        _number(1, 32),
        "number",
        "A",
    ),
}


QUIRKS |= {
    "security_extension": Quirk(
        "Security extension",
        "Whether it knows GetLog and SignedUpdateFirmware of 1.6; left out: by what it sends.",
        _flag,
        "flag",
    ),
    "files_url": Quirk(
        "How it reaches the desk for files",
        "A URL like http://10.0.0.5:8000, for stations in a network of their own.",
        _base_url,
        "text",
    ),
    "file_name_in_url": Quirk(
        "File name at the end of addresses",
        "For stations that tell the kind of a file by its name.",
        _flag,
        "flag",
    ),
}


def validated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the quirks that are set, typed; empty values drop out.  Raises `Invalid`."""
    found = {}
    for name, value in given.items():
        quirk = QUIRKS.get(name)
        if quirk is None:
            raise Invalid(f"There is no quirk called {name}.", field=name)
        if value is None or value == "" or value == []:
            continue
        try:
            found[name] = quirk.read(value)
        except (ValueError, TypeError) as error:
            reason = str(error)
            if not reason.startswith(("lies", "is", "may")):
                reason = "is a whole number"
            raise Invalid(f"{quirk.label} {reason}.", field=name) from None
    return found
