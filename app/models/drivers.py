"""Drivers: people who charge and get receipts."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, Name, TenantOwned

if TYPE_CHECKING:
    from app.models.tags import Tag
    from app.models.tariffs import Tariff


class Driver(TenantOwned, Base):
    """A person; `language` is the one of the receipt (en, de)."""

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
