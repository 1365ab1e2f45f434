"""Charging profiles, a car's needs and payments of one session, for its page."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.models import ChargingSession, EvNeeds, Settlement, StationProfile


@dataclass(frozen=True, slots=True)
class SessionEnergy:
    """What is known; a session without any of it shows nothing."""

    profiles: list[StationProfile]
    needs: list[EvNeeds]
    settlements: list[Settlement]

    def __bool__(self) -> bool:
        return bool(self.profiles or self.needs or self.settlements)


def of(db: Session, session: ChargingSession) -> SessionEnergy:
    """Gather it, the newest first."""
    return SessionEnergy(
        _of(db, StationProfile, session, joinedload(StationProfile.profile)),
        _of(db, EvNeeds, session),
        _of(db, Settlement, session),
    )


def _of(db: Session, model: Any, session: ChargingSession, *options: Any) -> list[Any]:
    query = select(model).where(
        model.station_id == session.station_id, model.session_id == session.id
    )
    return list(db.scalars(query.options(*options).order_by(model.id.desc()).limit(10)))
