"""What a session costs, told to the station: the price of the bill, or none.

The station's own calculation (OCPP 2.1) is compared with ours; ours stands.
"""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import billing
from app.domain.sessions import Taken, flag, remove_flag
from app.domain.sessions.report import ENDED
from app.domain.tariffs import exponent
from app.domain.vocabulary import SessionState
from app.models import ChargingSession, Station, TransactionEvent

#: Costs that differ by no more than one minor unit are the same.
SAME_MINOR = 1


def to_tell(db: Session, station: Station, taken: Taken, *, now: datetime) -> Decimal | None:
    """The cost to answer an event with, with tax; None: it is not known, or not wanted (I02, I03).

    The final cost is told with the end of a transaction, once nothing is missing
    and nothing speaks against its bill; 0 means that it is free.  Running costs
    are told only to stations that are set so.
    """
    session = taken.session
    if session.state is SessionState.ENDED:
        final = final_cost(db, session, now=now)
        if final is not None:
            _compare(db, session, final)
        return final if taken.event.kind == ENDED else None
    if not station.quirks.get("running_cost"):
        return None
    return running_cost(db, session, now=now)


def final_cost(db: Session, session: ChargingSession, *, now: datetime) -> Decimal | None:
    """What an ended session costs, with tax; None while that may still change."""
    if session.provisional or session.bill_after is not None:
        return None
    assessment = billing.assess(db, session, now)
    quote = assessment.quote
    if quote is None or assessment.doubts:
        return None
    return _major(quote.gross_minor, quote.currency)


def running_cost(db: Session, session: ChargingSession, *, now: datetime) -> Decimal | None:
    """What a session costs so far, with tax; None without a price."""
    quote = billing.running_quote(db, session, now)
    return None if quote is None else _major(quote.gross_minor, quote.currency)


def _compare(db: Session, session: ChargingSession, ours: Decimal) -> None:
    """Flag a session whose station calculated another cost than we did."""
    event = db.scalar(
        select(TransactionEvent)
        .where(TransactionEvent.session_id == session.id, TransactionEvent.kind == ENDED)
        .order_by(TransactionEvent.at, TransactionEvent.seq_no, TransactionEvent.digest)
        .limit(1)
    )
    theirs = total_of(event.facts.get("cost_details") if event else None)
    if theirs is None:
        return
    currency, total = theirs
    near = Decimal(SAME_MINOR).scaleb(-exponent(session.currency))
    if currency == session.currency and abs(total - ours) <= near:
        remove_flag(session, "cost_differs")
    else:
        flag(session, "cost_differs")


def total_of(details: Any) -> tuple[str, Decimal] | None:
    """The currency and the total, with tax where it is told so, of a station's CostDetails."""
    if not isinstance(details, dict) or details.get("failureToCalculate"):
        return None
    cost = details.get("totalCost")
    total = cost.get("total") if isinstance(cost, dict) else None
    if not isinstance(cost, dict) or not isinstance(total, dict):
        return None
    value = total.get("inclTax", total.get("exclTax"))
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return (str(cost.get("currency", ""))[:3], number) if number.is_finite() else None


def _major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))
