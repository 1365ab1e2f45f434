"""Mails other than receipts: queued as rows, sent by a task, their bodies forgotten once sent."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import events
from app.models import OutgoingMail


def queue(
    db: Session, tenant_id: int, *, recipient: str, subject: str, body: str, now: datetime
) -> OutgoingMail:
    """Keep a plain-text mail that is to be sent as soon as this unit of work has committed."""
    mail = OutgoingMail(
        recipient=recipient, subject=subject, body=body, state="queued", created_at=now
    )
    db.add(mail)
    db.flush()
    events.record(db, events.MailWanted(tenant_id, mail.id))
    return mail
