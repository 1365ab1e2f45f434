"""Ends that we assume because none was reported; a late stop may replace them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select
from sqlalchemy.orm import Session

from app.domain.charging.running import OF_STATION
from app.domain.charging.sessions.row import flag
from app.domain.charging.sessions.stops import find_plugs
from app.domain.commands import commands
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import (
    SYSTEM,
    Actor,
    Availability,
    BillingState,
    Order,
    SessionState,
    StopReason,
)
from app.domain.ground.vocabulary.standard import NUMBERED_BY_STATION, NUMBERED_BY_US
from app.domain.network import presence
from app.domain.office import audit
from app.models import ChargingSession, Connector, MeterReading, Station

_SESSION = ChargingSession.__table__
_RUNNING = BulkRead(
    select(*(_SESSION.c[name] for name in ("id", "station_id", "evse", "started_at"))).where(
        among(_SESSION.c.station_id, "stations"), _SESSION.c.state == SessionState.CHARGING
    )
)


def close_previous(
    db: Session, plugs: Sequence[tuple[Any, int, datetime, datetime]], *, but: int | None = None
) -> None:
    """Close what runs at plugs where others began: their stops never came (FIELD X6).

    A plug is a station, an EVSE, when the other session began there, and now; `but` stays open.
    """
    if not plugs:
        return
    wanted = {station.id: (evse, began, now) for station, evse, began, now in plugs}
    for row in sorted(_RUNNING(db, stations=list(wanted)), key=lambda row: -row.id):
        evse, began, now = wanted[row.station_id]
        if row.evse == evse and row.id != but and is_previous(row, began):
            session = db.get_one(ChargingSession, row.id)
            close_provisionally(db, session, now=now, until=began)


def is_previous(running: Any, began: datetime) -> bool:
    """Whether what runs at a plug began before, be that one told again without its fractions."""
    return bool(running.started_at.replace(microsecond=0) <= began)


def close_provisionally(
    db: Session,
    session: ChargingSession,
    *,
    now: datetime,
    until: datetime | None = None,
    actor: Actor | None = None,
    remark: str | None = None,
) -> None:
    """Close a session whose stop never came, at its last reading; a late stop may replace it.

    One without a reading is closed at `until`, the latest that is known of it, or now.
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
    last = last_register(db, session)
    session.state = SessionState.ENDED
    session.provisional = True
    session.stop_reason = StopReason.NEVER_REPORTED
    session.stop_received_at = now
    session.ended_at = max(session.started_at, min(last.taken_at if last else until or now, now))
    session.meter_stop_wh = None
    session.last_power_w = 0.0
    if last is not None:
        session.last_register_wh = last.register_wh
    flag(session, "stop_missing")
    find_plugs(db, [session])
    if actor is not None:
        audit.note(db, actor, "session.close", session, now=now, remark=remark)
    events.record(db, events.SessionEnded(session.tenant_id, session.id, session.station_id))
    db.flush()


def follow_readings(db: Session, session: ChargingSession) -> None:
    """Move an assumed end to the readings that came after it (FIELD X7)."""
    if not session.provisional or session.ended_at is None:
        return
    last = last_register(db, session)
    if last is not None and last.taken_at > session.ended_at:
        session.ended_at = last.taken_at
        db.flush()


def last_register(db: Session, session: ChargingSession) -> Any | None:
    """When a session's register was read last (`taken_at`), and what it was (`register_wh`)."""
    return db.execute(
        select(MeterReading.taken_at, MeterReading.register_wh)
        .where(MeterReading.session_id == session.id, MeterReading.register_wh.is_not(None))
        .order_by(MeterReading.taken_at.desc(), MeterReading.id.desc())
        .limit(1)
    ).first()


# Running sessions that nobody will end: which of them to close at their last reading.
#
# A station that says its plug is free while we think it charges has lost the
# stop, or will replay it; one that is offline for a day may come back with it
# (FIELD S4, 3.4).  A station that may be asked is asked first how the session
# stands.  One that has changed between 1.6 and 2.x cannot tell the end in the other's words any
# more.  Either way the end is only assumed: a late stop replaces it.

#: How long a connected station may call an occupied plug free before we believe it.
GRACE = timedelta(minutes=5)
#: No station's patience is shorter than this (quirk stop_on_available_grace_s).
SHORTEST = timedelta(minutes=1)
#: How long a station may be away; its offline memory usually comes back sooner.
AWAY = timedelta(hours=48)
#: How long a station may speak another version before we believe that it will not change back.
CHANGED = timedelta(minutes=15)

SUSPECT, TOLD_OPEN = "suspect", "told_open"
_ASK_WITHIN_S = 60.0


def close_abandoned(db: Session, *, now: datetime) -> int:
    """Close running sessions that are over by all we know; returns how many."""
    there = presence.connected(now)
    freed = and_(
        there,
        Connector.availability == Availability.AVAILABLE,
        Connector.stale.is_(False),
        Connector.status_at >= ChargingSession.started_at,
        Connector.status_received_at <= now - SHORTEST,
        or_(
            ChargingSession.last_reading_at.is_(None),
            ChargingSession.last_reading_at <= Connector.status_at,
        ),
    )
    gone = and_(
        not_(there),
        Station.last_seen_at <= now - AWAY,
        ChargingSession.start_received_at <= now - AWAY,
    )
    changed = and_(there, _was_begun_otherwise(), Station.connected_at <= now - CHANGED)
    left = case((changed, Station.connected_at), else_=Station.last_seen_at)
    until = case((freed, Connector.status_received_at), else_=left)
    query = (
        select(ChargingSession, until, and_(there, not_(changed)))
        .join(Station, Station.id == ChargingSession.station_id)
        .outerjoin(
            Connector,
            and_(
                Connector.station_id == ChargingSession.station_id,
                Connector.evse == ChargingSession.evse,
                Connector.connector == ChargingSession.connector,
            ),
        )
        .where(ChargingSession.billing == BillingState.OPEN, or_(freed, gone, changed))
        .where(ChargingSession.state == SessionState.CHARGING)
        .limit(200)
        .with_for_update(of=ChargingSession, skip_locked=True)
    )
    closed = 0
    for session, over_at, may_tell in db.execute(query).all():
        if not may_tell or _is_over(db, session, over_at, now):
            close_provisionally(db, session, now=now, until=over_at)
            closed += 1
    return closed


def _was_begun_otherwise() -> ColumnElement[bool]:
    """The condition that a session's station spoke 1.6 when it began and 2.x now, or vice versa."""
    spoken = func.coalesce(Station.protocol, "")
    theirs = ChargingSession.start_key.startswith(OF_STATION)
    return or_(
        and_(not_(theirs), spoken.in_(NUMBERED_BY_STATION)),
        and_(theirs, spoken.in_(NUMBERED_BY_US)),
    )


def _is_over(db: Session, session: ChargingSession, free_since: datetime, now: datetime) -> bool:
    """Whether a session at a plug that is called free is over; a station that may be is asked."""
    station = session.station
    grace_s = station.quirks.get("stop_on_available_grace_s")
    grace = timedelta(seconds=int(grace_s)) if grace_s else GRACE
    if free_since > now - grace or TOLD_OPEN in session.flags:
        return False
    if not station.quirks.get("ask_about_sessions"):
        return True
    if SUSPECT not in session.flags:
        flag(session, SUSPECT)
        _ask(db, session, now)
        return False
    return free_since <= now - 2 * grace


def _ask(db: Session, session: ChargingSession, now: datetime) -> None:
    """Ask how a session stands: 2.x is asked that, 1.6 for its readings."""
    station = session.station
    if Order.READ_TRANSACTION_STATUS.value in station.supported_orders:
        order, given = Order.READ_TRANSACTION_STATUS, {"session_id": session.id}
    else:
        order = Order.TRIGGER
        given = {"message": "meter_values", "connector": session.evse}  # type: ignore[dict-item]
    # Where it went away meanwhile its silence is the answer.
    commands.tried(db, SYSTEM, station, order, given, now=now, ttl_s=_ASK_WITHIN_S)
