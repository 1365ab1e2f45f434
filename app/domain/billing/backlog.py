"""Which sessions wait for `settle`, whatever became of the nudge that should have told."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.vocabulary import BillingState, SessionState
from app.models import ChargingSession


def unsettled(
    db: Session,
    *,
    now: datetime,
    provisional_hold_h: int = 24,
    limit: int = 200,
) -> list[int]:
    """Ids of ended sessions without a bill, and of decided ones that more is known of now."""
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
        late = select(ChargingSession.id).where(
            ChargingSession.late_evidence_at.is_not(None),
            ChargingSession.state == SessionState.ENDED,
            ChargingSession.billing != BillingState.OPEN,
        )
        order = (ChargingSession.late_evidence_at, ChargingSession.id)
        found += db.scalars(late.order_by(*order).limit(limit - len(found)))
    return found
