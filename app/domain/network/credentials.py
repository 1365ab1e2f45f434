"""Passwords of stations: made, hashed and compared.

A password that we made has 160 random bits: a salted fast hash is enough, and
5,000 chargers that reconnect at once do not bring the worker to its knees.  A
password that somebody chose is stretched with scrypt, off the event loop.
"""

import hashlib
import hmac
import secrets

_FAST = "sha256"
_SLOW = "scrypt"
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def generate() -> str:
    """Make a password: 40 hexadecimal characters, the longest that every 1.6 charger takes."""
    return secrets.token_hex(20)


def hash_generated(password: str) -> str:
    """Hash a password of `generate`."""
    salt = secrets.token_bytes(16)
    return f"{_FAST}${salt.hex()}${hashlib.sha256(salt + password.encode()).hexdigest()}"


def hash_chosen(password: str) -> str:
    """Hash a password that somebody chose (slow on purpose)."""
    salt = secrets.token_bytes(16)
    return f"{_SLOW}${salt.hex()}${_stretch(password.encode(), salt)}"


def is_slow(stored: str) -> bool:
    """Tell whether comparing with this hash takes tens of milliseconds."""
    return stored.startswith(_SLOW)


def matches(stored: str, given: bytes) -> bool:
    """Compare a password that a charger may mean with a stored hash, in constant time."""
    kind, salt_hex, digest = stored.split("$")
    salt = bytes.fromhex(salt_hex)
    fast = kind == _FAST
    found = hashlib.sha256(salt + given).hexdigest() if fast else _stretch(given, salt)
    return hmac.compare_digest(found, digest)


def _stretch(password: bytes, salt: bytes) -> str:
    return hashlib.scrypt(password, salt=salt, dklen=32, **_SCRYPT).hex()
