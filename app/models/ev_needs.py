"""What cars ask of a station over ISO 15118, and what was decided."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, Id, StationOwned, Word


class EvNeeds(StationOwned, Base):
    """The needs that a car told at an EVSE, the plan that was made of them, and why.

    `needs` are in the domain's words (see app.domain.limits.ev_needs); `answer` is
    accepted, processing, rejected or no_profile.  `plan` is the profile's
    document, `station_profile_id` its row.  `car_schedule` is what the car said
    afterwards that it will do.
    """

    __tablename__ = "ev_needs"
    __table_args__ = (Index("ix_ev_needs_station_received", "station_id", "received_at"),)

    id: Mapped[Id]
    evse: Mapped[int]
    session_id: Mapped[int | None] = mapped_column(BigId)
    transfer: Mapped[Word]
    needs: Mapped[dict[str, Any]]
    answer: Mapped[Word]
    why: Mapped[str] = mapped_column(String(600))
    plan: Mapped[dict[str, Any] | None]
    station_profile_id: Mapped[int | None] = mapped_column(BigId)
    car_schedule: Mapped[dict[str, Any] | None]
    car_schedule_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
