"""Tenants: whose network it is."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

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
