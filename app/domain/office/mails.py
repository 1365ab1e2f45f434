"""Mails other than receipts: kept as rows until they are sent, then without their text.

They carry one-time links, so what has left is forgotten.  One whose outcome is
not known is not sent again, for whoever wants the link asks for another.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.vocabulary import ReceiptState
from app.domain.office import outbox
from app.models import OutgoingMail

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
        .where(OutgoingMail.id == mail_id, outbox.is_due(OutgoingMail, now))
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
    again_at = outbox.try_again_at(BACK_OFF, mail.attempts, permanent=permanent, now=now)
    if again_at is None:
        mail.state, mail.body = ReceiptState.FAILED, None
    else:
        mail.state, mail.next_try_at = ReceiptState.QUEUED, again_at
    db.flush()


def unclear(db: Session, mail: OutgoingMail, detail: str, *, now: datetime) -> None:
    """The mail may or may not have been taken: it is not sent again."""
    mail.state, mail.error, mail.body = ReceiptState.UNKNOWN, detail[:300], None
    db.flush()
