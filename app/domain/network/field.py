"""At the charger: its label's code, and the faults that staff in front of it note."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Conflict
from app.domain.ground.events import StationChanged, record
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import NotedFault, Station


def by_code(db: Session, code: str) -> Station | None:
    """The station whose label holds a code; one in the archive has none any more."""
    found = select(Station).where(Station.field_code == code.strip().lower())
    return db.scalar(found.where(Station.archived_at.is_(None)))


def note_fault(
    db: Session,
    actor: Actor,
    station: Station,
    text: str,
    *,
    now: datetime,
    photo: str | None = None,
) -> NotedFault:
    """Keep what somebody saw at a station; `photo` is the name of a stored picture.

    Raises `Invalid`.
    """
    words = texts.line(" ".join(text.split()), "What is wrong", 500, field="text", required=True)
    fault = NotedFault(
        station_id=station.id, text=words, photo=photo, noted_by=actor.name, noted_at=now
    )
    db.add(fault)
    db.flush()
    audit.remark(db, actor, "station.fault", station, words, now=now)
    record(db, StationChanged(station.tenant_id, station.id))
    return fault


def settle_fault(
    db: Session, actor: Actor, fault: NotedFault, note: str = "", *, now: datetime
) -> NotedFault:
    """Say that a fault is done, and maybe how; raises `Conflict` when it is already."""
    if fault.done_at is not None:
        raise Conflict(f"{fault.done_by} said before that it is done.")
    words = texts.line(" ".join(note.split()), "What was done", 300, field="note")
    fault.done_by, fault.done_at, fault.done_note = actor.name, now, words or None
    station, words, also = fault.station, (words or fault.text)[:500], audit.changes(db, fault)
    audit.remark(db, actor, "station.fault_done", station, words, now=now, also=also)
    record(db, StationChanged(station.tenant_id, station.id))
    return fault


def forget_photos(db: Session, *, before: datetime) -> Sequence[str]:
    """Let go of the photos of faults that were done before an instant; returns their names."""
    old = db.scalars(
        select(NotedFault)
        .where(NotedFault.photo.is_not(None), NotedFault.done_at < before)
        .limit(500)
    ).all()
    names = [str(fault.photo) for fault in old]
    for fault in old:
        fault.photo = None
    db.flush()
    return names
