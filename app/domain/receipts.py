"""Receipts: the mail of a bill, sent once whatever is repeated, killed or lost.

The row decides.  It is claimed (queued -> sending) and committed before the
mail server is given the mail; from then on only an answer, or a person, moves
it.  Where the outcome is not known the receipt is `unknown` and nothing sends
it again by itself: a driver may get no mail, but never two.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from app.domain import audit, emails, events
from app.domain.errors import Conflict, Invalid
from app.domain.vocabulary import Actor, BillKind, ReceiptState
from app.models import Bill, Delivery, Driver, Receipt

#: Waits after the first, second, … definite failure; after the last one it is given up.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
#: A claim older than this belongs to a process that is gone.
STALE = timedelta(minutes=5)

NO_ADDRESS = "no address"
NOTHING_TO_PAY = "nothing to pay"

#: States from which a person may ask for the mail again.
RESENDABLE = (
    ReceiptState.SENT,
    ReceiptState.FAILED,
    ReceiptState.UNKNOWN,
    ReceiptState.SKIPPED,
)


def queue(db: Session, bill: Bill, *, now: datetime) -> Receipt:
    """Queue a bill's mail to its driver; skipped where nobody could read it or need it.

    A bill of nothing for no energy is no news; one of its start fee is, and so is
    a credit or a correction, whatever it comes to.
    """
    driver = bill.session.driver
    receipt = _new(bill, driver, now)
    db.add(receipt)
    db.flush()
    if bill.kind is BillKind.BILL and bill.gross_minor == 0 and not bill.energy_wh:
        _skip(db, receipt, NOTHING_TO_PAY, now)
    elif receipt.recipient is None:
        _skip(db, receipt, NO_ADDRESS, now)
    else:
        _log(db, receipt, "queued", f"to {receipt.recipient}", now)
    db.flush()
    return receipt


def skip(db: Session, bill: Bill, why: str, *, now: datetime) -> Receipt:
    """Note that a bill gets no mail of its own, and why."""
    receipt = _new(bill, bill.session.driver, now)
    db.add(receipt)
    db.flush()
    _skip(db, receipt, why, now)
    db.flush()
    return receipt


def message_id(bill: Bill, again: int = 0) -> str:
    """The left part of the Message-ID of a bill's mail: the same for ever, nobody else's.

    A mail that a person asks for again is another one: servers and readers drop
    a second one of the same name.  `again` tells it from those before.
    """
    text = f"{bill.tenant_id}|{bill.id}|{bill.number}|{bill.issued_at.isoformat()}"
    if again:
        text += f"|{again}"
    return f"bill-{bill.number}.{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def due(db: Session, *, now: datetime, limit: int = 200) -> list[int]:
    """Ids of the receipts that wait to be sent, oldest first."""
    query = select(Receipt.id).where(
        Receipt.state == ReceiptState.QUEUED,
        or_(Receipt.next_try_at.is_(None), Receipt.next_try_at <= now),
    )
    return list(db.scalars(query.order_by(Receipt.id).limit(limit)))


def claim(db: Session, receipt_id: int, *, domain: str, now: datetime) -> Receipt | None:
    """Take a due receipt for sending, alone; None where somebody else has it or it is not due.

    `domain` completes the Message-ID of a mail once and never changes it again.
    """
    taken: CursorResult[Any] = db.execute(  # type: ignore[assignment]
        update(Receipt)
        .where(
            Receipt.id == receipt_id,
            Receipt.state == ReceiptState.QUEUED,
            or_(Receipt.next_try_at.is_(None), Receipt.next_try_at <= now),
        )
        .values(
            state=ReceiptState.SENDING,
            claimed_at=now,
            attempts=Receipt.attempts + 1,
            next_try_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        return None
    receipt = db.get(Receipt, receipt_id, populate_existing=True)
    if receipt is None:
        return None
    if "@" not in receipt.message_id:
        receipt.message_id = f"{receipt.message_id}@{domain}"
    _log(db, receipt, "sending", f"attempt {receipt.attempts}, <{receipt.message_id}>", now)
    db.flush()
    return receipt


def sent(db: Session, receipt: Receipt, detail: str, *, now: datetime) -> None:
    """The mail server has taken the mail."""
    receipt.state, receipt.sent_at, receipt.error = ReceiptState.SENT, now, None
    _log(db, receipt, "sent", detail, now)
    _changed(db, receipt)


def refused(db: Session, receipt: Receipt, detail: str, *, permanent: bool, now: datetime) -> None:
    """The mail was certainly not taken: try again later, or give up."""
    receipt.error = detail[:300]
    if permanent or receipt.attempts > len(BACK_OFF):
        receipt.state = ReceiptState.FAILED
        _log(db, receipt, "failed", detail, now)
    else:
        receipt.state = ReceiptState.QUEUED
        receipt.next_try_at = now + BACK_OFF[max(receipt.attempts, 1) - 1]
        _log(db, receipt, "postponed", detail, now)
    _changed(db, receipt)


def unclear(db: Session, receipt: Receipt, detail: str, *, now: datetime) -> None:
    """The mail may or may not have been taken: nothing but a person sends it again."""
    receipt.state, receipt.error = ReceiptState.UNKNOWN, detail[:300]
    _log(db, receipt, "unknown", detail, now)
    _changed(db, receipt)


def give_up_stale(db: Session, *, now: datetime) -> int:
    """Turn claims whose process is gone into `unknown`; returns how many."""
    query = select(Receipt).where(
        Receipt.state == ReceiptState.SENDING, Receipt.claimed_at < now - STALE
    )
    stale = db.scalars(query.with_for_update(skip_locked=True)).all()
    for receipt in stale:
        unclear(db, receipt, "The process that was sending it ended before the answer.", now=now)
    return len(stale)


def resend(
    db: Session, actor: Actor, receipt: Receipt, *, now: datetime, recipient: str = ""
) -> Receipt:
    """Queue a receipt again, to the driver's address of today or to `recipient`.

    Raises Conflict while it waits or is being sent, and Invalid without an
    address.
    """
    locked = db.scalar(
        select(Receipt)
        .where(Receipt.id == receipt.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if locked is None or locked.state not in RESENDABLE:
        raise Conflict("This receipt is on its way already.")
    driver: Driver | None = locked.bill.session.driver
    address = emails.address(recipient) or (driver.email if driver else None)
    if not address:
        raise Invalid("The driver has no e-mail address; name one.", field="email")
    before = audit.snapshot(locked)
    locked.recipient = address
    locked.language = driver.language if driver else locked.language
    locked.state, locked.error = ReceiptState.QUEUED, None
    locked.attempts, locked.next_try_at = 0, None
    # The log only grows, so its length is a number that no mail before had.
    locked.message_id = message_id(locked.bill, again=len(locked.deliveries))
    _log(db, locked, "asked again", f"by {actor.name}, to {address}", now)
    audit.note(db, actor, "receipt.resend", locked, now=now, before=before)
    session_id = locked.bill.session_id
    events.record(db, events.ReceiptWanted(locked.tenant_id, locked.id, session_id))
    _changed(db, locked)
    return locked


def _new(bill: Bill, driver: Driver | None, now: datetime) -> Receipt:
    return Receipt(
        tenant_id=bill.tenant_id,
        site_id=bill.site_id,
        bill_id=bill.id,
        state=ReceiptState.QUEUED,
        recipient=driver.email if driver else None,
        language=driver.language if driver else "en",
        message_id=message_id(bill),
        attempts=0,
        created_at=now,
    )


def _skip(db: Session, receipt: Receipt, why: str, now: datetime) -> None:
    receipt.state, receipt.error = ReceiptState.SKIPPED, why
    _log(db, receipt, "skipped", why, now)


def _log(db: Session, receipt: Receipt, event: str, detail: str, now: datetime) -> None:
    db.add(Delivery(receipt_id=receipt.id, at=now, event=event, detail=detail[:500]))


def _changed(db: Session, receipt: Receipt) -> None:
    db.flush()
    bill = receipt.bill
    events.record(db, events.ReceiptChanged(receipt.tenant_id, bill.id, bill.session_id))
