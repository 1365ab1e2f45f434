"""Addresses of our own from which a station fetches a file, or to which it brings one.

The secret in such an address is random, kept as a hash, good for one job and for
a time.  An address is made without its host: how a station reaches the desk is
known where the order is sent (`addressed`).  It is short, because some stations
keep it in a small buffer (FIELD K5).
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.domain.ground.vocabulary import FileJobKind

#: 128 random bits: 22 characters.
_KEY_BYTES = 16
#: The end of a name tells what kind of file it is.
_LONGEST_NAME = 40
#: What is fetched by the station; everything else is brought by it.
FETCHED = frozenset({FileJobKind.FIRMWARE, FileJobKind.PUBLISHED_FIRMWARE})
BROUGHT = frozenset(FileJobKind) - FETCHED


def new_key() -> str:
    """Make the secret of an address."""
    return secrets.token_urlsafe(_KEY_BYTES)


def hash_of(key: str) -> str:
    """What is kept of a secret; with so many random bits a fast hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def path_of(kind: FileJobKind, key: str, name: str = "") -> str:
    """The address of a job without its host; `name` for stations that want to see one."""
    path = f"/{'f' if kind in FETCHED else 'u'}/{key}"
    return f"{path}/{quote(name[-_LONGEST_NAME:], safe='')}" if name else path


def addressed(arguments: Mapping[str, Any], base: str) -> dict[str, Any]:
    """The arguments with an address that a station can use: `base` is put before our own.

    Arguments without an address, or with one of somebody else's, are as they were.
    """
    location = arguments.get("location")
    if not isinstance(location, str) or not location.startswith("/"):
        return dict(arguments)
    return {**arguments, "location": base.rstrip("/") + location}
