"""What sessions cost: by the bill that stands, else as they would be billed now."""

from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillingState, BillKind
from app.domain.money import billing
from app.domain.money.billing.ledger import written
from app.models import Bill, ChargingSession

#: What a running session costs is asked for often: kept until a reading or a minute changes it.
_REMEMBERED: "WeakKeyDictionary[Any, dict[int, tuple[Any, int | None]]]" = WeakKeyDictionary()
_MOST_REMEMBERED = 2000


def standing(session: ChargingSession) -> Bill | None:
    """The bill that counts now, of the loaded bills: the last one, unless it is a credit."""
    last = max(session.bills, key=lambda bill: bill.sequence, default=None)
    return None if last is None or last.kind is BillKind.CREDIT else last


def of(session: ChargingSession, assessment: billing.Assessment) -> Bill | None:
    """The bill that stands, or one as it would be written now (not added, without a number).

    None where there is no price, and where nobody pays.
    """
    bill = standing(session)
    if bill is not None or session.bills or session.billing is BillingState.WAIVED:
        return bill
    return written(assessment)


def so_far(db: Session, session: ChargingSession, now: datetime) -> int | None:
    """What a session costs now in minor units, credits off; None without a price.

    Reading all its samples for every row of a list would be dear, so the answer
    for a running one is kept for a minute or until its next reading.
    """
    bill = standing(session)
    if bill is not None:
        return bill.gross_minor
    if session.bills or session.billing is BillingState.WAIVED:
        return 0
    kept = _REMEMBERED.setdefault(db.get_bind().engine, {})
    minute = int(now.timestamp()) // 60 if session.ended_at is None else None
    state = (session.last_reading_at, session.idle_since, session.ended_at, minute)
    known = kept.get(session.id)
    if known is None or known[0] != state:
        if len(kept) >= _MOST_REMEMBERED:
            kept.clear()
        quote = billing.running_quote(db, session, now)
        known = kept[session.id] = (state, quote.gross_minor if quote else None)
    return known[1]
