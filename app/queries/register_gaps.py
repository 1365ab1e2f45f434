"""Energy that flowed at a plug in no session: what was told of it and is still unexplained."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.billing.continuity import GAP
from app.domain.vocabulary import SessionState
from app.models import ChargingSession, Station, StationReport

#: For how long staff are asked to look.
SHOWN_FOR = timedelta(days=7)
MOST = 50


def recent(db: Session, now: datetime) -> list[tuple[StationReport, Station]]:
    """Return the reports of the last days that no session has explained since, newest first."""
    rows = db.execute(
        select(StationReport, Station)
        .join(Station, Station.id == StationReport.station_id)
        .where(
            StationReport.kind == GAP,
            StationReport.received_at > now - SHOWN_FOR,
            Station.archived_at.is_(None),
        )
        .order_by(StationReport.id.desc())
        .limit(MOST)
    ).all()
    return [(report, station) for report, station in rows if not _explained(db, report)]


def _explained(db: Session, report: StationReport) -> bool:
    """Whether a session has come that lies between the two."""
    told = report.payload
    between = select(ChargingSession.id).where(
        ChargingSession.station_id == report.station_id,
        ChargingSession.evse == told["evse"],
        ChargingSession.connector == told["connector"],
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.started_at >= datetime.fromisoformat(told["since"]),
        ChargingSession.started_at < report.at,
    )
    return db.scalar(between.limit(1)) is not None
