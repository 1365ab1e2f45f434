"""What is done differently for one station, because its firmware needs it (FIELD section 6).

Quirks are data on the station's row.  `validated` is the only way in, so that
whoever reads them may trust their types.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json
from app.schemas.typed import TEXT, Typed, whole, word, yes


@dataclass(frozen=True, slots=True)
class Quirk:
    """One thing that may be set: what it does and how it is read."""

    label: str
    help: str
    read: Typed = yes


def _line(limit: int) -> Typed:
    def read(value: object) -> str:
        text = str(value).strip()
        if not text.isprintable() or len(text) > limit:
            raise ValueError(f"{{called}} is one line of at most {limit} characters.")
        return text

    return Typed(read, TEXT)


def _base_url(value: object) -> Any:
    found = str(value).strip().rstrip("/")
    try:
        parts = urlsplit(found)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ValueError("{called} is a URL that begins with http:// or https://.")
    return _line(200).of(found)


def _networks(value: Any) -> list[str]:
    parts = value.replace(";", ",").split(",") if isinstance(value, str) else list(value)
    try:
        found = [
            str(ipaddress.ip_network(str(part).strip())) for part in parts if str(part).strip()
        ]
    except ValueError:
        raise ValueError("{called} must be a list of networks like 192.168.7.0/24.") from None
    if any(network.endswith("/0") for network in found):
        raise ValueError("{called} may not be the whole Internet.")
    return found


#: name -> what it means; everything is optional, and an absent one changes nothing.
QUIRKS: dict[str, Quirk] = {
    "allowed_networks": Quirk(
        "Allowed networks",
        "Where this station may connect from; needed when it has no password.",
        Typed(_networks, TEXT),
    ),
    "pin_version": Quirk(
        "Only this version of OCPP",
        "For stations that offer a version they do not speak well; all others are refused.",
        word("1.6", "2.0.1", "2.1"),
    ),
    "no_deflate": Quirk(
        "No compression",
        "For stations whose permessage-deflate is broken.",
    ),
    "deflate_16": Quirk(
        "Compression with OCPP 1.6 too",
        "OCPP 1.6 knows none; a few stations offer it all the same.",
    ),
    "certificate_name": Quirk(
        "Name in its certificate",
        "The common name, where it is not the identity: mostly the serial number. It proves the"
        " station, so no other may have it.",
        _line(64),
    ),
    "assume_subprotocol": Quirk(
        "Assume a version when it names none",
        "Some firmwares leave the WebSocket subprotocol out.",
    ),
    "clock_offset_s": Quirk(
        "Its clock is ahead by (s)",
        "Where its clock is off for good; behind is a minus. Else it is learnt while it is online.",
        whole(-90_000, 90_000),
    ),
    "naive_times": Quirk(
        "Its times without an offset are in",
        "UTC or the site's time (local). Else whichever lies nearer to now is taken, which may be"
        " wrong for what it kept while it was offline.",
        word("UTC", "local"),
    ),
    "call_timeout_s": Quirk(
        "Patience for an answer (s)",
        "Slow stations need a minute.",
        whole(5, 600),
    ),
    "reply_delay_ms": Quirk(
        "Delay of our answers (ms)",
        "A few stations lose an answer that comes at once.",
        whole(0, 10_000),
    ),
    "outbound_after_boot_s": Quirk(
        "Silence after boot (s)",
        "Nothing is sent to it for so long after its boot was answered.",
        whole(0, 600),
    ),
    "stop_on_available_grace_s": Quirk(
        "Patience with a free plug (s)",
        "A session whose plug is called free for so long is over, whatever was not reported.",
        whole(60, 86_400),
    ),
    "ask_about_sessions": Quirk(
        "Ask about doubtful sessions",
        "Before we believe that a session is over, the station is asked how it stands.",
    ),
    "running_cost": Quirk(
        "Tell it the running cost",
        "Over OCPP 2.x, each report of a session is answered with what it costs so far.",
    ),
    "heartbeat_s": Quirk(
        "Heartbeat interval (s)",
        "Instead of the installation's.",
        whole(10, 86_400),
    ),
    "no_trigger_boot": Quirk(
        "Never ask it to boot again",
        "Some stations restart for ever when asked for a BootNotification.",
    ),
    "keep_when_deaf": Quirk(
        "Stay connected when it stops answering",
        "Others are hung up on after three calls without an answer, so that they connect anew.",
    ),
    "availability_per_connector": Quirk(
        "Availability by connector only",
        "For stations that must not be asked to change as a whole.",
    ),
    "no_get_configuration": Quirk(
        "Never read its settings by ourselves",
        "Some stations restart when they are asked for them; staff still may ask.",
    ),
    "no_change_availability": Quirk(
        "Never change its availability",
        "Some stations go out of service for good when they are asked to.",
    ),
    "energy_unit_override": Quirk(
        "Unit of its energy readings",
        "For stations that name the wrong unit.",
        word("Wh", "kWh"),
    ),
    "stack_level": Quirk(
        "Highest stack level of profiles",
        "Many stations know stack level 0 only.",
        whole(0, 1000),
    ),
    "rate_unit": Quirk(
        "Unit of charging profiles",
        "For stations that refuse amperes, or watts.",
        word("A", "W"),
    ),
    "profile_kind": Quirk(
        "Kind of its charging profiles",
        "For stations that know only profiles from a moment on, or only those from a start.",
        word("absolute", "relative"),
    ),
    "min_step_a": Quirk(
        "Steps of its limits (A)",
        "For stations that take whole steps of so many amperes only.",
        whole(1, 32),
    ),
    "security_extension": Quirk(
        "Security extension",
        "Whether it knows GetLog and SignedUpdateFirmware of 1.6; left out: by what it sends.",
    ),
    "files_url": Quirk(
        "How it reaches the desk for files",
        "A URL like http://10.0.0.5:8000, for stations in a network of their own.",
        Typed(_base_url, TEXT),
    ),
    "file_name_in_url": Quirk(
        "File name at the end of addresses",
        "For stations that tell the kind of a file by its name.",
    ),
}


def validated(given: Mapping[str, Any]) -> Json:
    """Return the quirks that are set, typed; empty values drop out.  Raises `Invalid`."""
    found = {}
    for name, value in given.items():
        quirk = QUIRKS.get(name)
        if quirk is None:
            raise Invalid(f"There is no quirk called {name}.", field=name)
        if value is None or value == "" or value == []:
            continue
        try:
            found[name] = quirk.read(name, value, quirk.label)
        except TypeError:
            raise Invalid(f"{quirk.label} must be a whole number.", field=name) from None
    return found
