"""Which sessions wait for `settle`, whatever became of the nudge that should have told."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, text, union_all, update
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillingState, SessionState
from app.models import ChargingSession
from app.models.base import Instant

#: Of bills issued in this time a late row is looked for; units of work are much shorter.
_LATELY = timedelta(minutes=3)
_BEYOND = (
    "EXISTS (SELECT 1 FROM {table} AS told WHERE told.session_id = bills.session_id "
    "AND told.id > CAST(bills.proof ->> '{last}' AS BIGINT))"
)
_SLIPPED = text(
    "SELECT DISTINCT bills.session_id FROM bills "
    "JOIN charging_sessions ON charging_sessions.id = bills.session_id "
    "WHERE bills.tenant_id IN (SELECT id FROM tenants) AND bills.issued_at >= :since "
    "AND bills.sequence = 1 AND charging_sessions.billing = 'billed' "
    "AND charging_sessions.late_evidence_at IS NULL AND ("
    f"{_BEYOND.format(table='meter_readings', last='last_reading')} OR "
    f"{_BEYOND.format(table='transaction_events', last='last_event')})"
).bindparams(bindparam("since", type_=Instant))


def mark_slipped(db: Session, *, now: datetime) -> int:
    """Have sessions weighed again whose bill was written while something of them was stored.

    Whoever stores it sees no bill yet, and whoever bills does not see what is not
    yet committed.  Returns how many there are.
    """
    found = db.scalars(_SLIPPED, {"since": now - _LATELY}).all()
    if found:
        late = update(ChargingSession).where(ChargingSession.id.in_(found))
        db.execute(
            late.values(late_evidence_at=now), execution_options={"synchronize_session": False}
        )
    return len(found)


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
