"""What sites draw from their supply, and the times at which that is more than it gives."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SessionState
from app.domain.office.workers import connected
from app.models import ChargingSession, Site, Station, SupplyExcess

#: Two excesses with a shorter pause than this are one.
PAUSE = timedelta(minutes=5)
KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Draw:
    """What charges at a site now: sessions, and their power together in watts."""

    sessions: int = 0
    power_w: float = 0.0


def drawn(
    db: Session, *, now: datetime, site_ids: Collection[int] | None = None
) -> dict[int, Draw]:
    """Return what each site draws now, as its connected stations tell it.

    Sites at which nothing charges are left out; what a station said before it was lost
    is no power of now.
    """
    query = (
        select(
            ChargingSession.site_id,
            func.count(ChargingSession.id),
            func.sum(ChargingSession.last_power_w),
        )
        .join(Station, Station.id == ChargingSession.station_id)
        .where(ChargingSession.state == SessionState.CHARGING, connected(now))
        .group_by(ChargingSession.site_id)
    )
    if site_ids is not None:
        query = query.where(ChargingSession.site_id.in_(list(site_ids)))
    return {site: Draw(count, float(power or 0.0)) for site, count, power in db.execute(query)}


def watch(db: Session, *, now: datetime) -> None:
    """Note where a supply is exceeded now, and where that has ended."""
    limited = [
        (site, float(Decimal(site.supply_limit_kw) * 1000))
        for site in db.scalars(select(Site).where(Site.archived_at.is_(None)))
        if site.supply_limit_kw is not None
    ]
    draws = drawn(db, now=now, site_ids=[site.id for site, _ in limited]) if limited else {}
    over = {site.id for site, limit in limited if draws.get(site.id, Draw()).power_w > limit}
    for row in db.scalars(select(SupplyExcess).where(SupplyExcess.ended_at.is_(None))):
        if row.site_id not in over:
            row.ended_at = now
    for site, limit_w in limited:
        if site.id in over:
            _note(db, site, draws[site.id].power_w, limit_w, now)
    db.execute(delete(SupplyExcess).where(SupplyExcess.last_at < now - KEPT))


def _note(db: Session, site: Site, power_w: float, limit_w: float, now: datetime) -> None:
    row = db.scalar(
        select(SupplyExcess)
        .where(SupplyExcess.site_id == site.id, SupplyExcess.last_at > now - PAUSE)
        .order_by(SupplyExcess.id.desc())
        .limit(1)
    )
    if row is None:
        row = SupplyExcess(
            tenant_id=site.tenant_id, site_id=site.id, began_at=now, peak_w=power_w, last_at=now
        )
        db.add(row)
    row.last_at, row.ended_at, row.limit_w = now, None, limit_w
    row.peak_w = max(row.peak_w, power_w)
    db.flush()
