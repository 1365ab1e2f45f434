"""Energy that flowed at a plug in no session: what was told of it and is still unexplained."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SessionState
from app.domain.money.billing.evidence import GAP
from app.models import ChargingSession, Station, StationReport

#: For how long staff are asked to look.
SHOWN_FOR = timedelta(days=7)
#: Rows looked at: far more than any installation has, so that the count is true.
MOST = 2000


def recent(
    db: Session, now: datetime, *conditions: ColumnElement[bool]
) -> list[tuple[StationReport, Station]]:
    """Return the reports of the last days that no session has explained since, newest first."""
    rows = [
        (report, station)
        for report, station in db.execute(
            select(StationReport, Station)
            .join(Station, Station.id == StationReport.station_id)
            .where(
                StationReport.kind == GAP,
                StationReport.received_at > now - SHOWN_FOR,
                Station.archived_at.is_(None),
                *conditions,
            )
            .order_by(StationReport.id.desc())
            .limit(MOST)
        )
    ]
    began = _began(db, [report for report, _ in rows])
    return [(report, station) for report, station in rows if not _explained(report, began)]


#: A plug as a report names it.
Plug = tuple[int, int, int]


def _began(db: Session, reports: list[StationReport]) -> dict[Plug, list[datetime]]:
    """When sessions began at the stations of these reports, by plug, as far back as they tell."""
    found: dict[Plug, list[datetime]] = {}
    if not reports:
        return found
    since = min(datetime.fromisoformat(report.payload["since"]) for report in reports)
    query = select(
        ChargingSession.station_id,
        ChargingSession.evse,
        ChargingSession.connector,
        ChargingSession.started_at,
    ).where(
        ChargingSession.station_id.in_({report.station_id for report in reports}),
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.started_at >= since,
    )
    for station_id, evse, connector, at in db.execute(query):
        found.setdefault((station_id, evse, connector), []).append(at)
    return found


def _explained(report: StationReport, began: dict[Plug, list[datetime]]) -> bool:
    """Whether a session has come that lies between the two."""
    told = report.payload
    since = datetime.fromisoformat(told["since"])
    plug = (report.station_id, told["evse"], told["connector"])
    return any(since <= at < report.at for at in began.get(plug, ()))
