"""Which sessions wait for `settle`, whatever became of the nudge that should have told."""

from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.vocabulary import BillingState, SessionState
from app.models import Bill, ChargingSession, Review

#: How far back each sweep looks for late stops whose nudge was lost, and housekeeping at leisure.
LATE = timedelta(days=2)
LATE_MOST = timedelta(days=60)


def unsettled(
    db: Session,
    *,
    now: datetime,
    provisional_hold_h: int = 24,
    limit: int = 200,
    late_within: timedelta = LATE,
) -> list[int]:
    """Ids of ended sessions without a bill, and of decided ones whose own stop came later."""
    waits_no_more = now - timedelta(hours=provisional_hold_h)
    unbilled = select(ChargingSession.id).where(
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.billing == BillingState.OPEN,
        or_(ChargingSession.bill_after.is_(None), ChargingSession.bill_after <= now),
        or_(
            ChargingSession.provisional.is_(False),
            func.coalesce(ChargingSession.stop_received_at, ChargingSession.ended_at)
            <= waits_no_more,
        ),
    )
    found = list(db.scalars(unbilled.order_by(ChargingSession.id).limit(limit)))
    if len(found) < limit:
        found += db.scalars(
            _late(now - late_within).order_by(ChargingSession.id).limit(limit - len(found))
        )
    return found


def _late(since: datetime) -> Select[int]:
    """Sessions whose stop arrived after their last bill, or while a review waited."""
    last_bill = (
        select(func.max(Bill.issued_at))
        .where(Bill.session_id == ChargingSession.id)
        .scalar_subquery()
    )
    waiting = exists().where(
        and_(
            Review.session_id == ChargingSession.id,
            Review.decided_at.is_(None),
            Review.opened_at < ChargingSession.stop_received_at,
        )
    )
    return select(ChargingSession.id).where(
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.provisional.is_(False),
        ChargingSession.stop_received_at > since,
        or_(
            and_(
                ChargingSession.billing == BillingState.BILLED,
                ChargingSession.stop_received_at > last_bill,
            ),
            and_(ChargingSession.billing == BillingState.HELD, waiting),
        ),
    )
