"""The charging session that an order is about, found by our number or by the station's own."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Arguments, SessionState
from app.models import ChargingSession, Station


def numbered(db: Session, station: Station, number: int) -> ChargingSession:
    """Return the session of a station with our number; raises `NotFound`."""
    session = db.get(ChargingSession, number)
    if session is None or session.station_id != station.id:
        raise NotFound(f"{station.identity} has no session {number}.", field="session_id")
    return session


def named(db: Session, station: Station, checked: Arguments) -> ChargingSession | None:
    """Return the session that the arguments name, None where they name none.

    It has to be charging, with a transaction.  Raises `NotFound` or `Conflict`.
    """
    if number := checked.get("session_id"):
        session, label, field = numbered(db, station, number), f"session {number}", "session_id"
    elif reference := checked.get("transaction_ref"):
        label, field = f"transaction {reference}", "transaction_ref"
        found = by_reference(db, station, reference)
        if found is None:
            raise NotFound(f"{station.identity} has no {label}.", field=field)
        session = found
    else:
        return None
    if session.state is not SessionState.CHARGING or session.transaction_ref is None:
        raise Conflict(f"{label.capitalize()} is not charging any more.", field=field)
    return session


def needed(db: Session, station: Station, checked: Arguments) -> ChargingSession:
    """Like `named`, but one has to be named."""
    session = named(db, station, checked)
    if session is None:
        raise Invalid("Say which session it is about.", field="session_id")
    return session


def at_evse(db: Session, station: Station, evse: int) -> ChargingSession | None:
    """Return the newest running session at an EVSE."""
    return next(iter(open_sessions(db, station, evse)), None)


def open_sessions(db: Session, station: Any, evse: int | None = None) -> list[ChargingSession]:
    """Return the station's running sessions, newest first; of one EVSE when given."""
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id, ChargingSession.state == SessionState.CHARGING
    )
    if evse is not None:
        query = query.where(ChargingSession.evse == evse)
    return list(db.scalars(query.order_by(ChargingSession.id.desc())))


def by_reference(
    db: Session, station: Any, reference: str | None, *, locked: bool = False
) -> ChargingSession | None:
    """Find a session by OCPP's transaction id, running or not, within its station only.

    Ids are easy to guess: another station's id is an unknown one (CVE-2026-28230).
    """
    if not reference:
        return None
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id, ChargingSession.transaction_ref == reference
    )
    return db.scalar(query.with_for_update() if locked else query)
