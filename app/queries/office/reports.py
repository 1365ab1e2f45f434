"""All reports by their names, and what each can be asked for."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid
from app.domain.ground.texts import N_
from app.models import Site, Station, Tenant
from app.queries.office import report_sessions, report_uptime
from app.queries.office.report_lines import BY, MOST, USUAL, Report, Wanted

__all__ = ["KINDS", "MOST", "USUAL", "WAYS", "Report", "Wanted", "facts", "run"]

#: What its lines can stand for, in words.
WAYS = {
    "site": N_("Site"),
    "station": N_("Station"),
    "connector": N_("Plug"),
    "tariff": N_("Tariff"),
    "driver": N_("Driver"),
    "error": N_("Error"),
}

#: The longest period of one report.
MOST_DAYS = 366


class Kind(NamedTuple):
    """A report: what it is called, what its lines can stand for, and how it is made."""

    title: str
    by: tuple[str, ...]
    make: Callable[..., Report]


KINDS: dict[str, Kind] = {
    "energy": Kind(N_("Energy"), tuple(BY), report_sessions.energy),
    "revenue": Kind(N_("Revenue"), tuple(BY), report_sessions.revenue),
    "use": Kind(N_("Use by hour"), ("hour",), report_sessions.use),
    "uptime": Kind(N_("Uptime"), report_uptime.BY, report_uptime.uptime),
    "faults": Kind(N_("Faults"), report_uptime.BY_FAULT, report_uptime.faults),
    "tries": Kind(N_("First tries"), tuple(BY), report_sessions.tries),
}


def run(db: Session, kind: str, wanted: Wanted, *, now: datetime) -> Report:
    """Make a report; `by` empty is the first way.  Raises `Invalid`."""
    found = KINDS[kind]
    if wanted.by not in found.by:
        raise Invalid(f"This report is by {', '.join(found.by)}.", field="by")
    if wanted.period.days > MOST_DAYS:
        raise Invalid("A report is over a year at most.", field="to")
    return found.make(db, wanted, now=now)


def facts(db: Session, wanted: Wanted) -> list[tuple[str, str]]:
    """Whose report it is, what its lines are, and what it is narrowed to, in words."""
    found = [(N_("Organisation"), db.get_one(Tenant, wanted.tenant_id).name)]
    if wanted.by in WAYS:
        found.append((N_("By"), WAYS[wanted.by]))
    if site := db.get(Site, wanted.site_id):
        found.append((N_("Site"), site.name))
    if station := db.get(Station, wanted.station_id):
        found.append((N_("Station"), station.identity))
    return found
