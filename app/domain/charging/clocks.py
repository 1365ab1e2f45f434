"""The clocks of stations: learnt while they are connected, and what was dated by them put right."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.domain.charging.running import open_sessions
from app.domain.charging.sessions.begin import price_anew
from app.domain.charging.sessions.row import flag, remove_flag
from app.domain.ground import events
from app.domain.ground.bulk import BulkUpdate
from app.domain.ground.clock import AGREE, APART, ON_ITS_WAY, TOLERANCE, Sample, offset_of
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, MeterReading, Station, StatusEvent, TransactionEvent

#: So many of the latest odd times are kept for comparison.
_KEPT = 5
#: So many readings, and words of a plug, are asked about a clock: a station may tell any number.
_LOOKED_AT = 500
# What another holds is left to the next message: nothing waits for a station amid a commit.
_WRITE_SAMPLES = BulkUpdate(Station.__table__, ("clock_samples",), may_wait=True, yields=True)
#: Doubts that only a wrong clock gave rise to.
_UNDONE = ("clock_replaced", "offline_report", "old_report", "told_late")


def heard(db: Session, station: AnyStation, claimed: datetime, *, now: datetime) -> None:
    """Learn from the time of a message that is sent when it happens; the row may be a plain one.

    Nothing is looked up while the clock is right, or wrong as it is known to be.
    """
    ahead = claimed - now
    known = timedelta(seconds=station.clock_offset_s or 0)
    if abs(ahead) <= TOLERANCE:
        as_known = not known and not station.clock_samples
    else:
        as_known = bool(known) and abs(ahead - known) <= TOLERANCE
    if as_known:
        return
    samples = _samples(station)
    since = max(filter(None, (station.connected_at, station.last_boot_at)), default=now)
    if abs(ahead) <= TOLERANCE:
        found, kept = (0.0 if known else None), []
    else:
        found, kept = offset_of(samples, claimed, now, since), _with(samples, ahead, now)
        if found is None and (read := _read(db, station)):
            found = offset_of(read, claimed, now, since)
    if found is None and (kept or not any(map(_is_late, open_sessions(db, station)))):
        _keep(db, station, kept)
    elif (learning := _free(db, station.id)) is not None:
        _settle(db, learning, round(found or 0), now)
        station.clock_offset_s = learning.clock_offset_s
        station.clock_samples = learning.clock_samples


def _samples(station: AnyStation) -> list[Sample]:
    return [(datetime.fromisoformat(at), float(one)) for at, one in station.clock_samples or ()]


def _read(db: Session, station: AnyStation) -> list[Sample]:
    """What the readings of its running sessions show of a station's clock."""
    running = [session.id for session in open_sessions(db, station)]
    query = select(MeterReading.taken_at, MeterReading.received_at).where(
        MeterReading.session_id.in_(running), MeterReading.assumed_time.is_(False)
    )
    newest = query.order_by(MeterReading.taken_at.desc()).limit(_LOOKED_AT)
    found = db.execute(newest) if running else ()
    return [(received_at, (at - received_at).total_seconds()) for at, received_at in found]


def _with(
    samples: list[tuple[datetime, float]], ahead: timedelta, now: datetime
) -> list[tuple[datetime, float]]:
    """The samples with another one; of two that agree the older is kept: one from a while ago
    is what counts."""
    seconds = ahead.total_seconds()
    if any(abs(one - seconds) <= AGREE.total_seconds() for _, one in samples):
        return samples
    return [*samples, (now, seconds)][-_KEPT:]


def _keep(db: Session, station: AnyStation, samples: list[tuple[datetime, float]]) -> None:
    """Have a station's samples written, with those of all others of its set."""
    kept = [[at.isoformat(), one] for at, one in samples]
    if kept == (station.clock_samples or []):
        return
    if isinstance(station, Station):
        set_committed_value(station, "clock_samples", kept)
    else:
        station.clock_samples = kept
    _WRITE_SAMPLES(db, [(station.id, kept)])


def _free(db: Session, station_id: int) -> Station | None:
    """The station's row, to be written; None while another holds it."""
    query = select(Station).where(Station.id == station_id)
    return db.scalar(query.with_for_update(key_share=True, of=Station, skip_locked=True))


def _settle(db: Session, station: Station, offset_s: int, now: datetime) -> None:
    station.clock_offset_s = offset_s or None
    station.clock_offset_at = now
    station.clock_samples = []
    db.flush()
    for session in open_sessions(db, station):
        if offset_s:
            _mend(db, session, timedelta(seconds=offset_s))
        if _is_late(session):
            _look_back(db, session)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def _is_late(session: ChargingSession) -> bool:
    """Whether the start arrived long after its time: from an offline memory, or by a slow clock."""
    late = session.start_received_at - session.started_at > TOLERANCE
    return late and session.claimed_started_at is None


def _look_back(db: Session, session: ChargingSession) -> None:
    """Correct a running session that was told by a slow clock which is another one by now.

    What was told with its start may show that, as constant as `offset_of` wants it.  Where all of
    that arrived in less time, a person has to look.
    """
    offset = session.started_at - session.start_received_at
    apart = timedelta()
    for at, received_at in _told_with(db, session):
        since = abs(received_at - session.start_received_at)
        if abs(at - received_at - offset) <= min(AGREE, since * (AGREE / APART)):
            apart = max(apart, since)
    if apart > AGREE:
        _mend(db, session, offset)
        if apart < APART:
            flag(session, "clock_replaced")


def _told_with(db: Session, session: ChargingSession) -> list[Row[datetime, datetime]]:
    """The times of a session's readings, and of its plug's words since shortly before it began,
    each with when it arrived."""
    readings = select(MeterReading.taken_at, MeterReading.received_at).where(
        MeterReading.session_id == session.id, MeterReading.assumed_time.is_(False)
    )
    words = select(StatusEvent.at, StatusEvent.received_at).where(
        StatusEvent.station_id == session.station_id,
        StatusEvent.evse == session.evse,
        StatusEvent.received_at > session.start_received_at - ON_ITS_WAY,
    )
    asked = (readings.order_by(MeterReading.taken_at), words.order_by(StatusEvent.at))
    return [row for query in asked for row in db.execute(query.limit(_LOOKED_AT))]


def _mend(db: Session, session: ChargingSession, offset: timedelta) -> None:
    """Correct what a running session was told before the clock was known to be wrong."""
    told = select(TransactionEvent).where(TransactionEvent.session_id == session.id)
    for event in db.scalars(told):
        claimed = event.facts.get("claimed")
        at = datetime.fromisoformat(claimed) if claimed else event.at
        if not event.offline and _fits(at, event.received_at, offset):
            event.at = at - offset
            facts = {**event.facts, "claimed": at.isoformat()}
            event.facts = {name: facts[name] for name in facts if name != "clock_replaced"}
    claimed_at = session.claimed_started_at or session.started_at
    if _fits(claimed_at, session.start_received_at, offset):
        session.started_at = claimed_at - offset
        session.claimed_started_at = claimed_at
        price_anew(db, session.station, session)
        if session.idle_since is not None:
            session.idle_since = max(session.idle_since - offset, session.started_at)
        for code in _UNDONE:
            remove_flag(session, code)
        flag(session, "clock_corrected")
    readings = select(MeterReading).where(MeterReading.session_id == session.id)
    times = _shifted(db.scalars(readings), offset)
    if times:
        session.last_reading_at = max(times)
    events.record(db, events.SessionChanged(session.tenant_id, session.id, session.station_id))
    db.flush()


def _shifted(readings: Iterable[Any], offset: timedelta) -> list[datetime]:
    """Correct the times of readings that this clock gave; return them."""
    times = []
    for reading in readings:
        if not reading.assumed_time and _fits(reading.taken_at, reading.received_at, offset):
            reading.taken_at -= offset
            times.append(reading.taken_at)
    return times


def _fits(claimed: datetime, received_at: datetime, offset: timedelta) -> bool:
    return abs(claimed - received_at - offset) <= TOLERANCE
