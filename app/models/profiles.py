"""Charging profiles, what cars ask of a station, and controls of distributed energy resources."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import Json, ProfileState
from app.models.base import Base, BigId, Id, Name, StationOwned, TenantOwned, Word, choice

if TYPE_CHECKING:
    from app.models.stations import Station

#: An EVSE's setpoint has this number and its own: no other profile of ours has one so high.
SETPOINTS = 1_000_000_000


class ChargingProfile(TenantOwned, Base):
    """A profile of the library; `document` is as `app.domain.limits.profiles` says."""

    __tablename__ = "charging_profiles"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    id: Mapped[Id]
    name: Mapped[Name]
    note: Mapped[str | None] = mapped_column(String(500))
    document: Mapped[Json]
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
    document: Mapped[Json]
    sent: Mapped[Json | None]
    reported: Mapped[Json | None]
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


class Setpoint(StationOwned, Base):
    """How much an EVSE gives to its session: one row per EVSE, changed in place.

    `wanted` counts the wishes; `document` is the newest, `sent` what went out last and
    `accepted` what the station took last.  `state` is waiting or sent, then how its station
    answered (accepted, rejected, timed_out …), expired, or over with its session.
    """

    __tablename__ = "evse_setpoints"
    __table_args__ = (
        UniqueConstraint("station_id", "evse"),
        Index("ix_evse_setpoints_state", "state"),
    )

    id: Mapped[Id]
    evse: Mapped[int]
    session_id: Mapped[int] = mapped_column(BigId)
    document: Mapped[Json]
    sent: Mapped[Json | None]
    accepted: Mapped[Json | None]
    state: Mapped[Word]
    sentence: Mapped[str | None] = mapped_column(String(300))
    wanted: Mapped[int]
    wanted_at: Mapped[datetime]
    wanted_by: Mapped[Name]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]

    @property
    def wire_number(self) -> int:
        """OCPP's chargingProfileId: the same for all setpoints of an EVSE."""
        return SETPOINTS + self.evse


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


# What cars ask of a station over ISO 15118, and what was decided.


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
    needs: Mapped[Json]
    answer: Mapped[Word]
    why: Mapped[str] = mapped_column(String(600))
    plan: Mapped[Json | None]
    station_profile_id: Mapped[int | None] = mapped_column(BigId)
    car_schedule: Mapped[Json | None]
    car_schedule_at: Mapped[datetime | None]
    received_at: Mapped[datetime]


# Controls of distributed energy resources that 2.1 stations were given or report.


class DerControl(StationOwned, Base):
    """A control of a station's inverter; `number` is OCPP's controlId.

    `state` is asked, accepted, rejected, superseded, cleared or reported;
    `running` says whether the station has it in force now.
    """

    __tablename__ = "der_controls"
    __table_args__ = (UniqueConstraint("station_id", "number"),)

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(36))
    kind: Mapped[Word]
    is_default: Mapped[bool] = mapped_column(default=False)
    document: Mapped[Json]
    state: Mapped[Word] = mapped_column(default="asked")
    running: Mapped[bool] = mapped_column(default=False)
    sentence: Mapped[str | None] = mapped_column(String(300))
    command_id: Mapped[int | None] = mapped_column(BigId)
    changed_at: Mapped[datetime]
