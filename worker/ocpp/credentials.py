"""HTTP Basic as chargers send it: bytes first, text only where it must be.

A 1.6 password is a string of octets that is configured as hexadecimal digits; some chargers send
the octets and some the digits (FIELD A1), and an octet may be a colon or no UTF-8 (FIELD A2).
"""

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass, field

_LONGEST_HEADER = 2048
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){1,64}")


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
