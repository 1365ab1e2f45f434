"""Invitations: whom a link waits for that was mailed to them, until when, and taking it back."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit, sign_ins, staff
from app.models import OneTimeLink, User


def waits(user: User) -> bool:
    """Tell whether somebody was invited and never came in."""
    came = user.password_hash or user.last_sign_in_at or user.owner_id
    return not came and user.archived_at is None


def until(db: Session, user: User, *, now: datetime) -> datetime | None:
    """How long the link of an invitation works; None: there is none that does."""
    return db.scalar(
        select(func.max(OneTimeLink.expires_at)).where(
            OneTimeLink.user_id == user.id,
            OneTimeLink.purpose == sign_ins.RESET,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now,
        )
    )


def withdraw(db: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Take an invitation back: its links stop working, and nobody comes in by that address.

    Raises `Conflict` for somebody who came in already: those are deactivated.
    """
    if not waits(user):
        raise Conflict(f"{user.name} is no longer only invited; deactivate them instead.")
    db.execute(
        update(OneTimeLink)
        .where(OneTimeLink.user_id == user.id, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    audit.remark(db, actor, "user.withdraw_invitation", user, now=now)
    staff.archive(db, actor, user, now=now)
