"""What a fresh installation still lacks before its first receipt."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.network import tenants
from app.models import ChargingSession, Driver, Site, Station, Tag, Tariff

#: The steps in their order: each has a sentence on Home.
STEPS = ("seller", "site", "tariff", "station", "card", "charge")


def open_steps(db: Session, tenant_id: int) -> tuple[str, ...]:
    """Those of `STEPS` that are not done; none at all once anybody has charged here."""
    if db.scalar(select(ChargingSession.id).limit(1)) is not None:
        return ()
    priced = or_(
        Tariff.is_default,
        *(Tariff.id.in_(select(model.tariff_id)) for model in (Site, Station)),
    )
    there = {
        "site": select(Site.id).where(Site.archived_at.is_(None)),
        "tariff": select(Tariff.id).where(Tariff.archived_at.is_(None), priced),
        "station": select(Station.id).where(Station.archived_at.is_(None)),
        "card": select(Tag.id).join(Driver).where(Tag.archived_at.is_(None), Driver.email != ""),
    }
    done = {step for step, query in there.items() if db.scalar(query.limit(1)) is not None}
    if not tenants.lacks_seller(db, tenant_id):
        done.add("seller")
    return tuple(step for step in STEPS if step not in done)
