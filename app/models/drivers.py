"""Drivers: people who charge and get receipts."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, Name, TenantOwned

if TYPE_CHECKING:
    from app.models.sites import Site
    from app.models.tags import Tag
    from app.models.tariffs import Tariff

driver_sites = Table(
    "driver_sites",
    Base.metadata,
    Column("driver_id", BigId, ForeignKey("drivers.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", BigId, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
)


class Driver(TenantOwned, Base):
    """A person; `language` is the one of the receipt (en, de).

    `sites` says whose matter the driver is: staff of those sites may change them.  None: it
    is the whole organisation's.  Where a driver may charge is said by their tags.
    """

    __tablename__ = "drivers"
    __table_args__ = (UniqueConstraint("tenant_id", "email_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8), default="en")
    note: Mapped[str | None] = mapped_column(String(500))
    tariff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariffs.id"))
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    tags: Mapped[list["Tag"]] = relationship(back_populates="driver")
    tariff: Mapped["Tariff | None"] = relationship()
    sites: Mapped[list["Site"]] = relationship(secondary=driver_sites)
