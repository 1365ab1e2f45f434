"""All reports by their names, and what each can be asked for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import REPORT_WAYS, ReportKind
from app.models import Site, Station, Tenant
from app.queries.office import report_sessions, report_uptime
from app.queries.office.report_lines import MOST, USUAL, Report, Wanted

__all__ = ["KINDS", "MOST", "USUAL", "WAYS", "Report", "Wanted", "facts", "run"]

#: What its lines can stand for, in words.
WAYS = {
    "site": N_("Site"),
    "station": N_("Station"),
    "connector": N_("Connector"),
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
    kind: Kind(title, REPORT_WAYS[kind], make)
    for kind, title, make in (
        (ReportKind.ENERGY, N_("Energy"), report_sessions.energy),
        (ReportKind.REVENUE, N_("Revenue"), report_sessions.revenue),
        (ReportKind.USE, N_("Use by hour"), report_sessions.use),
        (ReportKind.UPTIME, N_("Uptime"), report_uptime.uptime),
        (ReportKind.FAULTS, N_("Faults"), report_uptime.faults),
        (ReportKind.TRIES, N_("First tries"), report_sessions.tries),
    )
}


def run(db: Session, kind: str, wanted: Wanted, *, now: datetime, kept_days: int) -> Report:
    """Make a report; connections are kept for `kept_days`.  Raises `Invalid`."""
    found = KINDS[kind]
    if wanted.by not in found.by:
        raise Invalid(f"This report is by {', '.join(found.by)}.", field="by")
    if wanted.period.days > MOST_DAYS:
        raise Invalid("A report is over a year at most.", field="to")
    return found.make(db, replace(wanted, known_since=now - timedelta(days=kept_days)), now=now)


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
