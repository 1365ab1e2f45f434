"""Mails other than receipts: kept as rows until they are sent, then without their text.

They carry one-time links, so what has left is forgotten.  As with receipts, a
mail is claimed before it is sent; one whose outcome is not known is not sent
again, for whoever wants the link asks for another.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.models import OutgoingMail

QUEUED = "queued"
SENDING = "sending"
SENT = "sent"
FAILED = "failed"
UNKNOWN = "unknown"

#: Waits after the first, second, … definite failure; a link does not live longer.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))
STALE = timedelta(minutes=5)


def queue(
    db: Session, tenant_id: int, *, recipient: str, subject: str, body: str, now: datetime
) -> OutgoingMail:
    """Keep a mail and ask for it to be sent."""
    mail = OutgoingMail(
        recipient=recipient, subject=subject[:200], body=body, state=QUEUED, created_at=now
    )
    db.add(mail)
    db.flush()
    events.record(db, events.MailWanted(tenant_id, mail.id))
    return mail


def waiting(db: Session, mail_ids: Sequence[int]) -> Sequence[OutgoingMail]:
    """Those of some mails that wait to be sent."""
    query = select(OutgoingMail).where(
        OutgoingMail.id.in_(mail_ids),
        OutgoingMail.state == QUEUED,
        OutgoingMail.body.is_not(None),
    )
    return db.scalars(query.order_by(OutgoingMail.id)).all()


def due(db: Session, *, now: datetime, limit: int = 200, after: int = 0) -> list[int]:
    """Ids of the mails that wait to be sent, oldest first, those beyond `after`."""
    query = select(OutgoingMail.id).where(
        OutgoingMail.id > after,
        OutgoingMail.state == QUEUED,
        or_(OutgoingMail.next_try_at.is_(None), OutgoingMail.next_try_at <= now),
    )
    return list(db.scalars(query.order_by(OutgoingMail.id).limit(limit)))


def claim(db: Session, mail_id: int, *, now: datetime) -> OutgoingMail | None:
    """Take a due mail for sending, alone; None where somebody else has it or it is not due."""
    taken: CursorResult[Any] = db.execute(  # type: ignore[assignment]
        update(OutgoingMail)
        .where(
            OutgoingMail.id == mail_id,
            OutgoingMail.state == QUEUED,
            or_(OutgoingMail.next_try_at.is_(None), OutgoingMail.next_try_at <= now),
        )
        .values(state=SENDING, claimed_at=now, next_try_at=None, attempts=OutgoingMail.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        return None
    return db.get(OutgoingMail, mail_id, populate_existing=True)


def sent(db: Session, mail: OutgoingMail, *, now: datetime) -> None:
    """The mail server has taken the mail; its text is forgotten."""
    mail.state, mail.sent_at, mail.error, mail.body = SENT, now, None, None
    db.flush()


def refused(
    db: Session, mail: OutgoingMail, detail: str, *, permanent: bool, now: datetime
) -> None:
    """The mail was certainly not taken: try again later, or give up and forget it."""
    mail.error = detail[:300]
    if permanent or mail.attempts > len(BACK_OFF):
        mail.state, mail.body = FAILED, None
    else:
        mail.state = QUEUED
        mail.next_try_at = now + BACK_OFF[max(mail.attempts, 1) - 1]
    db.flush()


def unclear(db: Session, mail: OutgoingMail, detail: str) -> None:
    """The mail may or may not have been taken: it is not sent again."""
    mail.state, mail.error, mail.body = UNKNOWN, detail[:300], None
    db.flush()


def give_up_stale(db: Session, *, now: datetime) -> int:
    """Give up claims whose process is gone; returns how many."""
    query = select(OutgoingMail).where(
        OutgoingMail.state == SENDING, OutgoingMail.claimed_at < now - STALE
    )
    stale = db.scalars(query.with_for_update(skip_locked=True)).all()
    for mail in stale:
        unclear(db, mail, "The process that was sending it ended before the answer.")
    return len(stale)
