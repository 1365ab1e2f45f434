"""Which addresses outside may be sent to: what they look like, and what they lead to.

Somebody types them, so each could be meant to reach what only we can reach.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from app.domain.ground.errors import Invalid
from app.domain.ground.texts import IpAddress

#: Networks whose addresses hold others within them, or lead back here, however public they look.
_LEAD_ELSEWHERE = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where may be sent to besides public addresses, and whether without TLS."""

    networks: tuple[str, ...] = ()
    plain_http: bool = False

    def allows(self, address: IpAddress) -> bool:
        """Tell whether an address may be used."""
        if any(address in ipaddress.ip_network(network) for network in self.networks):
            return True
        hidden = any(address in network for network in _LEAD_ELSEWHERE)
        odd = address.is_multicast or address.is_reserved or address.is_unspecified
        return address.is_global and not odd and not hidden


def parts(url: str, reach: Reach) -> SplitResult:
    """Take an address apart; raises `Invalid` for what is none that may be used."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        raise _refusal("This is no address.") from None
    if found.scheme != "https" and not (found.scheme == "http" and reach.plain_http):
        raise _refusal("The address must begin with https://.")
    if not found.hostname or found.username or found.password or found.fragment or port == 0:
        raise _refusal("The address must be a host and a path, without a user or a fragment.")
    if not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        raise _refusal("The address may hold plain characters only.")
    return found


def _refusal(sentence: str) -> Invalid:
    return Invalid(sentence, field="url")
