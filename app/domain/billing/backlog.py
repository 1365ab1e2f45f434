"""Which sessions wait for `settle`, whatever became of the nudge that should have told."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, union_all
from sqlalchemy.orm import Session

from app.domain.vocabulary import BillingState, SessionState
from app.models import ChargingSession


def unsettled(
    db: Session,
    *,
    now: datetime,
    provisional_hold_h: int = 24,
    limit: int = 200,
    after: int = 0,
) -> list[int]:
    """Ids of ended sessions without a bill, and of decided ones that more is known of now.

    In their order, those beyond `after`: so all are come to, whatever becomes of the first.
    """
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
    late = select(ChargingSession.id).where(
        ChargingSession.late_evidence_at.is_not(None),
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.billing != BillingState.OPEN,
    )
    both = union_all(*(query.where(ChargingSession.id > after) for query in (unbilled, late)))
    found = both.subquery()
    return list(db.scalars(select(found.c.id).order_by(found.c.id).limit(limit)))
