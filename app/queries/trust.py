"""Selects: certificates, those who sign them, and contracts."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.charging.reports import SECURITY
from app.models import AuthorityCertificate, Station, StationCertificate, StationReport
from app.queries.ground.paging import Page, Wish, fetch

#: States of a certificate that matter no more.
PAST = ("replaced", "deleted", "missing", "rejected")


def authorities(db: Session) -> list[AuthorityCertificate]:
    """All roots that are in use, our own first."""
    query = select(AuthorityCertificate).where(AuthorityCertificate.archived_at.is_(None))
    return list(db.scalars(query.order_by(AuthorityCertificate.use, AuthorityCertificate.id)))


def waiting(db: Session) -> list[StationCertificate]:
    """Requests that nobody has signed yet, the oldest first."""
    query = (
        select(StationCertificate)
        .join(StationCertificate.station)
        .options(joinedload(StationCertificate.station))
        .where(StationCertificate.state == "requested", Station.archived_at.is_(None))
        .order_by(StationCertificate.id)
        .limit(200)
    )
    return list(db.scalars(query))


def undecided(db: Session) -> list[StationCertificate]:
    """Requests that nobody agreed to yet, or that cannot be signed, the oldest first."""
    return [row for row in waiting(db) if row.approved_at is None or row.sentence]


def listed(db: Session, wish: Wish, *, use: str = "", state: str = "") -> Page:
    """Certificates of stations, soonest end first; the past ones only when asked for."""
    query = (
        select(StationCertificate)
        .join(StationCertificate.station)
        .options(joinedload(StationCertificate.station))
        .where(
            StationCertificate.state == state if state else StationCertificate.state.not_in(PAST)
        )
    )
    if use:
        query = query.where(StationCertificate.use == use)
    columns = {
        "expires": StationCertificate.expires_at,
        "station": Station.identity_key,
        "use": StationCertificate.use,
    }
    return fetch(db, query, wish, columns, default="expires")


def of_station(db: Session, station: Station) -> list[StationCertificate]:
    """All certificates of a station, the newest first."""
    query = select(StationCertificate).where(StationCertificate.station_id == station.id)
    return list(db.scalars(query.order_by(StationCertificate.id.desc()).limit(200)))


def security_events(db: Session, station: Station, most: int = 50) -> list[StationReport]:
    query = select(StationReport).where(
        StationReport.station_id == station.id, StationReport.kind == SECURITY
    )
    return list(db.scalars(query.order_by(StationReport.at.desc()).limit(most)))
