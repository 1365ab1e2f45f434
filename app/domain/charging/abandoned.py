"""Running sessions that nobody will end: which of them to close at their last reading.

A station that says its plug is free while we think it charges has lost the
stop, or will replay it; one that is offline for a day may come back with it
(FIELD S4, 3.4).  A station that may be asked is asked first how the session
stands.  Either way the end is only assumed: a late stop replaces it.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.doubts import flag
from app.domain.charging.sessions.provisional import close_provisionally
from app.domain.commands import commands
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import SYSTEM, Availability, BillingState, Order, SessionState
from app.models import ChargingSession, Connector, Station

#: How long a connected station may call an occupied plug free before we believe it.
GRACE = timedelta(minutes=5)
#: No station's patience is shorter than this (quirk stop_on_available_grace_s).
SHORTEST = timedelta(minutes=1)
#: How long a station may be away; its offline memory usually comes back sooner.
AWAY = timedelta(hours=48)

SUSPECT, TOLD_OPEN = "suspect", "told_open"
_ASK_WITHIN_S = 60.0


def close_abandoned(db: Session, *, now: datetime, limit: int = 200) -> int:
    """Close running sessions that are over by all we know; returns how many."""
    freed = and_(
        Station.connection_id.is_not(None),
        Connector.availability == Availability.AVAILABLE,
        Connector.stale.is_(False),
        Connector.status_at >= ChargingSession.started_at,
        Connector.status_received_at <= now - SHORTEST,
        or_(
            ChargingSession.last_reading_at.is_(None),
            ChargingSession.last_reading_at <= Connector.status_at,
        ),
    )
    gone = and_(
        Station.connection_id.is_(None),
        Station.last_seen_at <= now - AWAY,
        ChargingSession.start_received_at <= now - AWAY,
    )
    query = (
        select(ChargingSession, Connector.status_received_at)
        .join(Station, Station.id == ChargingSession.station_id)
        .outerjoin(
            Connector,
            and_(
                Connector.station_id == ChargingSession.station_id,
                Connector.evse == ChargingSession.evse,
                Connector.connector == ChargingSession.connector,
            ),
        )
        .where(
            ChargingSession.billing == BillingState.OPEN,
            ChargingSession.state == SessionState.CHARGING,
            or_(freed, gone),
        )
        .limit(limit)
        .with_for_update(of=ChargingSession, skip_locked=True)
    )
    closed = 0
    for session, free_since in db.execute(query).all():
        if session.station.connection_id is None or _is_over(db, session, free_since or now, now):
            close_provisionally(db, session, now=now)
            closed += 1
    return closed


def _is_over(db: Session, session: ChargingSession, free_since: datetime, now: datetime) -> bool:
    """Whether a session at a plug that is called free is over; a station that may be is asked."""
    station = session.station
    grace_s = station.quirks.get("stop_on_available_grace_s")
    grace = timedelta(seconds=int(grace_s)) if grace_s else GRACE
    if free_since > now - grace or TOLD_OPEN in session.flags:
        return False
    if not station.quirks.get("ask_about_sessions"):
        return True
    if SUSPECT not in session.flags:
        flag(session, SUSPECT)
        _ask(db, session, now)
        return False
    return free_since <= now - 2 * grace


def _ask(db: Session, session: ChargingSession, now: datetime) -> None:
    """Ask how a session stands: 2.x is asked that, 1.6 for its readings."""
    station = session.station
    if Order.READ_TRANSACTION_STATUS.value in station.supported_orders:
        order, given = Order.READ_TRANSACTION_STATUS, {"session_id": session.id}
    else:
        order = Order.TRIGGER
        given = {"message": "meter_values", "connector": session.evse}  # type: ignore[dict-item]
    try:
        commands.queue(db, SYSTEM, station, order, given, now=now, ttl_s=_ASK_WITHIN_S)
    except DomainError:
        # It went away meanwhile: then its silence is the answer.
        return
