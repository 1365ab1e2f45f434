"""Stops as stations tell them: why charging ended, what that writes, and those that end nothing."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.row import AnySession, flag, mark_late, mark_time, remove_flag
from app.domain.charging.sessions.story import contradicts
from app.domain.ground import events, redaction, texts
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.clock import SECOND
from app.domain.ground.errors import Conflict, NotFound
from app.domain.ground.vocabulary import (
    Actor,
    BillingState,
    CommandState,
    ConnectorRef,
    Decision,
    Json,
    Order,
    SessionState,
    StopReason,
    Token,
)
from app.domain.network import plugs
from app.domain.network.plugs import AnyStation
from app.domain.office import audit
from app.models import ChargingSession, Command, Station, StrayStop

#: No charging takes longer than this by a clock that has lost the date.
_LONGEST = timedelta(days=3)
#: The doubt of a session of which nobody knows at which plug it is.
PLUG_UNKNOWN = "plug_unknown"
#: An end may be dated so long before the order that it follows: clocks differ.
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Stop:
    """What a station says when charging ended; `transaction_ref` None: it named none.

    `raw_time` is its clock's time, to know it again; `claimed_at` its own where another one is
    used; `word` None: it gave no reason.
    """

    transaction_ref: str | None
    meter_stop_wh: Decimal | None
    ended_at: datetime
    reason: StopReason
    word: str | None
    token: Token | None
    payload: Json
    clock_replaced: bool = False
    connector: ConnectorRef | None = None
    claimed_at: datetime | None = None
    raw_time: str | None = None

    @property
    def shown_at(self) -> datetime | None:
        """When its tag was shown, where its clock can be right."""
        return None if self.clock_replaced else self.ended_at


#: When the orders to stop were sent that stations accepted, or have not answered yet: the end
#: may be taken in before the answer.
_COMMAND = Command.__table__
_ORDERED = BulkRead(
    select(_COMMAND.c.session_id, _COMMAND.c.sent_at).where(
        among(_COMMAND.c.session_id, "sessions"),
        _COMMAND.c.order == Order.STOP_CHARGING,
        or_(*(_COMMAND.c.state == each for each in (CommandState.ACCEPTED, CommandState.SENT))),
    )
)


def orders_to_stop(db: Session, sessions: Iterable[int]) -> dict[int, list[datetime]]:
    """When we had each of some sessions (by number) stopped; one query for all of them."""
    found: dict[int, list[datetime]] = defaultdict(list)
    for session_id, sent_at in _ORDERED(db, sessions=list(sessions)):
        found[session_id] += [sent_at] if sent_at else []
    return found


def explained(stop: Stop, ordered: Iterable[datetime], shown: Decision | None) -> Stop:
    """The stop with its reason, as `reason_of` has it."""
    return replace(stop, reason=reason_of(stop.reason, stop.word, stop.ended_at, ordered, shown))


def reason_of(
    told: StopReason,
    word: str | None,
    ended_at: datetime,
    ordered: Iterable[datetime],
    shown: Decision | None = None,
) -> StopReason:
    """The reason of an end: the station's own; without a `word` of it, our order to stop.

    A missing word stands for a stop at the station (1.6 section 6.49, 2.0.1 E06.FR.09), but
    stations leave it out of what we asked for, too.  `ordered` is when that was.  `shown` is
    what was decided about the tag that ended it: 1.6 has no word for a master pass.  Pure.
    """
    if told is StopReason.LOCAL and shown is not None and shown.reason == "master_pass":
        return StopReason.MASTER_PASS
    if word is None and any(sent_at <= ended_at + CLOCKS_DIFFER for sent_at in ordered):
        return StopReason.REMOTE
    return told


def close(session: AnySession, stop: Stop, now: datetime) -> None:
    """Write the end that a station told into the row of its session, of either kind."""
    session.state = SessionState.ENDED
    session.provisional = False
    session.stop_reason = stop.reason
    session.stop_word = stop.word
    session.stop_token = stop.token.value[:255] if stop.token else None
    session.stop_received_at = now
    session.ended_at = stop.ended_at
    session.meter_stop_wh = stop.meter_stop_wh
    remove_flag(session, "stop_missing")
    mark_time(session, stop.ended_at, now, stop.claimed_at, replaced=stop.clock_replaced)
    _keep_duration(session, stop)
    if stop.ended_at < session.started_at:
        # The charger's clock was set back meanwhile: only our own two clocks agree.
        flag(session, "stop_before_start")
        session.ended_at = max(session.started_at, now)
    if stop.meter_stop_wh is not None:
        session.last_register_wh = stop.meter_stop_wh
        if session.meter_start_wh is not None and stop.meter_stop_wh >= session.meter_start_wh:
            session.energy_wh = stop.meter_stop_wh - session.meter_start_wh
    session.last_power_w = 0.0
    if session.idle_since is not None:
        session.idle_since = min(session.idle_since, session.ended_at)


def find_plugs(db: Session, sessions: Iterable[AnySession]) -> None:
    """Where ended sessions were, if nothing told that: at their station's only plug, or nobody
    knows.  What was decided about one by then stands.
    """
    undecided = (BillingState.OPEN, BillingState.HELD)
    lost = [each for each in sessions if not each.evse and each.billing in undecided]
    only = plugs.only(db, {each.station_id for each in lost})
    for each in lost:
        if (place := only.get(each.station_id)) is not None:
            each.evse, each.connector = place.evse, place.connector
        (remove_flag if each.evse else flag)(each, PLUG_UNKNOWN)


def _keep_duration(session: AnySession, stop: Stop) -> None:
    """Keep how long it took by the station's clock, where only its date was wrong.

    A charger that never learnt the date tells start and stop of an offline
    session at once, in 1970: when that was is in doubt, how long it was is not.
    """
    claimed = session.claimed_started_at
    if not stop.clock_replaced or "clock_replaced" not in session.flags:
        return
    if claimed is None or stop.claimed_at is None:
        return
    took = stop.claimed_at - claimed
    if timedelta() <= took <= _LONGEST:
        session.started_at = min(session.started_at, stop.ended_at - took)


# Stops that end no session: acknowledged, kept, shown for review, and given to one by a person.


#: What the same stop may be told with in another way.
_DRESS = ("offline", "timestamp")


def keep_stray(
    db: Session,
    station: AnyStation,
    stop: Stop,
    session: ChargingSession | None,
    outcome: str,
    now: datetime,
) -> bool:
    """Keep a stop that ends nothing; the same one again only raises its count (FIELD X5).

    Tells whether it was known.
    """
    wh, time = stop.meter_stop_wh, (stop.raw_time or "")[:SECOND] or stop.payload.get("timestamp")
    if not stop.transaction_ref:  # by all its words but that it was kept for a while
        told = {name: said for name, said in stop.payload.items() if name not in _DRESS}
        time = f"{time}|{json.dumps(told, sort_keys=True, default=str)}"
    text = f"{stop.transaction_ref}|{wh if wh is None else format(wh.normalize(), 'f')}|{time}"
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
    named = stop.transaction_ref or str(stop.payload.get("transactionId", ""))
    db.add(
        StrayStop(
            station_id=station.id,
            transaction_ref=named[:64],
            token=stop.token.value[:255] if stop.token else None,
            meter_stop_wh=stop.meter_stop_wh,
            ended_at=stop.ended_at,
            received_at=now,
            reason=stop.word,
            payload=redaction.redact(stop.payload),
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
        raise NotFound("There is no such session at the station of this stop.", field="session_id")
    if stray.outcome == MATCHED and stray.session_id == session.id:
        return session
    if stray.outcome != "unmatched":
        raise Conflict(f"This stop is {stray.outcome} already.")
    if stray.ended_at + _SLACK < session.started_at:
        raise Conflict(f"Session {session.id} began after this stop.")
    before = audit.snapshot(session)
    _apply(stray, session, now)
    stray.outcome, stray.session_id = MATCHED, session.id
    stray.sentence = f"{actor.name} gave it to session {session.id}."[:300]
    db.flush()
    mark_late(db, session, now)
    also, done = audit.changes(db, stray), "stray_stop.assign"
    audit.note(db, actor, done, session, now=now, before=before, also=also, remark=note)
    events.record(db, events.SessionEnded(session.tenant_id, session.id, station.id))
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    return session


def _apply(stray: StrayStop, session: ChargingSession, now: datetime) -> None:
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
