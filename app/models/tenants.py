"""Tenants: whose network it is."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, Name


class Tenant(Base):
    """A company that runs chargers; every other row belongs to one."""

    __tablename__ = "tenants"

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    created_at: Mapped[datetime]
