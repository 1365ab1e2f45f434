"""Charging profiles: the library, what stations were given, and what they say they hold."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.vocabulary import ProfileState
from app.models.base import Base, BigId, Id, Name, StationOwned, TenantOwned, Word, choice

if TYPE_CHECKING:
    from app.models.stations import Station


class ChargingProfile(TenantOwned, Base):
    """A profile of the library; `document` is in the domain's words (see app.domain.profiles)."""

    __tablename__ = "charging_profiles"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    id: Mapped[Id]
    name: Mapped[Name]
    note: Mapped[str | None] = mapped_column(String(500))
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class StationProfile(StationOwned, Base):
    """A profile that a station was given or reports.

    OCPP's chargingProfileId is the id of the first of those that replaced each other in place
    (`number`; None: it is the first), so that a station never holds two for one purpose and
    level.  `source` is csms, or who else set it (ems, so, cso: a limit that came from
    outside); `reported_id` the number under which the station reports one that
    is not ours.  `document` is what was asked, `sent` what went out after any
    fallback, `reported` what the station says, in the report of `report_number`.
    """

    __tablename__ = "station_profiles"
    __table_args__ = (
        Index("ix_station_profiles_station_state", "station_id", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    profile_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("charging_profiles.id"))
    evse: Mapped[int] = mapped_column(default=0)
    session_id: Mapped[int | None] = mapped_column(BigId)
    source: Mapped[Word] = mapped_column(default="csms")
    number: Mapped[int | None] = mapped_column(BigId)
    reported_id: Mapped[int | None]
    state: Mapped[ProfileState] = mapped_column(choice(ProfileState), default=ProfileState.ASKED)
    sentence: Mapped[str | None] = mapped_column(String(300))
    document: Mapped[dict[str, Any]]
    sent: Mapped[dict[str, Any] | None]
    reported: Mapped[dict[str, Any] | None]
    report_number: Mapped[int | None]
    command_id: Mapped[int | None] = mapped_column(BigId)
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    station: Mapped["Station"] = relationship()
    profile: Mapped[ChargingProfile | None] = relationship()

    @property
    def wire_number(self) -> int:
        """OCPP's chargingProfileId: ours, or under which the station reports another's."""
        return self.reported_id or self.number or self.id


class CompositeSchedule(StationOwned, Base):
    """The limits that a station says result from all its profiles; the newest per EVSE counts.

    `periods` are [start_s, limit, phases] from `starts_at`; `unit` is A or W.
    """

    __tablename__ = "composite_schedules"

    id: Mapped[Id]
    evse: Mapped[int]
    unit: Mapped[str] = mapped_column(String(1))
    starts_at: Mapped[datetime]
    duration_s: Mapped[int]
    periods: Mapped[list[Any]]
    received_at: Mapped[datetime]
