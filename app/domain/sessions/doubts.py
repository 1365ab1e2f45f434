"""Doubts about a session that are not about its energy, and lookups that both ends share."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.vocabulary import SessionState
from app.models import ChargingSession, Station

#: Doubts about a session that are not about its energy; each has a sentence.
DOUBTS: dict[str, str] = {
    "clock_replaced": "The charger's clock was wrong; the time of receipt was used.",
    "guessed_transaction": "The stop named no known transaction; it was the only one open.",
    "stop_missing": "No stop was reported; the session was closed after its last reading.",
    "offline_report": "The charger reported this later, from its offline memory.",
    "start_missing": "The charger never reported the start of this transaction.",
    "events_missing": "The charger left out events between the start and the end.",
    "cost_differs": "The charger calculated another cost than we did.",
    "suspect": "The charger calls the plug free although the session has not ended.",
    "told_open": "The charger says that it has more to tell about this session.",
    "late_stop": "The stop arrived after the session had been closed.",
    "stop_before_start": "The stop is dated before the start; times of receipt were used.",
}


def flag(session: ChargingSession, code: str) -> None:
    """Mark a session with a doubt, once."""
    if code not in session.flags:
        session.flags = [*session.flags, code]


def remove_flag(session: ChargingSession, code: str) -> None:
    """Take a doubt back."""
    if code in session.flags:
        session.flags = [other for other in session.flags if other != code]


def open_sessions(db: Session, station: Station, evse: int | None = None) -> list[ChargingSession]:
    """Return the station's running sessions, newest first; of one EVSE when given."""
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id, ChargingSession.state == SessionState.CHARGING
    )
    if evse is not None:
        query = query.where(ChargingSession.evse == evse)
    return list(db.scalars(query.order_by(ChargingSession.id.desc())))


def find(db: Session, station: Station, transaction_ref: str) -> ChargingSession | None:
    """Find a session by OCPP's transaction id, within its station only.

    Ids are easy to guess: another station's id is an unknown one (CVE-2026-28230).
    """
    return db.scalar(
        select(ChargingSession)
        .where(
            ChargingSession.station_id == station.id,
            ChargingSession.transaction_ref == transaction_ref,
        )
        .with_for_update()
    )
