"""The last signs of parts that have no row of their own."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.models import SystemMark

#: The sweep, which Celery's beat asks for and Celery's worker does.
SWEEP = "sweep"


def sign(db: Session, part: str, *, now: datetime, failed: str | None = None) -> SystemMark:
    """Note that a part gives a sign: all is well, or what `failed` in one sentence.

    A failed part keeps its sentence until it says that all is well: see `began`.
    """
    mark = _mark(db, part, now)
    mark.at = now
    if mark.ok is (failed is not None):
        mark.ok, mark.since = failed is None, now
    mark.sentence = (failed or "")[:300]
    db.flush()
    return mark


def began(db: Session, part: str, *, now: datetime) -> None:
    """Note that a part has begun its work; how it went before still stands."""
    _mark(db, part, now).at = now
    db.flush()


def _mark(db: Session, part: str, now: datetime) -> SystemMark:
    mark = db.get(SystemMark, part)
    if mark is None:
        mark = SystemMark(part=part, at=now, since=now, ok=True, sentence="")
        db.add(mark)
    return mark
