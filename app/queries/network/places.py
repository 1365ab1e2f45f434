"""Where the signed-in person's stations are, in two words for the top of every page."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Site


@dataclass(frozen=True, slots=True)
class Place:
    """The only site's name (or how many there are) and the time zone most of them share."""

    name: str
    timezone: str


def place(db: Session) -> Place:
    """Name the place: one site by its name, several by their number."""
    zones = db.execute(
        select(Site.timezone, func.count(Site.id), func.min(Site.name))
        .where(Site.archived_at.is_(None))
        .group_by(Site.timezone)
        .order_by(func.count(Site.id).desc(), Site.timezone)
    ).all()
    if not zones:
        return Place("", "UTC")
    count = sum(number for _, number, _ in zones)
    return Place(zones[0][2] if count == 1 else f"{count} sites", zones[0][0])
