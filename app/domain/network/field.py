"""At the charger: its label's code, and what staff in front of it note."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.events import StationChanged, record
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import Station

#: The action under which a noted fault stands in the audit.
FAULT = "station.fault"


def by_code(db: Session, code: str) -> Station | None:
    """The station whose label holds a code; one in the archive has none any more."""
    found = select(Station).where(Station.field_code == code.strip().lower())
    return db.scalar(found.where(Station.archived_at.is_(None)))


def note_fault(db: Session, actor: Actor, station: Station, text: str, *, now: datetime) -> None:
    """Keep what somebody saw at a station, in the audit.  Raises `Invalid`."""
    words = texts.line(" ".join(text.split()), "What is wrong", 500, field="text", required=True)
    audit.remark(db, actor, FAULT, station, words, now=now)
    record(db, StationChanged(station.tenant_id, station.id))
