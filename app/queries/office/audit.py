"""The audit, newest first: who did what to which thing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.models import AuditEntry
from app.queries.ground.paging import Page, Wish, fetch, like

SORTS = {
    "at": AuditEntry.at,
    "actor": AuditEntry.actor,
    "action": AuditEntry.action,
    "subject": AuditEntry.subject,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `noun` is the first half of an action (station, user …)."""

    q: str = ""
    noun: str = ""
    actor: str = ""
    subject_kind: str = ""
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def select(self) -> Select[tuple[AuditEntry]]:
        """Select the entries, in no order yet."""
        query = select(AuditEntry)
        if self.q:
            pattern = like(self.q)
            columns = (AuditEntry.subject, AuditEntry.action, AuditEntry.note, AuditEntry.actor)
            query = query.where(or_(*(column.ilike(pattern, escape="\\") for column in columns)))
        if self.noun:
            query = query.where(AuditEntry.action.startswith(f"{self.noun}.", autoescape=True))
        if self.actor:
            query = query.where(AuditEntry.actor == self.actor)
        if self.subject_kind:
            query = query.where(AuditEntry.subject_kind == self.subject_kind)
        if self.subject_id is not None:
            query = query.where(AuditEntry.subject_id == self.subject_id)
        if self.since:
            query = query.where(AuditEntry.at >= self.since)
        if self.until:
            query = query.where(AuditEntry.at < self.until)
        return query


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    """Return the wished page of the audit."""
    return fetch(db, wanted.select(), wish, SORTS, default="-at", noun="entries")


def nouns(db: Session) -> list[str]:
    """Return the things that entries are about, for the filter."""
    actions = db.scalars(select(AuditEntry.action).distinct())
    return sorted({action.split(".")[0] for action in actions})


def actors(db: Session) -> list[str]:
    """Return everybody who did something, for the filter."""
    return list(db.scalars(select(AuditEntry.actor).distinct().order_by(AuditEntry.actor)))
