"""What is told of a running transaction as it happens: for live pages, and for cars that wait."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.charging.reports import ActivityTold
from app.domain.charging.sessions.report import ENDED, STARTED, TransactionReport
from app.domain.ground import events
from app.domain.ground.vocabulary import Activity, ConnectorRef
from app.domain.limits import ev_needs
from app.models import ChargingSession, Station

#: A station's row, its session's, what it told, and when.
Showing = tuple[Any, Any, TransactionReport, datetime]


def show(db: Session, told: Sequence[Showing]) -> None:
    """Let the live pages hear of what is told as it happens; plan for cars that waited for it."""
    _show_activities(db, told)
    for _, session, _, _ in told:
        changed = events.SessionChanged(session.tenant_id, session.id, session.station_id)
        events.record(db, changed)
    began = {
        session.station_id: (session, now)
        for _, session, report, now in told
        if report.kind == STARTED
    }
    for station_id in ev_needs.waiting(db, began):
        session, now = began[station_id]
        station, its = db.get_one(Station, station_id), db.get_one(ChargingSession, session.id)
        ev_needs.session_began(db, station, its, now=now)


def _show_activities(db: Session, told: Sequence[Showing]) -> None:
    """Let plugs show what their transactions say that they do."""
    shown = []
    for station, session, report, now in told:
        activity = Activity.FINISHING if report.kind == ENDED else report.activity
        if activity is not None and session.evse:
            place = ConnectorRef(session.evse, session.connector)
            shown.append(ActivityTold(station, place, activity, report.at, now))
    reports.activity_all(db, shown)
