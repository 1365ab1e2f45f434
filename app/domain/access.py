"""Decisions about who may connect, and what they mean for a connection that is open already.

Every such decision raises the station's `access_epoch`; a connection carries the epoch under
which it was let in, and the worker that holds it ends it as soon as the two differ.  So a new
reason to end a connection needs one call here and nothing in the worker.
"""

from typing import Any

from sqlalchemy.orm import Session

from app.domain.events import AccessChanged, record
from app.domain.vocabulary import Registration
from app.models import Station

#: The quirks that decide who may connect.
QUIRKS = ("allowed_networks", "certificate_name")


def changed(db: Session, station: Station) -> None:
    """Note that who may connect as `station` was decided anew."""
    station.access_epoch = (station.access_epoch or 0) + 1
    db.flush()
    record(db, AccessChanged(station.tenant_id, station.id))


def terms(station: Station) -> tuple[Any, ...]:
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
