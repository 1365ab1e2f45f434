"""Everything about an opening handshake that can be decided without asking anyone.

From the path to an identity, from the offered subprotocols to a version, and what the gate is
asked and answers.  Why it may say no is in `refusals`.

A 1.6 password is a string of octets that is configured as hexadecimal digits; some chargers send
the octets and some the digits (FIELD A1), and an octet may be a colon or no UTF-8 (FIELD A2).
"""

import base64
import binascii
import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from worker.ocpp.refusals import Reason, Refused
from worker.ocpp.versions import SUBPROTOCOLS, Version

#: Longest identity that can be registered; 2.x allows 48 characters.
IDENTITY_LIMIT = 64

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Some chargers join a query to their identity with `&` alone (FIELD C1).
_JOINED = re.compile(r"&[^&=]+=")
#: A path of this one segment addresses the worker and no charger.
_MOUNTS = frozenset({"ocpp", "ocppj", "ocpp16", "ws"})
#: Inner segments of a path this long may be tokens and are not logged.
_TOKEN_LENGTH = 16
_OFFER_LIMIT = 16
_LONGEST_HEADER = 2048
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){1,64}")


@dataclass(slots=True)
class Admitted:
    """What the worker carries along about a station that was let in.

    `access_epoch` is that of the decisions that it was let in under, `shown` the handshake with
    the hash of the password that was right in the place of the password.  `site_id` and `mode`
    (whom it lets charge) are for when they cannot be looked up.
    """

    id: int
    identity: str
    tenant_id: int
    model: str | None
    strict: bool
    timezone: str
    quirks: dict[str, Any]
    served: bool
    clock_offset_s: int | None = None
    access_epoch: int = 1
    shown: "Request | None" = None
    site_id: int | None = None
    mode: Any = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A connection is let in.

    `note` says what was overlooked (an assumed version, say).  `offer` is set where the gate chose
    another subprotocol than the charger's first; `profile` is the security profile that was used.
    `deflate` says whether compression may be agreed on; None: as the version has it.
    """

    station: Admitted
    note: str = ""
    offer: "Offer | None" = None
    profile: int = 1
    deflate: bool | None = None


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that a station showed, to our TLS or to a trusted proxy.

    `organisations` are the O of its subject; `fingerprint` is the SHA-256 in hexadecimal digits;
    `chain` is the certificate and what came with it, as DER.  `verified`: our TLS has followed the
    chain to a root.  `problem` is a sentence that says why it cannot be believed at all.
    """

    common_name: str
    organisations: tuple[str, ...]
    fingerprint: str
    expires_at: datetime
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    verified: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """The outcome of choosing a subprotocol.

    `token` is echoed to the letter; None when the charger named none.  `version` is None when
    nothing it named is spoken here; with no token at all it is 1.6, assumed.
    """

    token: str | None
    version: Version | None
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What HTTP Basic brought, split for the identity that the address names.

    `username` is None when it is not text.  `candidates` are the passwords that may be meant, the
    raw bytes first, then their hexadecimal reading (FIELD A1); compare each in constant time.
    Once one was right it is forgotten, and `proved` is the stored hash that it fitted.
    """

    username: str | None
    matches_identity: bool
    candidates: tuple[bytes, ...] = field(repr=False)
    proved: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A handshake as the gate sees it.  `path` is safe to log: secrets are taken out.

    `secure`: it came over TLS, ours or that of a trusted proxy.  `certificate` is the station's,
    if it showed one there.
    """

    identity: str
    path: str
    remote_address: str
    offer: Offer
    credentials: Credentials | None
    bad_credentials: bool = False
    secure: bool = False
    user_agent: str = ""
    certificate: ClientCertificate | None = None


def identity_from_path(path: str) -> str | Refused:
    """The identity that a request's raw path names: its last segment, decoded once (FIELD C1-C5).

    `path` is as it stood in the request line, decoded from bytes as Latin-1; a query is ignored.
    Chargers add slashes or the identity a second time, which changes nothing.
    """
    segments = [part for part in _parts(path) if part]
    if not segments or (len(segments) == 1 and segments[0].casefold() in _MOUNTS):
        return Refused(Reason.NO_IDENTITY)
    last = segments[-1]
    if _BAD_PERCENT.search(last):
        return Refused(Reason.BAD_IDENTITY)
    try:
        decoded = unquote_to_bytes(last.encode("latin-1")).decode()
    except UnicodeError:
        return Refused(Reason.BAD_IDENTITY)
    identity = unicodedata.normalize("NFC", decoded).strip()
    if not identity:
        return Refused(Reason.NO_IDENTITY)
    if not identity.isprintable():
        return Refused(Reason.BAD_IDENTITY)
    if len(identity) > IDENTITY_LIMIT:
        return Refused(Reason.IDENTITY_TOO_LONG)
    return identity


def loggable_path(path: str) -> str:
    """The path without its query and without inner segments that may be secrets, at most 200."""
    parts = _parts(path)
    shown = [
        "***" if len(part) >= _TOKEN_LENGTH and place < len(parts) - 1 else part
        for place, part in enumerate(parts)
    ]
    return "".join(char if char.isprintable() else "?" for char in "/".join(shown))[:200]


def choose_subprotocol(headers: Iterable[str], spoken: Sequence[Version]) -> Offer:
    """Choose from the values of all Sec-WebSocket-Protocol headers: the charger's first we speak.

    With nothing offered 1.6 is assumed if it is spoken; the gate decides whether that will do
    (FIELD C6).
    """
    joined = ",".join(headers)[:1024]
    offered = tuple(token for part in joined.split(",") if (token := part.strip()))[:_OFFER_LIMIT]
    return choose_offered(offered, spoken)


def choose_offered(
    offered: tuple[str, ...], spoken: Sequence[Version], assumed: Version = Version.V16
) -> Offer:
    """Choose among the offered tokens; with none at all `assumed` is taken if it is spoken."""
    for token in offered:
        version = SUBPROTOCOLS.get(token.casefold())
        if version in spoken:
            return Offer(token, version, offered)
    return Offer(None, assumed if not offered and assumed in spoken else None, offered)


def check_upgrade(method: str, http_version: str, headers: Mapping[str, str]) -> Refused | None:
    """Whether the request is a WebSocket handshake (RFC 6455 section 4.2.1); None when it is.

    `headers` has lower-case names.
    """
    connection = [token.strip().casefold() for token in headers.get("connection", "").split(",")]
    upgrade = [token.strip().casefold() for token in headers.get("upgrade", "").split(",")]
    problem = ""
    if method != "GET" or http_version != "HTTP/1.1":
        problem = "It is not a GET request of HTTP/1.1."
    elif "websocket" not in upgrade:
        problem = "The header Upgrade: websocket is missing."
    elif "upgrade" not in connection:
        problem = "The header Connection: Upgrade is missing; a proxy may have taken it away."
    elif headers.get("sec-websocket-version", "").strip() != "13":
        problem = "Only version 13 of WebSocket is spoken."
    elif not _is_key(headers.get("sec-websocket-key", "")):
        problem = "The header Sec-WebSocket-Key is missing or wrong."
    return Refused(Reason.NOT_WEBSOCKET, problem) if problem else None


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Who is really calling: `peer`, or behind trusted proxies the last address they vouch for.

    `forwarded_for` is the X-Forwarded-For header; it counts only when the peer is trusted, and is
    read from its right end, because everything left of an untrusted address is hearsay.
    """
    address = peer
    for hop in reversed(forwarded_for.split(",")):
        if not hop.strip() or not is_within(address, trusted):
            break
        candidate = hop.strip().strip("[]")
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            break
        address = candidate
    return address


def came_by_tls(forwarded_proto: str) -> bool:
    """Whether every proxy says so in X-Forwarded-Proto: one that appended plain HTTP spoils it."""
    words = [word.strip().casefold() for word in forwarded_proto.split(",")]
    return all(word in ("https", "wss") for word in words)


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


def read_basic(header: str, identity: str) -> Credentials | None:
    """Read an Authorization header for the charger `identity`; None when it is not Basic.

    The user name ends at the first colon after the identity it must equal, so that identities
    with a colon work; a name that is not the identity ends at the first colon.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.casefold() != "basic" or len(encoded) > _LONGEST_HEADER:
        return None
    raw = _decode(encoded)
    if raw is None or b":" not in raw:
        return None
    length = _identity_length(raw, identity)
    if length:
        return Credentials(identity, True, _candidates(raw[length + 1 :]))
    name, _, password = raw.partition(b":")
    try:
        username = unicodedata.normalize("NFC", name.decode())
    except UnicodeDecodeError:
        return Credentials(None, False, _candidates(password))
    return Credentials(username, _same(username, identity), _candidates(password))


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key.strip(), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _parts(path: str) -> list[str]:
    """What stands between the slashes, without a query, a fragment or parameters joined by `&`."""
    plain = path.partition("?")[0].partition("#")[0]
    return [_JOINED.split(part, maxsplit=1)[0] for part in plain.split("/")]


def _decode(encoded: str) -> bytes | None:
    text = encoded.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _identity_length(raw: bytes, identity: str) -> int:
    """How many bytes of `raw` are the identity, when a colon follows it; else 0."""
    for form in ("NFC", "NFD"):
        length = len(unicodedata.normalize(form, identity).encode())
        if raw[length : length + 1] == b":":
            name = raw[:length].decode(errors="replace")
            if _same(unicodedata.normalize("NFC", name), identity):
                return length
    return 0


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _candidates(password: bytes) -> tuple[bytes, ...]:
    """The passwords that may be meant: as sent, and its other form where it can have one."""
    if _HEX.fullmatch(password):
        return (password, binascii.unhexlify(password))
    if password and not (password.isascii() and password.decode("latin-1").isprintable()):
        digits = binascii.hexlify(password)
        return (password, digits, digits.upper())
    return (password,)
