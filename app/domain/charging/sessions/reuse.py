"""A transaction id that a 2.x station uses again, after its end or for another card (FIELD X9).

Which events make a session of their own is told by all of them together, so
that the order in which they were heard changes nothing.  The newest session
bears the station's id, the earlier ones the id with a number: `tx-1#1`.

A station that changes between 1.6 and 2.x may name a transaction of its own as we numbered one: the
two are two sessions as well.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, true, update
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.charging.running import OF_STATION, by_reference, is_ours, stood_aside
from app.domain.charging.sessions.begin import new_session
from app.domain.charging.sessions.provisional import last_register
from app.domain.charging.sessions.row import AnySession, mark_late, step_aside
from app.domain.charging.sessions.starts import Start
from app.domain.charging.sessions.story import by_clock
from app.domain.charging.sessions.transaction_events import (
    ENDED,
    STARTED,
    TransactionReport,
)
from app.domain.ground.vocabulary import BillingState, ConnectorRef, SessionState, Token
from app.domain.network.plugs import AnyStation
from app.models import Bill, ChargingSession, MeterReading, TransactionEvent


def session_of(
    db: Session, station: AnyStation, report: TransactionReport
) -> ChargingSession | None:
    """The session of a transaction at the time of an event: the last that had begun by then.

    One that we numbered ourselves (1.6) is another than the station's of the same id.  At another
    EVSE it is another for a start, and where there is one at that EVSE; else the event names a
    wrong one.
    """
    ref, at = report.transaction_ref, report.at
    newest = by_reference(db, station, ref, locked=True)
    if newest is None:
        return None
    ours, other, starts = is_ours(newest), is_elsewhere(newest, report), report.kind == STARTED
    if not other and (newest.started_at <= at or not (ours or "#" in newest.start_key)):
        there: Sequence[ChargingSession] = ()
    else:
        theirs = ChargingSession.start_key.startswith(OF_STATION)
        query = select(ChargingSession).where(
            ChargingSession.station_id == station.id, stood_aside(ref), theirs
        )
        query = query.order_by(ChargingSession.started_at.desc()).with_for_update()
        there = [one for one in db.scalars(query) if not is_elsewhere(one, report)]
    begun = (session for session in there if session.started_at <= at)
    found = next(begun, there[-1] if there else newest)
    ended_at = None if found.provisional and not starts else found.ended_at
    unknown = other and (not there or (ended_at is not None and ended_at < at))
    if (ours and not there) or (unknown and starts):
        step_aside(db, newest)
        return None
    return newest if unknown and not ours else found


def is_elsewhere(session: Any, report: TransactionReport) -> bool:
    """Whether an event names another EVSE than that of a session (its row of either kind)."""
    evse = report.connector.evse if report.connector else 0
    return bool(evse and session.evse and evse != session.evse)


def split(
    db: Session, station: AnyStation, session: ChargingSession, *, now: datetime
) -> ChargingSession | None:
    """Give the events of a second use of the id a session of their own; None where all is one."""
    query = select(TransactionEvent).where(TransactionEvent.session_id == session.id)
    ordered = sorted(db.scalars(query), key=by_clock)
    cut = begins_anew(ordered)
    if cut is None:
        return None
    # What a bill rests on stays with it; then the two are told apart by a person.
    reading_id, event_id = rested_on(db, session.id)
    first = ordered[cut]
    stood_aside = session.transaction_ref != first.transaction_ref
    if stood_aside or any(event.id <= event_id for event in ordered[cut:]):
        return None
    step_aside(db, session)
    key = f"{OF_STATION}{first.transaction_ref}"
    nobody = authorisation.without_token(station)
    made = new_session(db, station, _start(first, session), key, nobody, now=now)
    _move(db, session, made, ordered[cut:], after_id=reading_id)
    _reopen(db, session, ordered[:cut], now)
    return made


def regain(
    db: Session, session: ChargingSession, start: TransactionEvent, *, now: datetime
) -> ChargingSession | None:
    """Give a new session what was told of it before its start, and went to one at another EVSE.

    Returns that one, if any; what a bill rests on stays there.
    """
    if start.kind != STARTED:
        return None
    others = select(ChargingSession).where(
        ChargingSession.station_id == session.station_id,
        stood_aside(start.transaction_ref),
        ChargingSession.evse != session.evse,
        or_(ChargingSession.ended_at.is_(None), ChargingSession.ended_at >= start.at),
    )
    for other in db.scalars(others):
        query = select(TransactionEvent).where(TransactionEvent.session_id == other.id)
        told, (reading_id, event_id) = db.scalars(query).all(), rested_on(db, other.id)
        astray = [one for one in told if one.evse == session.evse and one.at >= start.at]
        rest = [one for one in told if one not in astray]
        if astray and rest and min(one.id for one in astray) > event_id:
            _move(db, other, session, astray, after_id=reading_id, evse=session.evse)
            _reopen(db, other, rest, now)
            return other
    return None


def rested_on(db: Session, session_id: int) -> tuple[int, int]:
    """The last reading and the last event (ids) that bills of a session rest on; 0 for none.

    What has a greater id came later, and may still turn out to be another session's.
    """
    query = select(Bill.__table__.c.proof).where(Bill.__table__.c.session_id == session_id)
    proofs = [proof or {} for proof in db.scalars(query)]
    reading, event = (
        max((proof.get(name, 0) for proof in proofs), default=0)
        for name in ("last_reading", "last_event")
    )
    return reading, event


def begins_anew(ordered: Sequence[TransactionEvent]) -> int | None:
    """Where a second transaction begins: a Started after an Ended, or with another card."""
    started: TransactionEvent | None = None
    ended = False
    for place, event in enumerate(ordered):
        if event.kind == ENDED:
            ended = started is not None
        elif event.kind == STARTED:
            if started is not None and event.at > started.at and (ended or _other(started, event)):
                return place
            started = started or event
    return None


def unsure(db: Session, session: AnySession, told: Sequence[Any]) -> bool:
    """Whether the events of a transaction may be those of two, and nothing tells these apart.

    It was started at two times (the same start again may leave out the fractions of its second),
    or some event names another EVSE, or none while its id was in use at two.
    """
    started = [event.at for event in told if event.kind == STARTED]
    if started and max(started) - min(started) >= timedelta(seconds=1):
        return True
    if any(event.evse and event.evse != session.evse for event in told):
        return True
    ref = told[0].transaction_ref
    alone = "#" not in session.start_key and session.transaction_ref == ref
    if alone or all(event.evse for event in told):
        return False
    others = select(ChargingSession.id).where(
        ChargingSession.station_id == session.station_id,
        or_(ChargingSession.transaction_ref == ref, stood_aside(ref)),
        ChargingSession.id != session.id,
        ChargingSession.evse != session.evse,
        ChargingSession.started_at <= max(event.at for event in told),
        or_(ChargingSession.ended_at.is_(None), ChargingSession.ended_at >= session.started_at),
    )
    return db.scalar(others.limit(1)) is not None


def _other(one: TransactionEvent, other: TransactionEvent) -> bool:
    if one.token is None or other.token is None:
        return False
    return Token(one.token).key != Token(other.token).key


def _start(event: TransactionEvent, session: ChargingSession) -> Start:
    evse = event.evse or session.evse
    return Start(
        connector=ConnectorRef(evse, event.connector or session.connector),
        token=Token("", authorisation.NO_AUTHORISATION),
        meter_start_wh=None,
        started_at=event.at,
        raw_time=event.at.isoformat(),
        transaction_ref=event.transaction_ref,
    )


def _move(
    db: Session,
    session: ChargingSession,
    made: ChargingSession,
    events: Sequence[TransactionEvent],
    *,
    after_id: int,
    evse: int | None = None,
) -> None:
    """Let the later events take their readings along, save those that a bill rests on."""
    for event in events:
        event.session_id = made.id
    db.execute(
        update(MeterReading)
        .where(
            MeterReading.session_id == session.id,
            MeterReading.taken_at >= made.started_at,
            MeterReading.id > after_id,
            true() if evse is None else MeterReading.evse == evse,
        )
        .values(session_id=made.id)
        .execution_options(synchronize_session=False)
    )
    made.last_seq_no = max(event.seq_no for event in events)
    made.last_reading_at, made.last_register_wh = _last(db, made)
    db.flush()


def _reopen(
    db: Session, session: ChargingSession, events: Sequence[TransactionEvent], now: datetime
) -> None:
    """Take an end back that was the later session's; what was billed goes to a person."""
    session.last_seq_no = max(event.seq_no for event in events)
    if any(event.kind == ENDED for event in events) or session.provisional:
        return
    if session.billing is not BillingState.OPEN:
        mark_late(db, session, now)
        return
    session.state = SessionState.CHARGING
    session.ended_at = session.stop_received_at = session.meter_stop_wh = None
    session.stop_reason = session.stop_word = session.stop_token = session.bill_after = None
    session.last_reading_at, session.last_register_wh = _last(db, session)
    db.flush()


def _last(db: Session, session: ChargingSession) -> tuple[Any, Any]:
    row = last_register(db, session)
    return (row.taken_at, row.register_wh) if row else (session.started_at, None)
