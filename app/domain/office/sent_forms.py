"""Forms that were sent: none is done twice, and none that is older than what it would change.

A row says that a form's work is done, for it is written in the unit of work that did it.  It has a
digest of the form's key and contents, and the answer as nobody reads it without them.

Whoever edits a row in a form opened it some time before.  A form says every member, so one that is
older than the row's last change, which the audit tells, would take that back without a word.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, text, update
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict
from app.models import AuditEntry, ChargingSession, SentForm, Tenant
from app.models.base import Instant

#: For so long a form is known again.
KEPT = timedelta(hours=24)
#: A second one waits here until the first has committed, or not.
_CLAIM = text(
    "INSERT INTO sent_forms (digest, at) VALUES (:digest, :at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=Instant()))


def claim(db: Session, digest: str, *, now: datetime) -> bool:
    """Note that what the form asks for is done in this unit of work; False: it was done before."""
    done = db.execute(_CLAIM, {"digest": digest, "at": now})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def keep(db: Session, digest: str, answer: str) -> None:
    """Keep what the form was answered with."""
    db.execute(update(SentForm).where(SentForm.digest == digest).values(answer=answer))


def release(db: Session, digest: str) -> None:
    """Forget a form that was refused after all."""
    db.execute(delete(SentForm).where(SentForm.digest == digest))


def newest_change(db: Session, row: Any) -> int:
    """The number of the newest entry of the audit about a row; 0 where there is none."""
    return db.scalar(select(func.max(AuditEntry.id)).where(*_about(row))) or 0


def refuse_changed(db: Session, row: Any, since: int) -> None:
    """Raise `Conflict` where a row was changed after that entry; entries about it do not count
    that changed nothing of it.

    Until the unit of work ends nobody else may change it.
    """
    lock(db, row)
    later = select(AuditEntry).where(*_about(row), AuditEntry.id > since)
    for entry in db.scalars(later.order_by(AuditEntry.id.desc())):
        if entry.after:
            raise Conflict(
                f"{entry.actor} has changed this since you opened it. Look at it in another window "
                "before you save: what stands here would take the place of that."
            )


def lock(db: Session, row: Any) -> None:
    """Keep a row from everybody else until the unit of work ends, and read it anew.

    Of what is said of a session's money the session first, as whoever bills it does.
    """
    for model, number in (
        (ChargingSession, getattr(row, "session_id", None)),
        (type(row), row.id),
    ):
        query = select(model.id).where(model.id == number)
        db.execute(query.with_for_update(key_share=True))
    db.refresh(row)


def _about(row: Any) -> tuple[ColumnElement[bool], ...]:
    owner = row.id if isinstance(row, Tenant) else row.tenant_id
    kind = AuditEntry.subject_kind == type(row).__name__
    return AuditEntry.tenant_id == owner, kind, AuditEntry.subject_id == row.id
