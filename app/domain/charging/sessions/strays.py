"""Stops that end no session: acknowledged, kept, shown for review, and given to one by a person."""

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.doubts import flag, mark_late
from app.domain.charging.sessions.stops import Stop, close
from app.domain.charging.sessions.story import contradicts
from app.domain.ground import events, texts
from app.domain.ground.errors import Conflict, NotFound
from app.domain.ground.vocabulary import Actor, SessionState, StopReason, Token
from app.domain.office import audit, messages
from app.models import ChargingSession, Station, StrayStop


def keep_stray(
    db: Session,
    station: Any,
    stop: Stop,
    session: ChargingSession | None,
    outcome: str,
    now: datetime,
) -> bool:
    """Keep a stop that ends nothing; the same one again only raises its count (FIELD X5).

    Tells whether it was known.
    """
    text = f"{stop.transaction_ref}|{stop.meter_stop_wh}|{stop.payload.get('timestamp')}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    row = db.scalar(
        select(StrayStop).where(StrayStop.station_id == station.id, StrayStop.digest == digest)
    )
    if row is not None:
        row.count += 1
        return True
    sentence = (
        f"It repeats the end of session {session.id} with other numbers; the first report stands."
        if session
        else "It names no session that this station began here."
    )
    db.add(
        StrayStop(
            station_id=station.id,
            transaction_ref=str(stop.payload.get("transactionId", ""))[:64],
            token=stop.token.value[:255] if stop.token else None,
            meter_stop_wh=stop.meter_stop_wh,
            ended_at=stop.ended_at,
            received_at=now,
            reason=stop.word,
            payload=messages.redact(stop.payload),
            digest=digest,
            session_id=session.id if session else None,
            outcome=outcome,
            sentence=sentence,
        )
    )
    events.station_changed(db, station)
    return False


MATCHED = "matched"
#: A stop belongs to a session that began before it; a clock may be this far off.
_SLACK = timedelta(minutes=5)
_OLDEST = timedelta(days=30)
_MOST = 20


def candidates(db: Session, stray: StrayStop) -> list[ChargingSession]:
    """The sessions of its station that a stop may have ended, the likeliest first.

    Those without an end of their own come first, then those of its tag, then
    those that ended nearest to it; a register below the start rules one out.
    """
    query = select(ChargingSession).where(
        ChargingSession.station_id == stray.station_id,
        ChargingSession.started_at <= stray.ended_at + _SLACK,
        ChargingSession.started_at >= stray.ended_at - _OLDEST,
    )
    if stray.meter_stop_wh is not None:
        start = ChargingSession.meter_start_wh
        query = query.where(or_(start.is_(None), start <= stray.meter_stop_wh))
    found = list(db.scalars(query.order_by(ChargingSession.started_at.desc()).limit(200)))
    return sorted(found, key=lambda session: _unlikeliness(session, stray))[:_MOST]


def _unlikeliness(session: ChargingSession, stray: StrayStop) -> tuple[bool, bool, float]:
    ended = session.state is SessionState.ENDED and not session.provisional
    named = stray.token is not None and Token(stray.token).key == Token(session.token).key
    apart = (session.ended_at or stray.ended_at) - stray.ended_at
    return ended, not named, abs(apart.total_seconds())


def assign_stray(
    db: Session,
    actor: Actor,
    stray: StrayStop,
    session: ChargingSession,
    *,
    note: str,
    now: datetime,
) -> ChargingSession:
    """Let a stray stop end a session that lacks an end; one that has ended is weighed again.

    The same once more changes nothing.  Raises Invalid without a reason, NotFound
    for a session of another station, and Conflict where it is settled otherwise.
    """
    note = texts.line(note, "The reason", 300, field="note", required=True)
    db.refresh(session, with_for_update=True)
    db.refresh(stray, with_for_update=True)
    station = db.get(Station, stray.station_id)
    if station is None or session.station_id != stray.station_id:
        raise NotFound("There is no such session at the station of this stop.")
    if stray.outcome == MATCHED and stray.session_id == session.id:
        return session
    if stray.outcome != "unmatched":
        raise Conflict(f"This stop is {stray.outcome} already.")
    if stray.ended_at + _SLACK < session.started_at:
        raise Conflict(f"Session {session.id} began after this stop.")
    before = audit.snapshot(session)
    _apply(db, stray, session, now)
    stray.outcome, stray.session_id = MATCHED, session.id
    stray.sentence = f"{actor.name} gave it to session {session.id}."[:300]
    db.flush()
    mark_late(db, session, now)
    audit.note(db, actor, "stray_stop.assign", session, now=now, before=before, remark=note)
    events.record(db, events.SessionEnded(session.tenant_id, session.id, station.id))
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    return session


def _apply(db: Session, stray: StrayStop, session: ChargingSession, now: datetime) -> None:
    if session.state is SessionState.ENDED and not session.provisional:
        if contradicts((stray.ended_at, stray.meter_stop_wh), _end_of(session)):
            flag(session, "ends_contradict")
        return
    if session.state is SessionState.ENDED:
        flag(session, "late_stop")
    token = Token(stray.token) if stray.token else None
    close(
        session,
        Stop(
            transaction_ref=session.transaction_ref,
            meter_stop_wh=stray.meter_stop_wh,
            ended_at=stray.ended_at,
            reason=StopReason.OTHER,
            word=stray.reason,
            token=token,
            payload=stray.payload,
        ),
        now,
    )


def _end_of(session: ChargingSession) -> tuple[datetime | None, Decimal | None]:
    return session.ended_at, session.meter_stop_wh
