"""Sessions of other cards at the same plug at the same time: whose energy was it?"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.sessions.doubts import flag, remove_flag
from app.domain.sessions.end import mark_late
from app.domain.vocabulary import Token
from app.models import ChargingSession

#: Two clocks may disagree by so much about when one left and the other came.
SLACK = timedelta(minutes=1)
#: No older session is looked at.
_LONGEST = timedelta(days=14)
OVERLAPS = "overlaps_another"


def overlapping(db: Session, session: ChargingSession) -> list[ChargingSession]:
    """The sessions of other cards that lie within this one at its plug, or around its start."""
    if session.ended_at is None or not session.evse:
        return []
    query = select(ChargingSession).where(
        ChargingSession.station_id == session.station_id,
        ChargingSession.evse == session.evse,
        ChargingSession.id != session.id,
        ChargingSession.started_at < session.ended_at - SLACK,
        ChargingSession.started_at > session.started_at - _LONGEST,
        or_(
            ChargingSession.ended_at.is_(None),
            ChargingSession.ended_at > session.started_at + SLACK,
        ),
    )
    found = db.scalars(query.order_by(ChargingSession.id).limit(20)).all()
    return [other for other in found if not _same_driver(session, other)]


def compare(db: Session, session: ChargingSession, *, now: datetime) -> None:
    """Hold a session, and the other one, where two cards claim the plug at one time.

    One that has been billed is weighed once more.
    """
    others = overlapping(db, session)
    if not others:
        remove_flag(session, OVERLAPS)
        return
    for one in (session, *others):
        if OVERLAPS not in one.flags:
            flag(one, OVERLAPS)
            if one is not session:
                mark_late(db, one, now)


def _same_driver(one: ChargingSession, other: ChargingSession) -> bool:
    if one.driver_id is not None and one.driver_id == other.driver_id:
        return True
    return Token(one.token).key == Token(other.token).key
