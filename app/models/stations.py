"""Stations and their connectors: what is known of each charger now."""

import secrets
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.domain.ground.vocabulary import Activity, Availability, Json, Registration, StationMode
from app.models.base import (
    ROOM_BESIDE,
    Base,
    BigId,
    Id,
    Name,
    SiteOwned,
    StationOwned,
    Word,
    choice,
)

if TYPE_CHECKING:
    from app.models.sites import Site
    from app.models.tariffs import Tariff


def name_key(text: str | None, most: int = 120) -> str | None:
    """What a serial number or a name in a certificate is compared by: what a person sees of it.

    Full-width letters are letters, and what does not show is left out.
    """
    plain = unicodedata.normalize("NFKC", text or "")
    shown = "".join(char for char in plain if char.isprintable())
    # Folded, a text may be longer than it was: "ß" becomes "ss".
    return shown.strip().casefold()[:most] or None


def new_field_code() -> str:
    """A code for a label: 60 bits of chance in letters that are not mistaken when typed."""
    return "".join(secrets.choice("23456789abcdefghjkmnpqrstuvwxyz") for _ in range(12))


class Station(SiteOwned, Base):
    """A charger: who it is, how it may connect, and whether it is connected.

    `identity_key` is the case-folded identity: chargers differ from what was
    typed (FIELD C3), so that is what is looked up; `identity` is what is shown.
    `connection_id` is the open connection; the newest one wins (it is a fence).
    `next_password_hash` is a password on its way to the station: both are right
    until it connects with the new one.  `password_proof` lets the worker know a password again
    whose hash is slow (`worker.proof`).  `onboarding` says what we send by
    ourselves after a boot; empty means nothing.
    `validation` None means the setting of the installation.  `clock_offset_s` is how far
    its clock was found to be ahead at `clock_offset_at`, None while it is right; `clock_samples`
    are odd times that say nothing for certain yet: pairs of arrival and seconds ahead.
    `serial_key` and `certificate_name_key` are the serial number and the name that staff gave for
    its certificate (a quirk), folded like the identity, so that a name's owner is found; they
    follow the columns that they are made of.
    `access_epoch` is raised by every decision about who may connect: a connection that was let
    in under an older one is over (`app.domain.network.credentials`).
    `field_code` stands on the label at it and opens its page in the field: not to be guessed.
    """

    __tablename__ = "stations"
    __table_args__ = (
        Index("ix_stations_tenant_site", "tenant_id", "site_id"),
        # Workers ask every second for the sum of all epochs; it is read off the index alone.
        Index("ix_stations_access_epoch", "access_epoch"),
        Index("uq_stations_field_code", "field_code", unique=True),
        ROOM_BESIDE,
    )

    id: Mapped[Id]
    identity: Mapped[str] = mapped_column(String(64))
    identity_key: Mapped[str] = mapped_column(String(64), unique=True)
    field_code: Mapped[str | None] = mapped_column(String(20), default=new_field_code)
    name: Mapped[Name] = mapped_column(default="")
    note: Mapped[str | None] = mapped_column(String(500))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    next_password_hash: Mapped[str | None] = mapped_column(String(200))
    next_password_at: Mapped[datetime | None]
    password_proof: Mapped[str | None] = mapped_column(String(80))
    username_alias: Mapped[str | None] = mapped_column(String(64))
    security_profile: Mapped[int] = mapped_column(default=1)
    access_epoch: Mapped[int] = mapped_column(default=1)
    registration: Mapped[Registration] = mapped_column(
        choice(Registration), default=Registration.ACCEPTED
    )
    mode: Mapped[StationMode] = mapped_column(choice(StationMode), default=StationMode.LISTED)
    validation: Mapped[str | None] = mapped_column(String(10))
    quirks: Mapped[Json] = mapped_column(default=dict)
    onboarding: Mapped[Json] = mapped_column(default=dict)
    tariff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariffs.id"))
    max_power_w: Mapped[float | None]

    vendor: Mapped[str | None] = mapped_column(String(120))
    model: Mapped[str | None] = mapped_column(String(120))
    serial: Mapped[str | None] = mapped_column(String(120))
    serial_key: Mapped[str | None] = mapped_column(String(120), index=True)
    certificate_name_key: Mapped[str | None] = mapped_column(String(64), index=True)
    firmware: Mapped[str | None] = mapped_column(String(120))
    iccid: Mapped[str | None] = mapped_column(String(40))
    imsi: Mapped[str | None] = mapped_column(String(40))
    meter_type: Mapped[str | None] = mapped_column(String(120))
    meter_serial: Mapped[str | None] = mapped_column(String(120))
    boot_raw: Mapped[Json | None]

    protocol: Mapped[str | None] = mapped_column(String(20))
    supported_orders: Mapped[list[Any]] = mapped_column(default=list)
    booted_registration: Mapped[Registration | None] = mapped_column(choice(Registration))
    connection_id: Mapped[int | None] = mapped_column(BigId)
    connected_at: Mapped[datetime | None]
    disconnected_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    last_boot_at: Mapped[datetime | None]
    clock_offset_s: Mapped[int | None]
    clock_offset_at: Mapped[datetime | None]
    clock_samples: Mapped[list[Any] | None]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    site: Mapped["Site"] = relationship(back_populates="stations")
    tariff: Mapped["Tariff | None"] = relationship()
    connectors: Mapped[list["Connector"]] = relationship(
        back_populates="station", order_by="Connector.evse, Connector.connector"
    )

    @validates("password_hash")
    def _forget_proof(self, name: str, value: Any) -> Any:
        self.password_proof = None
        return value

    @validates("serial", "quirks")
    def _keep_keys(self, name: str, value: Any) -> Any:
        if name == "serial":
            self.serial_key = name_key(value)
        else:
            self.certificate_name_key = name_key((value or {}).get("certificate_name"), 64)
        return value

    @property
    def label(self) -> str:
        """What people call it: identity and name."""
        return f"{self.identity} {self.name}".strip()


class Connector(StationOwned, Base):
    """A plug as last reported; `evse` 0 is the station itself.

    `status_at` is when its last status was, `since` when the state that it shows began;
    `stale` says that nothing has confirmed the state since the station last connected.
    `measured_power_w` is the most that it measured in a session without doubts.
    """

    __tablename__ = "connectors"
    __table_args__ = (UniqueConstraint("station_id", "evse", "connector"),)

    id: Mapped[Id]
    evse: Mapped[int]
    connector: Mapped[int] = mapped_column(default=1)
    name: Mapped[str | None] = mapped_column(String(60))
    plug_type: Mapped[str | None] = mapped_column(String(40))
    max_power_w: Mapped[float | None]
    measured_power_w: Mapped[float | None]
    availability: Mapped[Availability] = mapped_column(
        choice(Availability), default=Availability.UNKNOWN
    )
    activity: Mapped[Activity] = mapped_column(choice(Activity), default=Activity.NONE)
    status_word: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[str | None] = mapped_column(String(60))
    vendor_error: Mapped[str | None] = mapped_column(String(120))
    info: Mapped[str | None] = mapped_column(String(120))
    status_at: Mapped[datetime | None]
    since: Mapped[datetime | None]
    status_received_at: Mapped[datetime | None]
    stale: Mapped[bool] = mapped_column(default=False)

    station: Mapped[Station] = relationship(back_populates="connectors")

    @property
    def began_at(self) -> datetime | None:
        """When the state that it shows began, as far as that is known."""
        return self.since or self.status_at


class StatusEvent(StationOwned, Base):
    """One change of a connector's status, kept for ever; repeats of the same are not stored."""

    __tablename__ = "status_events"
    __table_args__ = (Index("ix_status_events_station_at", "station_id", "at"),)

    id: Mapped[Id]
    evse: Mapped[int]
    connector: Mapped[int] = mapped_column(default=1)
    availability: Mapped[Availability] = mapped_column(choice(Availability))
    activity: Mapped[Activity] = mapped_column(choice(Activity))
    status_word: Mapped[str] = mapped_column(String(40))
    error_code: Mapped[str | None] = mapped_column(String(60))
    vendor_error: Mapped[str | None] = mapped_column(String(120))
    info: Mapped[str | None] = mapped_column(String(120))
    at: Mapped[datetime]
    received_at: Mapped[datetime]


class Deviation(StationOwned, Base):
    """A named repair that a station needed, how often, and the last example."""

    __tablename__ = "deviations"
    __table_args__ = (UniqueConstraint("station_id", "code"),)

    id: Mapped[Id]
    code: Mapped[Word]
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    example: Mapped[str | None] = mapped_column(String(300))


class StationReport(StationOwned, Base):
    """What a station tells of itself besides charging.

    `kind` is boot, firmware, diagnostics, log, security, data_transfer and the
    like; `word` its headline (a status, an event type, a vendor id).
    """

    __tablename__ = "station_reports"
    __table_args__ = (Index("ix_station_reports_station_at", "station_id", "at"),)

    id: Mapped[Id]
    kind: Mapped[Word]
    word: Mapped[str] = mapped_column(String(120))
    payload: Mapped[Json]
    at: Mapped[datetime]
    received_at: Mapped[datetime]


class NotedFault(StationOwned, Base):
    """What somebody in front of a station saw, until somebody says that it is done.

    `photo` is the name of a picture in the data folder, None when there is none (any more).
    """

    __tablename__ = "noted_faults"

    id: Mapped[Id]
    text: Mapped[str] = mapped_column(String(500))
    photo: Mapped[str | None] = mapped_column(String(80))
    noted_by: Mapped[str] = mapped_column(String(120))
    noted_at: Mapped[datetime]
    done_by: Mapped[str | None] = mapped_column(String(120))
    done_at: Mapped[datetime | None]
    done_note: Mapped[str | None] = mapped_column(String(300))

    station: Mapped[Station] = relationship()
