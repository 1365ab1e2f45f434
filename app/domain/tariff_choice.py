"""Which tariff a session is priced with: driver, then group, station, site, and the default.

The version that is current at the start is frozen into the session.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Driver, Station, Tag, Tariff


@dataclass(frozen=True, slots=True)
class Choice:
    """A version (None: there is no price) and one sentence that says why it is this one."""

    version_id: int | None
    currency: str | None
    why: str


def applicable(db: Session, station: Station, tag: Tag | None, driver: Driver | None) -> Choice:
    """Choose the tariff for a session at `station`; archived tariffs do not count."""
    group = tag.group if tag else None
    candidates = (
        (driver.tariff if driver else None, "the driver has a price of their own"),
        (group.tariff if group else None, f"the group {group.name if group else ''} has a price"),
        (station.tariff, f"the station {station.identity} has a price"),
        (station.site.tariff, f"it is the price of the site {station.site.name}"),
        (_default(db, station), "no nearer price is set and this one is the default"),
    )
    for tariff, why in candidates:
        if tariff is not None and tariff.archived_at is None and tariff.versions:
            version = tariff.current
            sentence = f"“{tariff.name}” version {version.number} applies because {why}."
            return Choice(version.id, tariff.currency, sentence)
    return Choice(None, None, "No tariff is set for this station, its site or the driver.")


def _default(db: Session, station: Station) -> Tariff | None:
    return db.scalar(
        select(Tariff).where(
            Tariff.tenant_id == station.tenant_id,
            Tariff.is_default,
            Tariff.archived_at.is_(None),
        )
    )
