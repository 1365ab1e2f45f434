"""What ended sessions are due, whatever brought them to our notice."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.charging.sessions import doubts
from app.domain.ground.vocabulary import BillingState
from app.domain.money.billing.assessment import is_running, locked
from app.domain.money.billing.issue import as_kept, issue_all
from app.domain.money.billing.late import apply_late
from app.models import Bill, ChargingSession, Review, Station, TariffVersion

#: What a set's bills name, read once for all of them.
_NAMED = (
    selectinload(ChargingSession.station).selectinload(Station.site),
    selectinload(ChargingSession.driver),
    selectinload(ChargingSession.tariff_version).selectinload(TariffVersion.tariff),
)


def settle(
    db: Session, session_id: int, *, now: datetime, provisional_hold_h: int = 24
) -> Bill | Review | None:
    """Do what an ended session is due: its bill, or what arrived later changes about it."""
    session = locked(db, session_id)
    if session is None:
        return None
    found = _settled(db, [session], now, provisional_hold_h)
    return as_kept(db, found.get(session_id))


def settle_all(
    db: Session, session_ids: Collection[int], *, now: datetime, provisional_hold_h: int = 24
) -> None:
    """Do the same for many sessions at once; one that somebody else has locked is left to him.

    First those that wait for their bill, then those of which more is known, both by their ids.
    """
    query = select(ChargingSession).where(ChargingSession.id.in_(session_ids)).options(*_NAMED)
    query = query.order_by(ChargingSession.id).with_for_update(skip_locked=True, of=ChargingSession)
    sessions = db.scalars(query.execution_options(populate_existing=True)).all()
    _settled(db, sessions, now, provisional_hold_h)


def _settled(
    db: Session, sessions: Collection[ChargingSession], now: datetime, provisional_hold_h: int
) -> dict[int, Bill | Review]:
    ended = [session for session in sessions if not is_running(session)]
    doubts.compare(db, ended, now=now)
    unbilled = [session for session in ended if session.billing is BillingState.OPEN]
    decided = [session for session in ended if session.billing is not BillingState.OPEN]
    found = issue_all(db, unbilled, now=now, provisional_hold_h=provisional_hold_h)
    for session in decided:
        if late := apply_late(db, session, now=now):
            found[session.id] = late
    return found
