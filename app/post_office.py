"""Takes receipts and other mails from their rows to the mail server, each once.

The order of steps is the point: reach the server and announce the address
while the row still waits; claim the row and commit; only then hand the mail
over; then note the outcome.  Whoever is killed leaves a row that either still
waits (nothing was sent) or is claimed (nobody sends it again unasked).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from sqlalchemy.orm import Session

from app import letters, mail
from app.config import Settings
from app.domain import mails, receipts
from app.domain.vocabulary import ReceiptState
from app.extensions import db as flask_db
from app.mail import Refused, Unclear
from app.models import OutgoingMail, Receipt
from app.uow import unit_of_work

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def send_receipt(settings: Settings, receipt_id: int, clock: Clock) -> None:
    """Send a receipt that is due; nothing happens where it is not, or somebody else has it."""
    receipt = flask_db.session.get(Receipt, receipt_id)
    if receipt is None or receipt.state is not ReceiptState.QUEUED:
        return
    domain = mail.sender_domain(settings)
    _send(
        settings,
        clock,
        write=lambda: receipt_mail(settings, receipt, domain, clock()),
        claim=lambda db: receipts.claim(db, receipt_id, domain=domain, now=clock()),
        sent=lambda db, row, said: receipts.sent(db, row, said, now=clock()),
        refused=lambda db, row, why, permanent: receipts.refused(
            db, row, why, permanent=permanent, now=clock()
        ),
        unclear=lambda db, row, why: receipts.unclear(db, row, why, now=clock()),
    )


def receipt_mail(settings: Settings, receipt: Receipt, domain: str, now: datetime) -> EmailMessage:
    """Write a receipt's mail; raises Refused when its address cannot be one."""
    bill = receipt.bill
    letter = letters.receipt(bill, receipt.language)
    driver = bill.session.driver
    left = receipt.message_id
    return mail.compose(
        settings,
        recipient=receipt.recipient or "",
        name=driver.name if driver else "",
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        language=letter.language,
        message_id=left if "@" in left else f"{left}@{domain}",
        now=now,
    )


def send_mail(settings: Settings, mail_id: int, clock: Clock) -> None:
    """Send another mail that is due; nothing happens where it is not, or somebody else has it."""
    row = flask_db.session.get(OutgoingMail, mail_id)
    if row is None or row.state != mails.QUEUED or row.body is None:
        return
    message_id = f"mail-{row.id}.{row.created_at:%Y%m%d%H%M%S%f}@{mail.sender_domain(settings)}"
    _send(
        settings,
        clock,
        write=lambda: mail.compose(
            settings,
            recipient=row.recipient,
            subject=row.subject,
            text=row.body or "",
            message_id=message_id,
            now=clock(),
        ),
        claim=lambda db: mails.claim(db, mail_id, now=clock()),
        sent=lambda db, row, _said: mails.sent(db, row, now=clock()),
        refused=lambda db, row, why, permanent: mails.refused(
            db, row, why, permanent=permanent, now=clock()
        ),
        unclear=lambda db, row, why: mails.unclear(db, row, why),
    )


def _send(
    settings: Settings,
    clock: Clock,
    *,
    write: Callable[[], EmailMessage],
    claim: Callable[[Session], Any],
    sent: Callable[[Session, Any, str], None],
    refused: Callable[[Session, Any, str, bool], None],
    unclear: Callable[[Session, Any, str], None],
) -> None:
    """The steps, for any kind of row."""
    claimed = None
    try:
        message = write()
        # Nothing is held open while the network is slow.
        flask_db.session.rollback()
        with mail.opened(settings) as post:
            post.address(message)
            with unit_of_work() as db:
                claimed = claim(db)
            if claimed is None:
                return
            said = post.deliver(message)
    except Refused as error:
        log.warning("mail refused: %s", error)
        with unit_of_work() as db:
            row = claimed if claimed is not None else claim(db)
            if row is not None:
                refused(db, row, str(error), error.permanent)
        return
    except Unclear as error:
        log.warning("mail unclear: %s", error)
        with unit_of_work() as db:
            unclear(db, claimed, str(error))
        return
    with unit_of_work() as db:
        sent(db, claimed, said)


def utc_now() -> datetime:
    """The clock of the tasks."""
    return datetime.now(UTC)
