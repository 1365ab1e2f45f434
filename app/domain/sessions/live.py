"""What goes on at the plug of a running transaction, for the live pages."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import reports
from app.domain.sessions.report import ENDED, TransactionReport
from app.domain.vocabulary import Activity, ConnectorRef
from app.models import ChargingSession, Station


def show_activity(
    db: Session,
    station: Station,
    session: ChargingSession,
    report: TransactionReport,
    *,
    now: datetime,
) -> None:
    """Let the plug show what its transaction says that it does."""
    activity = Activity.FINISHING if report.kind == ENDED else report.activity
    if activity is not None and session.evse:
        place = ConnectorRef(session.evse, session.connector)
        reports.activity(db, station, place, activity, at=report.at, now=now)
