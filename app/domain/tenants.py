"""Tenants: whose network it is."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFound
from app.models import Tenant

FIRST = "Ampdesk"


def first(db: Session, *, now: datetime) -> Tenant:
    """Return the installation's first tenant; made when there is none."""
    tenant = db.scalar(select(Tenant).order_by(Tenant.id).limit(1))
    if tenant is None:
        tenant = Tenant(name=FIRST, created_at=now)
        db.add(tenant)
        db.flush()
    return tenant


def ids(db: Session, *, name: str | None = None) -> list[int]:
    """The ids of all tenants, or of the one with a name; raises `NotFound`."""
    query = select(Tenant.id).order_by(Tenant.id)
    if name is None:
        return list(db.scalars(query))
    found = list(db.scalars(query.where(Tenant.name == name)))
    if not found:
        raise NotFound(f"There is no tenant called {name}.", field="tenant")
    return found
