"""API tokens: a member of staff's key for programs, with that person's role and reach.

The secret is shown once; its digest is stored, and its beginning so that
people recognise it.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import audit, texts
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.sign_ins import digest
from app.domain.vocabulary import Actor
from app.models import ApiToken, User

PREFIX = "ampd_"
#: A token's last use is noted no more often than this: a busy program must not write on every call.
TOUCH_EVERY = timedelta(minutes=1)


def issue(
    db: Session, actor: Actor, user: User, *, name: str, now: datetime, days: int | None = None
) -> tuple[ApiToken, str]:
    """Make a token that works for `days` days (None: until revoked); returns it and its secret."""
    if user.archived_at is not None:
        raise Conflict(f"{user.name} is deactivated and cannot have a token.")
    if days is not None and not 1 <= days <= 3650:
        raise Invalid("A token lives between 1 and 3650 days.", field="days")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=texts.line(name, "The token’s name", 120, field="name", required=True),
        token_hash=digest(secret),
        hint=secret[:12],
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )
    db.add(token)
    db.flush()
    audit.note(db, actor, "token.issue", token, now=now)
    return token, secret


def revoke(db: Session, actor: Actor, token: ApiToken, *, now: datetime) -> None:
    """Make a token useless from now on."""
    if token.revoked_at is not None:
        return
    before = audit.snapshot(token)
    token.revoked_at = now
    audit.note(db, actor, "token.revoke", token, now=now, before=before)


def get(db: Session, token_id: int) -> ApiToken:
    """Return a token; raises `NotFound`."""
    token = db.get(ApiToken, token_id)
    if token is None:
        raise NotFound("There is no such API token.")
    return token


def find(db: Session, secret: str, *, now: datetime) -> ApiToken | None:
    """Return the token with this secret if it works now and its person may still sign in."""
    token = db.scalar(select(ApiToken).where(ApiToken.token_hash == digest(secret)))
    if token is None or token.revoked_at is not None or token.user.archived_at is not None:
        return None
    if token.expires_at is not None and token.expires_at <= now:
        return None
    return token


def is_stale(token: ApiToken, *, now: datetime) -> bool:
    """Tell whether `touch` would note anything new."""
    return token.last_used_at is None or now - token.last_used_at >= TOUCH_EVERY


def touch(token: ApiToken, *, now: datetime) -> None:
    """Note that the token was used."""
    token.last_used_at = now
