"""Idempotency keys: the same request under the same key is done once and answered alike.

A key belongs to its token and is kept for a day.  A request that was refused
has changed nothing, so it gives its key back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict, Invalid
from app.models import IdempotencyKey

KEPT = timedelta(hours=24)
LONGEST = 255
FIELD = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a request was answered with."""

    status: int
    body: str
    mimetype: str
    location: str | None


def begin(
    db: Session, *, tenant_id: int, token_id: int, key: str, fingerprint: str, now: datetime
) -> Kept | None:
    """Claim a key; returns what it was answered with before, or None: go on.

    Raises `Invalid` for a key that names another request, `Conflict` while the
    first one is under way or when its answer was lost.
    """
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST):
        raise Invalid(f"A key has 1 to {LONGEST} printable ASCII characters.", field=FIELD)
    row = _find(db, token_id, key)
    if row is not None and row.created_at <= now - KEPT:
        db.delete(row)
        db.flush()
        row = None
    if row is None:
        row = IdempotencyKey(
            tenant_id=tenant_id,
            token_id=token_id,
            key=key,
            fingerprint=fingerprint,
            created_at=now,
        )
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError:
            raise _under_way() from None
        return None
    if row.fingerprint != fingerprint:
        raise Invalid("This key was used for another request; choose a new one.", field=FIELD)
    if row.status is None:
        raise _under_way()
    return Kept(row.status, row.body or "", row.mimetype or "", row.location)


def finish(db: Session, token_id: int, key: str, kept: Kept) -> None:
    """Keep what the request was answered with."""
    row = _find(db, token_id, key)
    if row is not None:
        row.status, row.body = kept.status, kept.body
        row.mimetype, row.location = kept.mimetype, kept.location


def release(db: Session, token_id: int, key: str) -> None:
    """Give back the key of a request that changed nothing."""
    row = _find(db, token_id, key)
    if row is not None and row.status is None:
        db.delete(row)


def forget(db: Session, *, now: datetime, limit: int = 5000) -> None:
    """Remove keys that are older than a day."""
    old = select(IdempotencyKey.id).where(IdempotencyKey.created_at <= now - KEPT).limit(limit)
    db.execute(delete(IdempotencyKey).where(IdempotencyKey.id.in_(old)))


def _find(db: Session, token_id: int, key: str) -> IdempotencyKey | None:
    return db.scalar(
        select(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
    )


def _under_way() -> Conflict:
    return Conflict(
        "A request with this key is under way, or was cut off: see whether it took effect.",
        field=FIELD,
    )
