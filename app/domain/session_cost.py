"""What a session costs, told to the station: the price of the bill, or none."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.domain import billing
from app.domain.sessions import Taken
from app.domain.sessions.report import ENDED
from app.domain.tariffs import exponent
from app.domain.vocabulary import SessionState
from app.models import ChargingSession, Station


def to_tell(db: Session, station: Station, taken: Taken, *, now: datetime) -> Decimal | None:
    """The cost to answer an event with, with tax; None: it is not known, or not wanted (I02, I03).

    The final cost is told with the end of a transaction, once nothing is missing
    and nothing speaks against its bill; 0 means that it is free.  Running costs
    are told only to stations that are set so.
    """
    session = taken.session
    if session.state is SessionState.ENDED:
        return final_cost(db, session, now=now) if taken.event.kind == ENDED else None
    if not station.quirks.get("running_cost"):
        return None
    return running_cost(db, session, now=now)


def final_cost(db: Session, session: ChargingSession, *, now: datetime) -> Decimal | None:
    """What an ended session costs, with tax; None while that may still change."""
    if session.provisional or session.bill_after is not None:
        return None
    assessment = billing.assess(db, session, now)
    quote = assessment.quote
    if assessment.too_little:
        return Decimal(0)
    if quote is None or assessment.doubts:
        return None
    return _major(quote.gross_minor, quote.currency)


def running_cost(db: Session, session: ChargingSession, *, now: datetime) -> Decimal | None:
    """What a session costs so far, with tax; None without a price."""
    quote = billing.running_quote(db, session, now)
    return None if quote is None else _major(quote.gross_minor, quote.currency)


def _major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))
