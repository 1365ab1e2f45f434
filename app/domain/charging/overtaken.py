"""Words of plugs that come after newer ones.

While the database is away what a station tells is held on the disk of its node.  When it goes on
over another node, its newer words may be stored before those.  A word counts from when it was
heard: one that newer ones have overtaken is history, and changes only since when its plug is as it
is, and since when a car stands.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.clock import ON_ITS_WAY
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import (
    IDLING,
    Activity,
    Availability,
    BillingState,
    ConnectorRef,
    SessionState,
    StatusReport,
)
from app.domain.network.plugs import AnyStation, PlugRow
from app.models import ChargingSession, Connection, StatusEvent


class Word(NamedTuple):
    """What a plug was said to be, and when that was heard."""

    availability: Availability
    activity: Activity
    at: datetime
    received_at: datetime


def is_late(station: AnyStation, now: datetime) -> bool:
    """Whether what was heard at `now` came over an earlier connection than the station's last."""
    return station.connected_at is not None and now < station.connected_at


def newer_words(db: Session, row: PlugRow, now: datetime) -> list[Word]:
    """The changes of a plug that were heard after `now`, in the order in which they were."""
    columns = (StatusEvent.availability, StatusEvent.activity, StatusEvent.at)
    query = select(*columns, StatusEvent.received_at).where(
        StatusEvent.station_id == row.station_id,
        StatusEvent.evse == row.evse,
        StatusEvent.connector == row.connector,
        StatusEvent.received_at > now,
    )
    found = db.execute(query.order_by(StatusEvent.received_at, StatusEvent.id))
    return [Word(*each) for each in found]


def newest_of(row: PlugRow) -> tuple[StatusReport, Word]:
    """What a plug was last heard to be, as it is told and as a word."""
    assert row.status_at is not None and row.status_received_at is not None
    report = StatusReport(
        connector=ConnectorRef(row.evse, row.connector),
        availability=row.availability,
        activity=row.activity,
        word=row.status_word or "",
        at=row.status_at,
        error_code=row.error_code,
        vendor_error=row.vendor_error,
        info=row.info,
    )
    return report, Word(row.availability, row.activity, row.status_at, row.status_received_at)


def set_since(row: PlugRow, report: StatusReport, newer: Sequence[Word], now: datetime) -> None:
    """Say since when a plug is as it is, with a word between what was known.

    `newer` is what was heard since, oldest first.
    """
    if any(each.availability is not row.availability for each in newer):
        return
    if report.availability is row.availability:
        row.since = min(filter(None, (row.since, report.at, now)))
    else:
        row.since = min(newer[0].at, newer[0].received_at)


def follow(
    db: Session, station: AnyStation, report: StatusReport, newer: Sequence[Word], now: datetime
) -> None:
    """Let the session that ran at the plug then know since when its car stands.

    `newer` is what was heard since.  One that was decided about before is weighed once more.
    """
    session = newest(
        db,
        ChargingSession,
        ChargingSession.start_received_at <= now,
        station_id=station.id,
        evse=report.connector.evse,
    )
    if session is None or (session.ended_at is not None and session.ended_at < report.at):
        return
    if session.state is SessionState.CHARGING:
        _stand(session, report, newer)
    elif session.billing is not BillingState.OPEN:
        session.late_evidence_at = now
        ended = events.SessionEnded(session.tenant_id, session.id, session.station_id)
        events.record(db, ended)
    db.flush()


def _stand(session: ChargingSession, report: StatusReport, newer: Sequence[Word]) -> None:
    if any(each.activity is Activity.CHARGING for each in newer):
        return
    idle = [each.at for each in newer if each.activity in IDLING]
    if report.activity in IDLING:
        before = [session.idle_since] if session.idle_since else []
        session.idle_since = min([*before, max(report.at, session.started_at)])
    elif report.activity is Activity.CHARGING:
        session.idle_since = max(idle[0], session.started_at) if idle else None


def idle_since(
    db: Session, session: Any, since: datetime, until: datetime | None
) -> datetime | None:
    """Since when the car of a session stands, by what its plug was heard to be meanwhile."""
    query = select(StatusEvent.activity, StatusEvent.at).where(
        StatusEvent.station_id == session.station_id,
        StatusEvent.evse == session.evse,
        StatusEvent.received_at > since,
    )
    if until is not None:
        query = query.where(StatusEvent.received_at <= until)
    found: datetime | None = None
    for activity, at in db.execute(query.order_by(StatusEvent.received_at, StatusEvent.id)):
        if activity is Activity.CHARGING:
            found = None
        elif activity in IDLING:
            found = found or max(at, session.started_at)
    return found


def was_silent(db: Session, station: AnyStation, started_at: datetime, *, now: datetime) -> bool:
    """Whether a start that is told now is dated when the station could have told it at once.

    It was connected then, and for long afterwards, on a connection that it has since left.
    """
    if now - started_at <= ON_ITS_WAY:
        return False
    there = select(Connection.id).where(
        Connection.station_id == station.id,
        Connection.opened_at <= started_at,
        Connection.closed_at > started_at + ON_ITS_WAY,
    )
    return db.scalar(there.limit(1)) is not None
