"""What drivers ask about a bill on the page of its receipt: kept, mailed to the seller, answered.

Whoever has the page's secret may ask, in the name of the driver; an answer goes to the address
that the receipt went to, and to no other.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.ground import events, texts
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.texts import N_ as _
from app.domain.ground.vocabulary import Actor
from app.domain.money import receipts
from app.domain.office import audit, outbox
from app.models import Bill, DriverQuestion, Tenant

#: Characters of a question, and of its answer.
LONGEST = 2000
#: Questions of one bill that may wait at once.
MOST_WAITING = 3

_ADDRESS = re.compile(r"[^\s<>(),;:]+@[^\s<>(),;:]+\.[^\s<>(),;:.]+")


def may_ask(bill: Bill) -> bool:
    """Whether there is an address that an answer could go to."""
    return _recipient(bill) is not None


def of_bill(db: Session, bill: Bill) -> Sequence[DriverQuestion]:
    """What was asked about a bill, the first question first."""
    query = select(DriverQuestion).where(DriverQuestion.bill_id == bill.id)
    return db.scalars(query.order_by(DriverQuestion.id)).all()


def ask(db: Session, bill: Bill, text: str, *, desk_url: str, now: datetime) -> DriverQuestion:
    """Keep a question about a bill, and mail it to the seller where they name an address.

    Raises `Invalid` for an empty or too long one, `Conflict` when enough of them wait.
    """
    said, recipient = _checked(text), _recipient(bill)
    if recipient is None:
        raise Conflict(_("We have no address that an answer could go to."))
    waiting = select(func.count(DriverQuestion.id)).where(
        DriverQuestion.bill_id == bill.id, DriverQuestion.closed_at.is_(None)
    )
    if (db.scalar(waiting) or 0) >= MOST_WAITING:
        raise Conflict(_("We have your questions and will answer them first."))
    question = DriverQuestion(
        tenant_id=bill.tenant_id,
        site_id=bill.site_id,
        bill_id=bill.id,
        text=said,
        recipient=recipient,
        language=bill.receipt.language if bill.receipt else "en",
        asked_at=now,
    )
    db.add(question)
    db.flush()
    if (seller := _address_of_seller(db, bill)) is not None:
        outbox.queue(
            *(db, bill.tenant_id),
            recipient=seller,
            subject=f"Question about receipt {bill.number}",
            body=f"{_asker(bill)} asks about receipt {bill.number}:\n\n{said}\n\n"
            f"Answer it here: {desk_url}/bills/{bill.id}#questions\n",
            now=now,
        )
    _changed(db, question)
    return question


def answer(
    db: Session,
    actor: Actor,
    question: DriverQuestion,
    text: str,
    *,
    say: Callable[[str], str],
    link: str,
    now: datetime,
) -> None:
    """Mail an answer to the driver, and close the question.

    `say` translates into the driver's language, `link` is the address of the receipt's page.
    Raises `Invalid` for an empty or too long one, `Conflict` for a question that is closed.
    """
    said = _checked(text)
    _close(db, actor, question, now)
    question.answer, question.answered_at = said, now
    driver = question.bill.driver
    you_asked, page = say(_("You asked:")), say(_("The receipt, and a place for more questions:"))
    number = {"number": question.bill.number}
    quoted = "\n".join(f"> {line}" for line in question.text.split("\n"))
    hello = say(_("Hello %(name)s,")) % {"name": driver.name} + "\n\n" if driver else ""
    outbox.queue(
        *(db, question.tenant_id),
        recipient=question.recipient,
        subject=say(_("Your question about receipt %(number)s")) % number,
        body=f"{hello}{said}\n\n{you_asked}\n{quoted}\n\n{page}\n{link}\n",
        now=now,
    )
    audit.remark(db, actor, "question.answer", question, now=now)
    _changed(db, question)


def close(db: Session, actor: Actor, question: DriverQuestion, *, now: datetime) -> None:
    """Close a question that needs no mail; raises `Conflict` for one that is closed."""
    _close(db, actor, question, now)
    audit.remark(db, actor, "question.close", question, now=now)
    _changed(db, question)


def _close(db: Session, actor: Actor, question: DriverQuestion, now: datetime) -> None:
    locked = db.get(DriverQuestion, question.id, with_for_update=True, populate_existing=True)
    if locked is None or locked.closed_at is not None:
        raise Conflict("This question is closed already.")
    locked.closed_at, locked.closed_by = now, actor.name
    db.flush()


def _changed(db: Session, question: DriverQuestion) -> None:
    db.flush()
    bill = question.bill
    events.record(db, events.ReceiptChanged(question.tenant_id, bill.id, bill.session_id))
    events.record(db, events.Decided(question.tenant_id))


def _checked(text: str) -> str:
    """A text of several lines, without what steers a terminal or a mail."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    said = "".join(
        char for char in lines if char == "\n" or unicodedata.category(char) not in {"Cc", "Cs"}
    )
    if not said:
        raise Invalid(_("Please write your question."), field="text")
    if len(said) > LONGEST:
        raise Invalid(_("Please write no more than 2,000 characters."), field="text")
    return said


def _recipient(bill: Bill) -> str | None:
    sent_to = bill.receipt.recipient if bill.receipt else None
    driver = bill.driver
    return sent_to or (driver.email if driver else None)


def _asker(bill: Bill) -> str:
    driver = bill.driver
    return f"{driver.name} <{_recipient(bill)}>" if driver else str(_recipient(bill))


def _address_of_seller(db: Session, bill: Bill) -> str | None:
    """The e-mail address in the contact that the seller names today."""
    tenant = db.get_one(Tenant, bill.tenant_id)
    contact = receipts.seller_of(tenant, bill.session.site).get("contact", "")
    found = _ADDRESS.search(contact)
    try:
        return texts.email(found.group()) if found else None
    except Invalid:
        return None
