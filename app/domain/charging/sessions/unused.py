"""The session that bills an unused reservation, and what speaks against it later."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import no_shows, reservations
from app.domain.charging.sessions.row import flag, mark_late
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Reservation

#: What it is marked with when a session that is told later used the reservation.
USED_LATER = "reserved_used_later"


def unused_key(reservation: Reservation) -> str:
    """What makes it one for each reservation: its `start_key`."""
    return f"no-show:{reservation.id}"


def unused_of(db: Session, reservation: Reservation) -> ChargingSession | None:
    """The session that bills a reservation, if there is one."""
    query = select(ChargingSession).where(
        ChargingSession.station_id == reservation.station_id,
        ChargingSession.start_key == unused_key(reservation),
    )
    return db.scalar(query)


def follow_reservation(
    db: Session, station: AnyStation, number: int | None, session: ChargingSession, *, now: datetime
) -> None:
    """Tie a session to the reservation that it uses; a fee for that goes to a person."""
    reservation = reservations.used(db, station, number, session, now=now)
    if reservation is not None:
        _doubt(db, reservation, [USED_LATER], now)


def look_again(db: Session, sessions: Iterable[ChargingSession], *, now: datetime) -> None:
    """Have a person decide about fees that sessions speak against: they may be told later."""
    for reservation, doubts in no_shows.contradicted(db, sessions):
        _doubt(db, reservation, doubts, now)


def _doubt(db: Session, reservation: Reservation, doubts: Collection[str], now: datetime) -> None:
    """Mark the fee of a reservation, if there is one, with what it is not marked with yet."""
    fee = unused_of(db, reservation)
    if fee is None or set(doubts) <= set(fee.flags):
        return
    for code in doubts:
        flag(fee, code)
    mark_late(db, fee, now)
    db.flush()
