"""The clocks of stations: learnt while they are connected, and what was dated by them put right;
and the words of plugs that come after newer ones.

While the database is away what a station tells is held on the disk of its node.  When it goes on
over another node, its newer words may be stored before those.  A word counts from when it was
heard: one that newer ones have overtaken is history, and changes only since when its plug is as it
is, and since when a car stands.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.running import open_sessions
from app.domain.charging.sessions.row import flag, remove_flag
from app.domain.ground import events
from app.domain.ground.bulk import BulkUpdate
from app.domain.ground.clock import AGREE, TOLERANCE, offset_of
from app.domain.ground.vocabulary import (
    IDLING,
    Activity,
    Availability,
    BillingState,
    ConnectorRef,
    SessionState,
    StatusReport,
)
from app.domain.network.plugs import PlugRow
from app.models import ChargingSession, MeterReading, Station, StatusEvent, TransactionEvent

#: So many of the latest odd times are kept for comparison.
_KEPT = 5
_WRITE_SAMPLES = BulkUpdate(Station.__table__, ("clock_samples",), may_wait=True)
#: Doubts that only a wrong clock gave rise to.
_UNDONE = ("clock_replaced", "offline_report", "old_report", "told_late")


def heard(db: Session, station: Any, claimed: datetime, *, now: datetime) -> None:
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
    if found is None:
        _keep(db, station, kept)
    else:
        learning = db.get_one(Station, station.id)
        _settle(db, learning, round(found), now)
        station.clock_offset_s = learning.clock_offset_s
        station.clock_samples = learning.clock_samples


def _samples(station: Any) -> list[tuple[datetime, float]]:
    return [(datetime.fromisoformat(at), float(one)) for at, one in station.clock_samples or ()]


def _with(
    samples: list[tuple[datetime, float]], ahead: timedelta, now: datetime
) -> list[tuple[datetime, float]]:
    """The samples with another one; of two that agree the older is kept: one from a while ago
    is what counts."""
    seconds = ahead.total_seconds()
    if any(abs(one - seconds) <= AGREE.total_seconds() for _, one in samples):
        return samples
    return [*samples, (now, seconds)][-_KEPT:]


def _keep(db: Session, station: Any, samples: list[tuple[datetime, float]]) -> None:
    """Have a station's samples written, with those of all others of its set."""
    kept = [[at.isoformat(), one] for at, one in samples]
    if kept == (station.clock_samples or []):
        return
    station.clock_samples = kept
    if not isinstance(station, Station):
        _WRITE_SAMPLES(db, [(station.id, kept)])


def _settle(db: Session, station: Station, offset_s: int, now: datetime) -> None:
    station.clock_offset_s = offset_s or None
    station.clock_offset_at = now
    station.clock_samples = []
    db.flush()
    if offset_s:
        for session in open_sessions(db, station):
            _mend(db, session, timedelta(seconds=offset_s))
    events.record(db, events.StationChanged(station.tenant_id, station.id))


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


class Word(NamedTuple):
    """What a plug was said to be, and when that was heard."""

    availability: Availability
    activity: Activity
    at: datetime
    received_at: datetime


def is_late(station: Any, now: datetime) -> bool:
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
    db: Session, station: Any, report: StatusReport, newer: Sequence[Word], now: datetime
) -> None:
    """Let the session that ran at the plug then know since when its car stands.

    `newer` is what was heard since.  One that was decided about before is weighed once more.
    """
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id,
        ChargingSession.evse == report.connector.evse,
        ChargingSession.start_received_at <= now,
    )
    session = db.scalar(query.order_by(ChargingSession.id.desc()).limit(1))
    if session is None or (session.ended_at is not None and session.ended_at < report.at):
        return
    if session.state is SessionState.CHARGING:
        _stand(session, report, newer)
    elif session.billing is not BillingState.OPEN:
        session.late_evidence_at = now
        ended = events.SessionEnded(session.tenant_id, session.id, session.station_id)
        events.record(db, ended)
    db.flush()


def _stand(session: Any, report: StatusReport, newer: Sequence[Word]) -> None:
    if any(each.activity is Activity.CHARGING for each in newer):
        return
    idle = [each.at for each in newer if each.activity in IDLING]
    if report.activity in IDLING:
        before = [session.idle_since] if session.idle_since else []
        session.idle_since = min([*before, max(report.at, session.started_at)])
    elif report.activity is Activity.CHARGING:
        session.idle_since = max(idle[0], session.started_at) if idle else None


def idle_since(db: Session, session: Any, since: datetime, until: datetime | None) -> Any:
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
