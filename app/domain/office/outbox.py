"""What both kinds of mail have in common: when a row is due, tried again, and given up.

Receipts and other mails are rows of their own; each is claimed (queued -> sending) and committed
before the mail server is given it.  From then on only an answer moves it: where the outcome is
not known nothing sends it again by itself.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
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


# Mails other than receipts: kept as rows until they are sent, then without their text.
#
# They carry one-time links, so what has left is forgotten.  One whose outcome is
# not known is not sent again, for whoever wants the link asks for another.

#: Waits after the first, second, … definite failure; a link does not live longer.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))


def queue(
    db: Session, tenant_id: int, *, recipient: str, subject: str, body: str, now: datetime
) -> OutgoingMail:
    """Keep a mail and ask for it to be sent."""
    mail = OutgoingMail(recipient=recipient, subject=subject[:200], body=body, created_at=now)
    db.add(mail)
    db.flush()
    events.record(db, events.MailWanted(tenant_id, mail.id))
    return mail


def waiting(db: Session, mail_ids: Sequence[int]) -> Sequence[OutgoingMail]:
    """Those of some mails that wait to be sent."""
    query = select(OutgoingMail).where(
        OutgoingMail.id.in_(mail_ids),
        OutgoingMail.state == ReceiptState.QUEUED,
        OutgoingMail.body.is_not(None),
    )
    return db.scalars(query.order_by(OutgoingMail.id)).all()


def claim(db: Session, mail_id: int, *, now: datetime) -> OutgoingMail | None:
    """Take a due mail for sending, alone; None where somebody else has it or it is not due."""
    taken: CursorResult[Any] = db.execute(  # type: ignore[assignment]
        update(OutgoingMail)
        .where(OutgoingMail.id == mail_id, is_due(OutgoingMail, now))
        .values(
            state=ReceiptState.SENDING,
            claimed_at=now,
            next_try_at=None,
            attempts=OutgoingMail.attempts + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        return None
    return db.get(OutgoingMail, mail_id, populate_existing=True)


def sent(db: Session, mail: OutgoingMail, detail: str, *, now: datetime) -> None:
    """The mail server has taken the mail; its text is forgotten."""
    mail.state, mail.sent_at, mail.error, mail.body = ReceiptState.SENT, now, None, None
    db.flush()


def refused(
    db: Session, mail: OutgoingMail, detail: str, *, permanent: bool, now: datetime
) -> None:
    """The mail was certainly not taken: try again later, or give up and forget it."""
    mail.error = detail[:300]
    again_at = try_again_at(BACK_OFF, mail.attempts, permanent=permanent, now=now)
    if again_at is None:
        mail.state, mail.body = ReceiptState.FAILED, None
    else:
        mail.state, mail.next_try_at = ReceiptState.QUEUED, again_at
    db.flush()


def unclear(db: Session, mail: OutgoingMail, detail: str, *, now: datetime) -> None:
    """The mail may or may not have been taken: it is not sent again."""
    mail.state, mail.error, mail.body = ReceiptState.UNKNOWN, detail[:300], None
    db.flush()
