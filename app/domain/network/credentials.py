"""What stations are let in by: their passwords, and every decision about who may connect.

A password that we made has 160 random bits: a salted fast hash is enough, and
5,000 chargers that reconnect at once do not bring the worker to its knees.  A
password that somebody chose is stretched with scrypt, off the event loop.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.events import AccessChanged, record
from app.domain.ground.vocabulary import Actor, Registration
from app.domain.office import audit
from app.models import Station

_FAST = "sha256"
_SLOW = "scrypt"
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def generate() -> str:
    """Make a password: 40 hexadecimal characters, the longest that every 1.6 charger takes."""
    return secrets.token_hex(20)


def hash_generated(password: str) -> str:
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


# Decisions about who may connect, and what they mean for a connection that is open already.
#
# Every such decision raises the station's `access_epoch`; a connection carries the epoch under
# which it was let in, and the worker that holds it looks at it anew as soon as the two differ.  So
# a new reason to end a connection needs one call here and nothing in the worker.

#: The quirks that decide who may connect.
QUIRKS = ("allowed_networks", "certificate_name")

_STATION = Station.__table__
_FENCES = BulkRead(
    select(_STATION.c.id, _STATION.c.access_epoch, _STATION.c.connection_id).where(
        among(_STATION.c.id, "stations")
    )
)
_DECISIONS = select(func.sum(_STATION.c.access_epoch))


def access_changed(db: Session, *stations: Station) -> None:
    """Note that who may connect as these stations was decided anew."""
    for station in stations:
        station.access_epoch = (station.access_epoch or 0) + 1
    db.flush()
    for station in stations:
        record(db, AccessChanged(station.tenant_id, station.id))


def password_changed(db: Session, actor: Actor, station: Station, *, now: datetime) -> None:
    """Note that another password is right from now on; the audit tells that, masked."""
    db.flush()
    audit.remark(db, actor, "station.password", station, now=now)
    access_changed(db, station)


def access_terms(station: Station) -> tuple[Any, ...]:
    """What a station is let in by: when it differs, an open connection has to prove itself anew."""
    quirks = station.quirks or {}
    return (
        station.identity_key,
        station.security_profile,
        station.username_alias,
        station.registration is Registration.BLOCKED,
        station.archived_at is not None,
        *(quirks.get(name) for name in QUIRKS),
    )


def fences(db: Session, station_ids: Iterable[int]) -> dict[int, tuple[int, int | None]]:
    """What connections are held against, by station: its access epoch, and its connection now."""
    found = _FENCES(db, stations=set(station_ids))
    return {number: (epoch, connection_id) for number, epoch, connection_id in found}


def access_decisions(db: Session) -> int:
    """A number that grows with every decision, whichever station it is about: cheap to ask for."""
    return int(db.scalar(_DECISIONS) or 0)
