"""What to type into a charger, in the words of the version of OCPP that it speaks."""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from app.config import Settings
from app.models import Station


@dataclass(frozen=True, slots=True)
class Guide:
    """The names of one version for what stands on the Setup tab.

    `adds_identity`: the charger itself adds its identity to the URL it is given.
    """

    label: str
    subprotocol: str
    url: str
    identity: str
    password: str
    adds_identity: bool
    more: tuple[tuple[str, str], ...]


_PROFILE_2X = (
    ("ocppTransport", "JSON"),
    ("ocppInterface", "how it is wired, such as Wired0 or Wireless0"),
    ("messageTimeout", "30"),
    ("NetworkConfigurationPriority", "the number of the slot that was filled in"),
)

GUIDES: Mapping[str, Guide] = {
    "1.6": Guide(
        *("OCPP 1.6J", "ocpp1.6"),
        url="Central system, backend or OCPP server URL",
        identity="ChargePointId, ChargeBoxId or charger identity",
        password="AuthorizationKey",
        adds_identity=False,
        more=(),
    ),
    "2.0.1": Guide(
        *("OCPP 2.0.1", "ocpp2.0.1"),
        url="ocppCsmsUrl of a NetworkConnectionProfile",
        identity="Identity of SecurityCtrlr",
        password="BasicAuthPassword of SecurityCtrlr",
        adds_identity=True,
        more=(("ocppVersion", "OCPP20"), *_PROFILE_2X),
    ),
    "2.1": Guide(
        *("OCPP 2.1", "ocpp2.1"),
        url="ocppCsmsUrl of a NetworkConnectionProfile",
        identity="identity in that profile, or Identity of SecurityCtrlr",
        password="basicAuthPassword in that profile, or of SecurityCtrlr",
        adds_identity=True,
        more=(("ocppVersion", "OCPP21"), *_PROFILE_2X),
    ),
}


def version_of(station: Station, wished: str) -> str:
    """The version to show: the one asked for, pinned, last spoken, or the most common one."""
    spoken = (station.protocol or "").removeprefix("ocpp")
    pinned = str(station.quirks.get("pin_version"))
    return next(word for word in (wished, pinned, spoken, "1.6") if word in GUIDES)


# Where chargers reach the worker: the address that is set, or a guess that says it is one.

#: An address that leads nowhere: asking for the way to it sends nothing (RFC 5737).
_NOWHERE = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True)
class ChargerAddress:
    """A URL to which `/<identity>` is added.

    `doubt` says in a sentence why it may be another; it is empty for one that
    somebody set.
    """

    base: str
    doubt: str = ""

    def of(self, identity: str) -> str:
        """The whole URL of one station."""
        return f"{self.base}/{quote(identity, safe='')}"


def charger_address(settings: Settings, desk_host: str = "") -> ChargerAddress:
    """How chargers reach the worker; `desk_host` is the host by which a browser reached us."""
    if settings.ocpp_public_url:
        return ChargerAddress(settings.ocpp_public_url.rstrip("/"))
    tls = settings.ocpp_tls_port
    scheme, port = ("wss", tls) if tls else ("ws", settings.ocpp_port)
    bound = settings.ocpp_host
    if is_here_only(bound):
        host = bound
        doubt = f"No charger reaches this: the worker listens on {bound} only (AMPDESK_OCPP_HOST)."
    else:
        host = _reachable(bound, desk_host)
        doubt = "This is a guess: AMPDESK_OCPP_PUBLIC_URL says how chargers reach this computer."
        if tls:
            doubt += " With TLS the name must be the one in the certificate."
    return ChargerAddress(f"{scheme}://{_in_url(host)}:{port}/ocpp", doubt)


def is_here_only(host: str) -> bool:
    """Whether a host means the computer itself, so that nobody else reaches it by that name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def leads_here_only(url: str) -> bool:
    """Whether only this computer reaches an address that others are given."""
    return is_here_only(urlsplit(url).hostname or "")


def _reachable(bound: str, desk_host: str) -> str:
    """A host that others may reach: the one listened on, the browser's, or our own address."""
    if bound not in ("", "0.0.0.0", "::"):
        return bound
    if desk_host and not is_here_only(desk_host):
        return desk_host
    return _own_address() or socket.gethostname()


def _own_address() -> str:
    """This computer's address on the way out; empty without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(_NOWHERE)
            found = str(way.getsockname()[0])
        except OSError:
            return ""
    return "" if is_here_only(found) or found == "0.0.0.0" else found


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
