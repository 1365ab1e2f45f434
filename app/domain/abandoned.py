"""Running sessions that nobody will end: which of them to close at their last reading.

A station that says its plug is free while we think it charges has lost the
stop, or will replay it; one that is offline for a day may come back with it
(FIELD S4, 3.4).  Either way the end is only assumed: a late stop replaces it.
"""

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.domain.sessions.provisional import close_provisionally
from app.domain.vocabulary import Availability, BillingState, SessionState
from app.models import ChargingSession, Connector, Station

#: How long a connected station may call an occupied plug free before we believe it.
GRACE = timedelta(minutes=5)
#: How long a station may be away; its offline memory usually comes back sooner.
AWAY = timedelta(hours=48)


def close_abandoned(db: Session, *, now: datetime, limit: int = 200) -> int:
    """Close running sessions that are over by all we know; returns how many."""
    freed = and_(
        Station.connection_id.is_not(None),
        Connector.availability == Availability.AVAILABLE,
        Connector.stale.is_(False),
        Connector.status_at >= ChargingSession.started_at,
        Connector.status_received_at <= now - GRACE,
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
        select(ChargingSession)
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
    found = db.scalars(query).all()
    for session in found:
        close_provisionally(db, session, now=now)
    return len(found)
