"""Ends that we assume because none was reported; a late stop may replace them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.doubts import flag, open_sessions
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.bulk_read import BulkRead
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import Actor, SessionState, StopReason
from app.domain.office import audit
from app.models import ChargingSession, MeterReading

_SESSION: Any = ChargingSession.__table__
_RUNNING = BulkRead(
    select(*(_SESSION.c[name] for name in ("id", "station_id", "evse", "started_at"))).where(
        among(_SESSION.c.station_id, "stations"),
        _SESSION.c.state == SessionState.CHARGING,
    )
)


def close_previous_of(db: Session, plugs: Sequence[tuple[Any, int, datetime, datetime]]) -> None:
    """Close what runs at plugs where other sessions began: a station, an EVSE, when, and now."""
    if not plugs:
        return
    wanted = {station.id: (evse, began, now) for station, evse, began, now in plugs}
    for row in sorted(_RUNNING(db, stations=list(wanted)), key=lambda row: -row.id):
        evse, began, now = wanted[row.station_id]
        if row.evse == evse and row.started_at <= began:
            close_provisionally(db, db.get_one(ChargingSession, row.id), now=now)


def close_previous(
    db: Session,
    station: Any,
    evse: int,
    began: datetime,
    *,
    now: datetime,
    by: Any = None,
) -> None:
    """Close what runs at a plug where another session began: its stop never came (FIELD X6)."""
    for session in open_sessions(db, station, evse):
        if (by is None or session.id != by.id) and session.started_at <= began:
            close_provisionally(db, session, now=now)


def close_provisionally(
    db: Session,
    session: ChargingSession,
    *,
    now: datetime,
    actor: Actor | None = None,
    remark: str | None = None,
) -> None:
    """Close a session whose stop never came, at its last reading; a late stop may replace it.

    By hand (`actor` given, with a `remark` why) it is audited, and raises Conflict
    when the session has ended already; by itself that is nothing to be done.
    """
    # Its stop may be coming in at this moment: what was read before the lock is not its state.
    db.flush()
    db.refresh(session, with_for_update=True)
    if session.state is SessionState.ENDED:
        if actor is None:
            return
        raise Conflict(f"Session {session.id} has ended already.")
    before = audit.snapshot(session)
    last = db.execute(
        select(MeterReading.taken_at, MeterReading.register_wh)
        .where(MeterReading.session_id == session.id, MeterReading.register_wh.is_not(None))
        .order_by(MeterReading.taken_at.desc(), MeterReading.id.desc())
        .limit(1)
    ).first()
    session.state = SessionState.ENDED
    session.provisional = True
    session.stop_reason = StopReason.NEVER_REPORTED
    session.stop_received_at = now
    session.ended_at = max(session.started_at, min(last.taken_at if last else now, now))
    session.meter_stop_wh = None
    session.last_power_w = 0.0
    if last is not None:
        session.last_register_wh = last.register_wh
    flag(session, "stop_missing")
    if actor is not None:
        audit.note(db, actor, "session.close", session, now=now, before=before, remark=remark)
    events.record(db, events.SessionEnded(session.tenant_id, session.id, session.station_id))
    db.flush()


def follow_readings(db: Session, session: ChargingSession) -> None:
    """Move an assumed end to the readings that came after it (FIELD X7)."""
    if not session.provisional or session.ended_at is None:
        return
    last = db.scalar(
        select(MeterReading.taken_at)
        .where(MeterReading.session_id == session.id, MeterReading.register_wh.is_not(None))
        .order_by(MeterReading.taken_at.desc())
        .limit(1)
    )
    if last is not None and last > session.ended_at:
        session.ended_at = last
        db.flush()
