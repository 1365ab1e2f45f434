"""Marking a session (its row of either kind) with a doubt, and lookups that both ends share."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.clock import OLD
from app.domain.ground.vocabulary import SessionState
from app.models import ChargingSession


def flag(session: Any, code: str) -> None:
    """Mark a session with a doubt, once."""
    if code not in session.flags:
        session.flags = [*session.flags, code]


def mark_time(
    session: Any,
    at: datetime,
    received_at: datetime,
    claimed_at: datetime | None,
    *,
    replaced: bool,
) -> None:
    """Say what is to be known of the time of a start or a stop; `claimed_at` as in `Start`."""
    if replaced:
        flag(session, "clock_replaced")
    elif claimed_at is not None:
        flag(session, "clock_corrected")
    if received_at - at > OLD:
        flag(session, "old_report")


def remove_flag(session: Any, code: str) -> None:
    """Take a doubt back."""
    if code in session.flags:
        session.flags = [other for other in session.flags if other != code]


def open_sessions(db: Session, station: Any, evse: int | None = None) -> list[ChargingSession]:
    """Return the station's running sessions, newest first; of one EVSE when given."""
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id, ChargingSession.state == SessionState.CHARGING
    )
    if evse is not None:
        query = query.where(ChargingSession.evse == evse)
    return list(db.scalars(query.order_by(ChargingSession.id.desc())))


def find(db: Session, station: Any, transaction_ref: str) -> ChargingSession | None:
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
