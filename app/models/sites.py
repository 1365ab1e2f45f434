"""Sites: places with an address, a time zone and a currency."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Exact, Id, Name, TenantOwned
from app.models.tenants import Seller

if TYPE_CHECKING:
    from app.models.stations import Station
    from app.models.tariffs import Tariff


class Site(Seller, TenantOwned, Base):
    """A place where stations stand; tariffs follow its wall clock (IANA zone name).

    `name_key` is the case-folded name: unique within the tenant.  What it tells
    of the seller replaces what the tenant tells.
    """

    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("tenant_id", "name_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    name_key: Mapped[str] = mapped_column(String(120))
    address: Mapped[str | None] = mapped_column(String(300))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    timezone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    supply_limit_kw: Mapped[Decimal | None] = mapped_column(Exact)
    tariff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariffs.id"))
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    stations: Mapped[list["Station"]] = relationship(back_populates="site", viewonly=True)
    tariff: Mapped["Tariff | None"] = relationship()
