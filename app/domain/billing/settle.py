"""What an ended session is due, whatever brought it to our notice."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.billing.assessment import is_running, locked
from app.domain.billing.issue import issue
from app.domain.billing.late import apply_late
from app.domain.sessions import neighbours
from app.domain.vocabulary import BillingState
from app.models import Bill, Review


def settle(
    db: Session, session_id: int, *, now: datetime, provisional_hold_h: int = 24
) -> Bill | Review | None:
    """Do what an ended session is due: its bill, or what arrived later changes about it."""
    session = locked(db, session_id)
    if session is None or is_running(session):
        return None
    neighbours.compare(db, session, now=now)
    if session.billing is BillingState.OPEN:
        return issue(db, session_id, now=now, provisional_hold_h=provisional_hold_h)
    return apply_late(db, session, now=now)
