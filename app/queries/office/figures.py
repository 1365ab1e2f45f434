"""What the rows tell Prometheus: how much waits, and since when.  No figure is one tenant's."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillingState, CommandState, ReceiptState, SessionState
from app.models import ChargingSession, Command, OutgoingMail, Receipt
from app.queries.office.system import MAIL_RECENT


class Figures(NamedTuple):
    """Counts by state, and when the oldest order that waits was asked for."""

    orders: dict[str, int]
    oldest_order: datetime | None
    held_bills: int
    unbilled: int
    mails: dict[str, int]


def of_rows(db: Session, *, now: datetime) -> Figures:
    """Count what is under way; what has ended is only counted where it is in trouble."""
    open_states = [CommandState.QUEUED, CommandState.SENT]
    orders = db.execute(
        select(Command.state, func.count())
        .where(Command.state.in_(open_states))
        .group_by(Command.state)
    )
    counted = {state.value: number for state, number in orders}
    oldest = select(func.min(Command.requested_at)).where(Command.state == CommandState.QUEUED)
    unbilled = select(func.count()).where(
        ChargingSession.billing == BillingState.OPEN, ChargingSession.state == SessionState.ENDED
    )
    held = select(func.count()).where(ChargingSession.billing == BillingState.HELD)
    return Figures(
        {state.value: counted.get(state.value, 0) for state in open_states},
        db.scalar(oldest),
        db.scalar(held) or 0,
        db.scalar(unbilled) or 0,
        _mails(db, now),
    )


def _mails(db: Session, now: datetime) -> dict[str, int]:
    """Receipts and mails to staff of the last day, by state."""
    states = [ReceiptState.QUEUED, ReceiptState.SENDING, ReceiptState.FAILED, ReceiptState.UNKNOWN]
    found = {state.value: 0 for state in states}
    for kind in (Receipt, OutgoingMail):
        lately = kind.created_at > now - MAIL_RECENT
        query = select(kind.state, func.count()).where(lately, kind.state.in_(states))
        for state, number in db.execute(query.group_by(kind.state)):
            found[str(getattr(state, "value", state))] += number
    return found
