"""The outbox: mails are rows of their own, each claimed, sent at most once, tried again, given up.

A row is claimed (queued -> sending) and committed before the mail server is given the mail.  From
then on only an answer moves it: where the outcome is not known nothing sends it again by itself.
Receipts (`app.domain.money.receipts`) are one kind of mail; the others carry one-time links, so
they are kept here until they are sent, then without their text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, case, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.vocabulary import ReceiptState
from app.domain.office import housekeeping
from app.models import OutgoingMail, Receipt, SystemMark

#: A claim older than this belongs to a process that is gone.
STALE = timedelta(minutes=5)
#: What is said of a mail in its state, after an attempt to send it.
WORDS = {
    ReceiptState.SENT: "sent",
    ReceiptState.QUEUED: "postponed",
    ReceiptState.FAILED: "failed",
    ReceiptState.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mail.

    `back_off` are the waits after the first, second, … definite failure; after the last one it is
    given up.  `became` writes what became of one, and `noted` is told it, in a word and a sentence.
    """

    model: type[Receipt] | type[OutgoingMail]
    back_off: Sequence[timedelta]
    became: Update
    noted: Callable[[Session, Any, str, str, datetime], None]


def is_due(row: Any, now: Any) -> ColumnElement[bool]:
    """The condition that a mail waits to be sent, and need not wait any longer."""
    again_at = row.next_try_at
    return and_(row.state == ReceiptState.QUEUED, or_(again_at.is_(None), again_at <= now))


def claiming(table: Any) -> Update:
    """Take the mail `number` for sending, if it is due and nobody else has it."""
    return (
        update(table)
        .where(table.c.id == bindparam("number"), is_due(table.c, bindparam("now")))
        .values(
            state=ReceiptState.SENDING,
            claimed_at=bindparam("now", type_=table.c.claimed_at.type),
            attempts=table.c.attempts + 1,
            next_try_at=None,
        )
        .returning(table.c.id, table.c.attempts)
    )


def becoming(table: Any) -> Update:
    """Write what became of the mail `number`; when it was sent before stays known."""
    sent_at = bindparam("was_sent_at", type_=table.c.sent_at.type)
    return (
        update(table)
        .where(table.c.id == bindparam("number"))
        .values(
            state=bindparam("now_state", type_=table.c.state.type),
            error=bindparam("why"),
            sent_at=func.coalesce(sent_at, table.c.sent_at),
            next_try_at=bindparam("again_at"),
        )
    )


def due(db: Session, kind: Kind, *, now: datetime, limit: int = 200, after: int = 0) -> list[int]:
    """Ids of the mails of a kind that are due, oldest first, those beyond `after`."""
    query = select(kind.model.id).where(kind.model.id > after, is_due(kind.model, now))
    return list(db.scalars(query.order_by(kind.model.id).limit(limit)))


def settle(
    db: Session, kind: Kind, mail: Any, state: ReceiptState, detail: str, *, now: datetime
) -> None:
    """Note what became of a claimed mail, with what was said of it.

    SENT: the server has taken it.  QUEUED: it was certainly not taken, and is tried again later
    or given up.  FAILED: it never will be.  UNKNOWN: it may have been, so that nothing but a
    person sends it again.
    """
    again_at = None
    if state is ReceiptState.QUEUED:
        if mail.attempts > len(kind.back_off):
            state = ReceiptState.FAILED
        else:
            again_at = now + kind.back_off[max(mail.attempts, 1) - 1]
    sent = state is ReceiptState.SENT
    given = {"number": mail.id, "now_state": state, "again_at": again_at}
    given |= {"why": None if sent else detail[:300], "was_sent_at": now if sent else None}
    db.flush()
    db.connection().execute(kind.became, given)
    kind.noted(db, mail, WORDS[state], detail, now)


def give_up_stale(db: Session, kind: Kind, *, now: datetime) -> int:
    """Call claims unknown whose process is gone; returns how many."""
    old = kind.model.claimed_at < now - STALE
    query = select(kind.model).where(kind.model.state == ReceiptState.SENDING, old)
    stale: Sequence[Any] = db.scalars(query.with_for_update(skip_locked=True)).all()
    why = "The process that was sending it ended before the answer."
    for row in stale:
        settle(db, kind, row, ReceiptState.UNKNOWN, why, now=now)
    return len(stale)


# The pause: a server that takes no mail at all is no single mail's trouble, and costs none a try.

#: A pause is as long as the trouble has lasted, within these bounds.
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(minutes=30)


def took_none(db: Session, *, said: str, lasting: bool, now: datetime) -> bool:
    """Note that the server takes no mail, whatever it is; tells whether all mail pauses now.

    It does at once where the server said so for good (`lasting`), else when it has not been
    reached for a while.
    """
    mark = housekeeping.sign(db, housekeeping.MAIL, now=now, failed=said)
    lasted = now - mark.since
    if lasting or lasted >= SHORTEST:
        mark.until = now + min(max(lasted, SHORTEST), LONGEST)
    return mark.until is not None


def paused_until(db: Session, *, now: datetime) -> datetime | None:
    """Until when no mail is sent; None when mail goes."""
    mark = db.get(SystemMark, housekeeping.MAIL)
    return mark.until if mark is not None and mark.until and mark.until > now else None


def is_troubled(db: Session) -> bool:
    """Tell whether the server took no mail the last time."""
    mark = db.get(SystemMark, housekeeping.MAIL)
    return mark is not None and not mark.ok


def resume(db: Session, *, now: datetime) -> None:
    """Note that the server listens again."""
    housekeeping.sign(db, housekeeping.MAIL, now=now).until = None


def try_again(db: Session, tenant_id: int) -> None:
    """End the pause now: the next mail finds out how the server is."""
    mark = db.get(SystemMark, housekeeping.MAIL)
    if mark is not None:
        mark.until = None
    events.record(db, events.MailWanted(tenant_id, 0))


# Mails other than receipts.  What has left is forgotten; whoever wants a link asks for another.

_MAIL = OutgoingMail.__table__
_CLAIM = claiming(_MAIL)
_WAITS = bindparam("now_state", type_=_MAIL.c.state.type) == ReceiptState.QUEUED
#: A link does not live longer than it is tried.
MAILS = Kind(
    OutgoingMail,
    tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
    becoming(_MAIL).values(body=case((_WAITS, _MAIL.c.body), else_=None)),
    lambda db, mail, word, detail, now: None,
)


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


def claim(db: Session, mail_id: int, *, now: datetime) -> Any | None:
    """Take a due mail for sending, alone: its id and how often it was tried."""
    db.flush()
    return db.connection().execute(_CLAIM, {"number": mail_id, "now": now}).first()
