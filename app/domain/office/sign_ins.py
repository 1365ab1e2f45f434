"""Sign-ins: what a cookie is worth, decided by a row and by nothing in the cookie.

A sign-in that nobody asked to remember ends after twelve hours without a
request; a remembered one after thirty days, used or not.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.errors import NotFound
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import SignIn, User

#: A sign-in that is not remembered ends this long after its last request.
IDLE = timedelta(hours=12)
#: No sign-in lasts longer than this, whatever is done with it.
LONGEST = timedelta(days=30)
#: The last request is noted no more often than this: looking at a page is no write.
TOUCH_EVERY = timedelta(minutes=1)
#: For so long the address of an earlier sign-in counts as one of the person's own.
KNOWN_FOR = timedelta(days=90)


def digest(secret: str) -> str:
    """What is stored of a secret that is random enough to need no stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(
    db: Session,
    user: User,
    *,
    now: datetime,
    address: str | None = None,
    agent: str = "",
    remembered: bool = False,
) -> tuple[SignIn, str]:
    """Make a sign-in; returns it and the secret for the cookie."""
    secret = secrets.token_urlsafe(32)
    row = SignIn(
        tenant_id=user.tenant_id,
        user_id=user.id,
        token_hash=digest(secret),
        remembered=remembered,
        address=address,
        agent="".join(sign for sign in agent if sign.isprintable())[:200],
        made_at=now,
        seen_at=now,
        expires_at=now + (LONGEST if remembered else IDLE),
    )
    db.add(row)
    db.flush()
    return row, secret


def find(db: Session, secret: str, *, now: datetime) -> SignIn | None:
    """Return the sign-in with this secret if it counts now."""
    row = db.scalar(
        select(SignIn).where(SignIn.token_hash == digest(secret)).options(joinedload(SignIn.user))
    )
    if row is None or row.ended_at is not None or row.expires_at <= now:
        return None
    return row if row.user.archived_at is None else None


def touch(db: Session, sign_in_id: int, *, now: datetime) -> None:
    """Note that a sign-in was used; one that is not remembered lasts longer by that."""
    row = db.get(SignIn, sign_in_id)
    if row is not None and row.ended_at is None and now - row.seen_at >= TOUCH_EVERY:
        row.seen_at = now
        if not row.remembered:
            row.expires_at = min(now + IDLE, row.made_at + LONGEST)


def of_user(db: Session, user_id: int, *, now: datetime) -> list[SignIn]:
    """Return a person's sign-ins that count now, the one used last first."""
    query = select(SignIn).where(SignIn.user_id == user_id, *_counting(now))
    return list(db.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))


def end(db: Session, actor: Actor, sign_in_id: int, user_id: int, *, now: datetime) -> None:
    """End one sign-in of this person; raises `NotFound` for anybody else's."""
    row = db.get(SignIn, sign_in_id)
    if row is None or row.user_id != user_id:
        raise NotFound("There is no such sign-in.")
    if row.ended_at is None:
        row.ended_at = now
        audit.note(db, actor, "user.sign_out", row.user, now=now)


def end_all(db: Session, user: User, *, now: datetime) -> None:
    """End every sign-in of a person: their password, role, reach or standing changed."""
    db.execute(
        update(SignIn)
        .where(SignIn.user_id == user.id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def counting(db: Session, ids: Iterable[int], *, now: datetime) -> set[int]:
    """Return which of these sign-ins count now."""
    query = select(SignIn.id).join(SignIn.user)
    here = query.where(SignIn.id.in_(list(ids)), User.archived_at.is_(None), *_counting(now))
    return set(db.scalars(here))


def knows_address(db: Session, user_id: int, address: str | None, *, now: datetime) -> bool:
    """Tell whether this person has come in from this address before."""
    query = select(SignIn.id).where(
        SignIn.user_id == user_id, SignIn.address == address, SignIn.made_at > now - KNOWN_FOR
    )
    return address is not None and db.scalar(query.limit(1)) is not None


def forget(db: Session, *, now: datetime, limit: int = 5000) -> None:
    """Remove sign-ins that are over and too old to tell whose address is known."""
    old = SignIn.expires_at < now - KNOWN_FOR
    db.execute(delete(SignIn).where(SignIn.id.in_(select(SignIn.id).where(old).limit(limit))))


def _counting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return SignIn.ended_at.is_(None), SignIn.expires_at > now
