"""Tariffs and their versions, which never change; and those that 2.1 stations were given."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import Json
from app.models.base import Base, BigId, Id, Name, StationOwned, TenantOwned, Word


class Tariff(TenantOwned, Base):
    """A named price; of its versions one holds at a time.  `is_default`: the last resort."""

    __tablename__ = "tariffs"
    __table_args__ = (UniqueConstraint("tenant_id", "name_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    name_key: Mapped[str] = mapped_column(String(120))
    currency: Mapped[str] = mapped_column(String(3))
    is_default: Mapped[bool] = mapped_column(default=False)
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    versions: Mapped[list["TariffVersion"]] = relationship(
        back_populates="tariff", order_by="TariffVersion.number"
    )


class TariffVersion(Base):
    """What a tariff said from a time on: `definition` as `app.domain.money.tariffs` writes it.

    `app.domain.money.validity` says when it holds.
    """

    __tablename__ = "tariff_versions"
    __table_args__ = (UniqueConstraint("tariff_id", "number"),)

    id: Mapped[Id]
    tariff_id: Mapped[int] = mapped_column(BigId, ForeignKey("tariffs.id"))
    number: Mapped[int]
    definition: Mapped[Json]
    note: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(120), default="")
    # Wall-clock minutes, as 2027-01-01T00:00: they come at each site by its own zone.
    valid_from: Mapped[str | None] = mapped_column(String(16))
    valid_until: Mapped[str | None] = mapped_column(String(16))
    withdrawn_at: Mapped[datetime | None]

    tariff: Mapped[Tariff] = relationship(back_populates="versions")


# Tariffs that 2.1 stations were given, to show prices and compute costs themselves.

if TYPE_CHECKING:
    from app.models.stations import Station


class StationTariff(StationOwned, Base):
    """A tariff at an EVSE (0: all of them); `number` is OCPP's tariffId.

    `kind` is default or driver; `state` asked, accepted, rejected, cleared, reported.
    """

    __tablename__ = "station_tariffs"

    id: Mapped[Id]
    evse: Mapped[int] = mapped_column(default=0)
    number: Mapped[str] = mapped_column(String(60))
    kind: Mapped[Word] = mapped_column(default="default")
    tariff_version_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariff_versions.id"))
    document: Mapped[Json]
    state: Mapped[Word] = mapped_column(default="asked")
    sentence: Mapped[str | None] = mapped_column(String(300))
    command_id: Mapped[int | None] = mapped_column(BigId)
    changed_at: Mapped[datetime]

    station: Mapped["Station"] = relationship()
