"""Tenants: whose network it is and who sells; and their sites: places with a time zone."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import SecondFactorRule
from app.models.base import Base, BigId, Exact, Id, Name, TenantOwned, choice


class Seller:
    """Who sells the energy, as a receipt must name it; None is not told."""

    seller_name: Mapped[str | None] = mapped_column(String(120))
    seller_address: Mapped[str | None] = mapped_column(String(300))
    seller_tax_number: Mapped[str | None] = mapped_column(String(40))
    seller_contact: Mapped[str | None] = mapped_column(String(254))


class Tenant(Seller, Base):
    """A company that runs chargers; every other row belongs to one.

    A session below both `least_energy_wh` and `least_duration_s` costs nothing.
    Late differences below `late_below_minor` (minor units) are noted, not
    charged.  `idle_from_readings`: standing still by the meter is billed as
    idle, not only told.
    """

    __tablename__ = "tenants"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    least_energy_wh: Mapped[int] = mapped_column(default=100, server_default="100")
    least_duration_s: Mapped[int] = mapped_column(default=120, server_default="120")
    late_below_minor: Mapped[int] = mapped_column(default=10, server_default="10")
    idle_from_readings: Mapped[bool] = mapped_column(default=True, server_default=true())
    second_factor: Mapped[SecondFactorRule] = mapped_column(
        choice(SecondFactorRule), default=SecondFactorRule.NOBODY, server_default="nobody"
    )
    created_at: Mapped[datetime]


# Sites: places with an address, a time zone and a currency.

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
