"""What both kinds of mail have in common: when a row is due, tried again, and given up.

Receipts and other mails are rows of their own; each is claimed (queued -> sending) and committed
before the mail server is given it.  From then on only an answer moves it: where the outcome is
not known nothing sends it again by itself.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import ReceiptState
from app.models import OutgoingMail, Receipt

#: A claim older than this belongs to a process that is gone.
STALE = timedelta(minutes=5)

Kind = type[Receipt] | type[OutgoingMail]


def is_due(row: Any, now: Any) -> ColumnElement[bool]:
    """The condition that a mail waits to be sent, and need not wait any longer."""
    again_at = row.next_try_at
    return and_(row.state == ReceiptState.QUEUED, or_(again_at.is_(None), again_at <= now))


def due(db: Session, kind: Kind, *, now: datetime, limit: int = 200, after: int = 0) -> list[int]:
    """Ids of the mails of a kind that are due, oldest first, those beyond `after`."""
    query = select(kind.id).where(kind.id > after, is_due(kind, now))
    return list(db.scalars(query.order_by(kind.id).limit(limit)))


def try_again_at(
    back_off: Sequence[timedelta], attempts: int, *, permanent: bool, now: datetime
) -> datetime | None:
    """When a mail that was refused is tried again; None where it is given up."""
    if permanent or attempts > len(back_off):
        return None
    return now + back_off[max(attempts, 1) - 1]


def give_up_stale(db: Session, kind: Kind, unclear: Callable[..., None], *, now: datetime) -> int:
    """Call claims `unclear` whose process is gone; returns how many."""
    query = select(kind).where(kind.state == ReceiptState.SENDING, kind.claimed_at < now - STALE)
    stale: Sequence[Any] = db.scalars(query.with_for_update(skip_locked=True)).all()
    for row in stale:
        unclear(db, row, "The process that was sending it ended before the answer.", now=now)
    return len(stale)
