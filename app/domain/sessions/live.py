"""What goes on at the plug of a running transaction, for the live pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain import reports
from app.domain.reports import ActivityTold
from app.domain.sessions.report import ENDED, TransactionReport
from app.domain.vocabulary import Activity, ConnectorRef

#: A station's row, its session's, what it told, and when.
Showing = tuple[Any, Any, TransactionReport, datetime]


def show_activities(db: Session, told: Sequence[Showing]) -> None:
    """Let plugs show what their transactions say that they do."""
    shown = []
    for station, session, report, now in told:
        activity = Activity.FINISHING if report.kind == ENDED else report.activity
        if activity is not None and session.evse:
            place = ConnectorRef(session.evse, session.connector)
            shown.append(ActivityTold(station, place, activity, report.at, now))
    reports.activity_all(db, shown)
