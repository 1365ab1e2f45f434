"""Members of staff and their API tokens, as the desk and the command line list them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground import texts
from app.domain.ground.vocabulary import Role
from app.domain.office import rights
from app.models import ApiToken, AuditEntry, OwnRole, User
from app.queries.ground.filters import fitting, put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS = {
    "name": by_name(User.name),
    "email": User.email_key,
    "role": User.role,
    "last": User.last_sign_in_at,
    "created": User.created_at,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is active (the default), archived or all."""

    q: str = ""
    role: str = ""
    state: str = ""

    def select(self) -> Select[User]:
        """Select the members of staff, in no order yet."""
        query = select(User).options(
            selectinload(User.sites), joinedload(User.own_role), joinedload(User.owner)
        )
        if self.q:
            query = query.where(alike(like(self.q), User.name, User.email))
        if self.role:
            query = query.where(of_role(self.role))
        if self.state != "all":
            query = query.where(put_away(User, self.state == "archived"))
        return query


def of_role(name: str) -> ColumnElement[bool]:
    if name in rights.BUILT_IN:
        return User.role == Role(name)
    return User.own_role.has(OwnRole.name_key == texts.key(name))


def people_of_roles(db: Session) -> dict[str, int]:
    """Return how many people and machines have each role, by its name."""
    called = func.coalesce(OwnRole.name, User.role)
    query = select(called, func.count()).outerjoin(User.own_role)
    return dict(db.execute(query.where(User.archived_at.is_(None)).group_by(called)).all())


def owners(db: Session) -> list[User]:
    """Return who may answer for a machine."""
    people = select(User).where(User.archived_at.is_(None), User.owner_id.is_(None))
    return list(db.scalars(people.order_by(by_name(User.name))))


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    return fetch(db, wanted.select(), wish, SORTS, default="name", noun="people")


def tokens(db: Session, user: User | None = None) -> list[ApiToken]:
    """Return API tokens, the newest first: a person's, or everybody's."""
    whose = joinedload(ApiToken.user).joinedload(User.own_role)
    query = select(ApiToken).options(whose).order_by(ApiToken.id.desc())
    if user is not None:
        query = query.where(ApiToken.user_id == user.id)
    return list(db.scalars(query.limit(500)))


# The audit, newest first: who did what to which thing.

#: The newest entries, whose words are what the audit may be narrowed to.
LATE = 5_000
AUDIT_SORTS = {
    "at": AuditEntry.at,
    "actor": AuditEntry.actor,
    "action": AuditEntry.action,
    "subject": AuditEntry.subject,
}


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What the list is narrowed to; `noun` is the first half of an action (station, user …)."""

    q: str = ""
    noun: str = ""
    actor: str = ""
    subject_kind: str = ""
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def select(self) -> Select[AuditEntry]:
        """Select the entries, in no order yet."""
        own = {name: getattr(AuditEntry, name) for name in ("actor", "subject_kind", "subject_id")}
        query = select(AuditEntry).where(*fitting(self, AuditEntry.at, **own))
        if self.q:
            columns = (AuditEntry.subject, AuditEntry.action, AuditEntry.note, AuditEntry.actor)
            query = query.where(alike(like(self.q), *columns))
        if self.noun:
            query = query.where(AuditEntry.action.startswith(f"{self.noun}.", autoescape=True))
        return query


def audit_page(db: Session, wanted: AuditFilter, wish: Wish) -> Page:
    return fetch(db, wanted.select(), wish, AUDIT_SORTS, default="-at", noun="entries")


def nouns(db: Session) -> list[str]:
    """Return the things that entries of late are about, for the filter."""
    return sorted({action.split(".")[0] for action in _of_late(db, AuditEntry.action)})


def actors(db: Session) -> list[str]:
    """Return everybody who did something of late, for the filter."""
    return sorted(_of_late(db, AuditEntry.actor))


def _of_late(db: Session, column: Any) -> set[str]:
    late = select(column.label("word")).order_by(AuditEntry.at.desc()).limit(LATE).subquery()
    return set(db.scalars(select(late.c.word).distinct()))
