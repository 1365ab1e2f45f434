"""Edits of what somebody else may have changed meanwhile: the audit tells.

Whoever edits a row in a form opened it some time before.  A form says every member, so one that
is older than the last change would take that back without a word.
"""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict
from app.models import AuditEntry, Tenant


def newest(db: Session, row: Any) -> int:
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
    """Keep a row from everybody else until the unit of work ends, and read it anew."""
    model = type(row)
    db.execute(select(model.id).where(model.id == row.id).with_for_update())
    db.refresh(row)


def _about(row: Any) -> tuple[ColumnElement[bool], ...]:
    owner = row.id if isinstance(row, Tenant) else row.tenant_id
    kind = AuditEntry.subject_kind == type(row).__name__
    return AuditEntry.tenant_id == owner, kind, AuditEntry.subject_id == row.id
