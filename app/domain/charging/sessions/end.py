"""How a charging session ends: the first report wins, and nothing reported is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access.authorisation import STOP, Tap, decide_all
from app.domain.charging import metering, overtaken, running
from app.domain.charging.metering import Metered
from app.domain.charging.overtaken import is_late
from app.domain.charging.running import by_number, by_reference, is_ours, open_sessions
from app.domain.charging.sessions import row as rows
from app.domain.charging.sessions.row import AnySession, flag, mark_late
from app.domain.charging.sessions.stops import (
    MATCHED,
    Stop,
    close,
    explained,
    keep_stray,
    orders_to_stop,
)
from app.domain.charging.sessions.story import contradicts, register_at_end
from app.domain.charging.sessions.transaction_events import ENDED, TransactionReport
from app.domain.ground import events
from app.domain.ground.vocabulary import (
    BillingState,
    Decision,
    SessionState,
    StopReason,
    Token,
    Verdict,
)
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, StrayStop


@dataclass(frozen=True, slots=True)
class Stopping:
    """A stop as it arrives, with the row of its station and the readings that came with it."""

    station: AnyStation
    stop: Stop
    now: datetime
    readings: Metered | None = None


Ended = tuple[Any, Decision | None]


def end_all(db: Session, stops: Sequence[Stopping]) -> list[Ended]:
    """End sessions: the first report wins, a late one replaces an assumed end.

    What matches no session is kept as a stray stop.  Returns for each the session (if any)
    and the decision about the stopping tag (if it was named).  No two are of one station.
    """
    for now in {told.now for told in stops if told.readings}:
        of_now = [told.readings for told in stops if told.readings and told.now == now]
        metering.store(db, of_now, now=now)
    refs = {told.station.id: told.stop.transaction_ref for told in stops}
    named = rows.named(db, [(station, ref) for station, ref in refs.items() if ref is not None])
    plain = [
        (told, session)
        for told in stops
        if (session := named.get((told.station.id, told.stop.transaction_ref or "")))
        and session.state is SessionState.CHARGING
        and is_ours(session)
    ]
    shown = [_tap(told, session) for told, session in plain if told.stop.token is not None]
    decisions = dict(zip((tap.station.id for tap in shown), decide_all(db, shown), strict=True))
    untold = [session.id for told, session in plain if told.stop.word is None]
    ordered = orders_to_stop(db, untold)
    begun = rows.beginnings(session for _, session in plain)
    for told, session in plain:
        shown_by = decisions.get(told.station.id)
        stop = explained(told.stop, ordered.get(session.id, ()), shown_by)
        close(session, stop, told.now)
        ended = events.SessionEnded(session.tenant_id, session.id, session.station_id)
        events.record(db, ended)
    rows.update_anew(db, [session for _, session in plain], begun)
    by_station = {session.station_id: session for _, session in plain}
    return [
        (by_station[told.station.id], decisions.get(told.station.id))
        if told.station.id in by_station
        else _end_oddly(db, told.station, told.stop, told.now)
        for told in stops
    ]


def _tap(told: Stopping, session: AnySession) -> Tap:
    stop, now = told.stop, told.now
    assert stop.token is not None
    return Tap(told.station, stop.token, STOP, now, session.evse, session, shown_at=stop.shown_at)


def _end_oddly(db: Session, station: AnyStation, stop: Stop, now: datetime) -> Ended:
    """Take in a stop that names no running session: a stray, a repeat, a late or a guessed one."""
    session, guessed = _session_of(db, station, stop)
    if session is None:
        keep_stray(db, station, stop, None, "unmatched", now)
        # Nobody knows whose session it ended: the tag is taken as valid.
        taken = Decision(Verdict.ACCEPTED, "stray_stop", "") if stop.token else None
        return None, taken
    decision = None
    if stop.token is not None:
        place, at = session.evse, stop.shown_at
        tap = Tap(station, stop.token, STOP, now, place, session, shown_at=at)
        [decision] = decide_all(db, [tap])
    if session.state is SessionState.ENDED and not session.provisional:
        if (session.meter_stop_wh, session.ended_at) != (stop.meter_stop_wh, stop.ended_at):
            _keep_other_end(db, station, session, stop, now)
        return session, decision
    if session.state is SessionState.ENDED:
        if not is_late(station, now) or session.billing is not BillingState.OPEN:
            flag(session, "late_stop")
        mark_late(db, session, now)
    if guessed:
        flag(session, "guessed_transaction")
    ordered = orders_to_stop(db, [session.id])
    close(session, explained(stop, ordered.get(session.id, ()), decision), now)
    events.record(db, events.SessionEnded(session.tenant_id, session.id, station.id))
    db.flush()
    return session, decision


def _keep_other_end(
    db: Session, station: AnyStation, session: ChargingSession, stop: Stop, now: datetime
) -> None:
    """Keep a second end; where it contradicts the first, no bill goes out unseen."""
    known = keep_stray(db, station, stop, session, "duplicate", now)
    end = (stop.ended_at, stop.meter_stop_wh)
    if known or not contradicts(end, (session.ended_at, session.meter_stop_wh)):
        return
    flag(session, "ends_contradict")
    mark_late(db, session, now)


def keep_unnamed(
    db: Session, station: AnyStation, report: TransactionReport, *, now: datetime
) -> None:
    """Keep the end of a 2.x transaction that names none, or two; it is for a person to see."""
    if report.kind != ENDED:
        return
    stop = Stop(
        transaction_ref=report.transaction_ref,
        meter_stop_wh=register_at_end(report.registers()),
        ended_at=report.at,
        reason=report.reason or StopReason.OTHER,
        word=report.word,
        token=report.token,
        payload=report.payload,
        raw_time=report.raw_time,
    )
    keep_stray(db, station, stop, None, "unmatched", now)


def _session_of(
    db: Session, station: AnyStation, stop: Stop
) -> tuple[ChargingSession | None, bool]:
    """Find the session of a stop; a guess counts only where it is the only one open (FIELD X10)."""
    if stop.transaction_ref is not None:
        named = by_reference(db, station, stop.transaction_ref, locked=True)
        if named is not None and not is_ours(named):
            named = by_number(db, station.id, stop.transaction_ref)
        return named, False
    evse = stop.connector.evse if stop.connector else None
    candidates = [
        session for session in open_sessions(db, station, evse) if _may_end(stop, session)
    ]
    return (candidates[0], True) if len(candidates) == 1 else (None, False)


def _may_end(stop: Stop, session: ChargingSession) -> bool:
    """Whether a stop that names no transaction can be that of a session: no other card's,
    not before its start, and not below its first register.
    """
    if stop.token is not None and Token(session.token).key != stop.token.key:
        return False
    if not stop.clock_replaced and stop.ended_at < session.started_at:
        return False
    registers = (session.meter_start_wh, stop.meter_stop_wh)
    return None in registers or registers[0] <= registers[1]  # type: ignore[operator]


# What of a session was taken in before its start, which waited on another node's disk.

_REASONS = {reason.value.replace("_", ""): reason for reason in StopReason}


def take_overtaking(
    db: Session, station: AnyStation, session: AnySession, *, since: datetime
) -> None:
    """Give a session that begins what came before its start was stored: readings, and its end.

    `since` is when its start was heard.  `session` is its row, of either kind.
    """
    query = select(StrayStop).where(
        StrayStop.station_id == station.id,
        StrayStop.transaction_ref == session.transaction_ref,
        StrayStop.outcome == "unmatched",
        StrayStop.received_at >= since,
    )
    stray = db.scalars(query.order_by(StrayStop.id).limit(1)).first()
    until = stray.ended_at if stray else None
    read, lenders = metering.claim(db, session, since=since, until=until)
    for gauge in read:
        running.show(db, [gauge])
    for number in sorted(lenders):
        lender = db.get_one(ChargingSession, number)
        metering.show_again(db, lender)
        mark_late(db, lender, since)
    stands = overtaken.idle_since(db, session, since, stray.received_at if stray else None)
    db.get_one(ChargingSession, session.id).idle_since = stands
    db.flush()
    if stray is None:
        return
    stop = Stop(
        transaction_ref=session.transaction_ref,
        meter_stop_wh=stray.meter_stop_wh,
        ended_at=stray.ended_at,
        reason=_REASONS.get((stray.reason or "Local").casefold(), StopReason.OTHER),
        word=stray.reason,
        token=Token(stray.token) if stray.token else None,
        payload=stray.payload,
    )
    stray.outcome, stray.session_id = MATCHED, session.id
    stray.sentence = f"It ended session {session.id}, whose start was stored after it."
    db.flush()
    end_all(db, [Stopping(station, stop, stray.received_at)])
