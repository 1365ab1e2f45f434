"""Tenants: whose network it is, who sells, and by which rules bills are made."""

from datetime import datetime

from sqlalchemy import String, true
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Name


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
    created_at: Mapped[datetime]
