"""What stations say of themselves and of their plugs: reports that are kept, and statuses.

Statuses are taken in for many stations at once: the plugs are read by one query, written by one
statement, and the rules between know nothing of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.domain.access import reservations
from app.domain.charging import overtaken
from app.domain.charging.overtaken import is_late
from app.domain.ground import events, redaction
from app.domain.ground.bulk import among, pass_by
from app.domain.ground.vocabulary import (
    IDLING,
    Activity,
    Availability,
    ConnectorRef,
    SessionState,
    StatusReport,
)
from app.domain.network.plugs import TAKEN, AnyStation, PlugRow, Plugs, known_activities
from app.models import ChargingSession, Station

#: How a plug's history names what its transaction told, as 1.6 names the same states.
ACTIVITY_WORDS: dict[Activity, str] = {
    Activity.NONE: "Idle",
    Activity.PREPARING: "Preparing",
    Activity.CHARGING: "Charging",
    Activity.SUSPENDED_EV: "SuspendedEV",
    Activity.SUSPENDED_EVSE: "SuspendedEVSE",
    Activity.FINISHING: "Finishing",
}

#: A status dated so long before the connection is one that was kept offline.
BEFORE = timedelta(minutes=1)
#: An offline memory is empty so long after the connection was opened.
REPLAYING = timedelta(minutes=10)
#: What a charger's own texts are cut to in columns; the raw report is kept beside them.
_TEXT = 120


@dataclass(frozen=True, slots=True)
class StatusTold:
    """What a station (its row, plain or not) says of a plug; None: nothing that counts."""

    station: AnyStation
    report: StatusReport | None
    now: datetime


@dataclass(frozen=True, slots=True)
class ActivityTold:
    """What a running transaction says that goes on at its plug."""

    station: AnyStation
    place: ConnectorRef
    activity: Activity
    at: datetime
    now: datetime

    @property
    def key(self) -> tuple[int, int, int, Activity]:
        """Where what goes on."""
        return self.station.id, self.place.evse, self.place.connector, self.activity


def status_all(db: Session, told: Sequence[StatusTold]) -> list[bool]:
    """Take in statuses of many stations; tell of each whether it changed anything.

    Within a connection the newest that arrives is the state, whatever its
    clock; what is replayed is history (FIELD T5).  The same status again
    confirms, and adds nothing (FIELD S2) but where a taken plug says it on a new connection.
    """
    plugs = Plugs(db, [(one.station.id, one.report.connector) for one in told if one.report])
    taken = [_status(db, plugs, one, one.report) if one.report else None for one in told]
    plugs.write()
    both = zip(told, taken, strict=True)
    changed = [(one.station, report, one.now) for one, report in both if report is not None]
    _follow_idle(db, changed)
    reservations.follow_statuses(db, changed)
    return [report is not None for report in taken]


def status(db: Session, station: Station, report: StatusReport, *, now: datetime) -> bool:
    """Take in a lone status; tell whether it changed anything."""
    return status_all(db, [StatusTold(station, report, now)])[0]


def _status(
    db: Session, plugs: Plugs, told: StatusTold, report: StatusReport
) -> StatusReport | None:
    """Take in one status; return how it is to be read where it changed anything."""
    station, now = told.station, told.now
    row = plugs.at(station.id, report.connector)
    if report.info or report.vendor_error or report.activity is None:
        report = replace(
            report,
            info=report.info and redaction.redact_text(report.info),
            vendor_error=report.vendor_error and redaction.redact_text(report.vendor_error),
            activity=report.activity or _activity_of(row, report),
        )
    late = is_late(station, now)
    if late and row.status_received_at is not None and row.status_received_at > now:
        _between(db, plugs, told, row, report)
        return None
    if report.availability is not Availability.FAULTED and _replayed(station, row, report.at, now):
        plugs.remember(row, report, now)
        return None
    changed = _heard(db, plugs, told, row, report, late)
    if late:
        newer = overtaken.newer_words(db, row, now)
        for each in newer:
            _goes_on(row, each.activity, each.at, each.received_at)
        overtaken.follow(db, station, report, newer, now)
    return changed


def _heard(
    db: Session, plugs: Plugs, told: StatusTold, row: PlugRow, report: StatusReport, late: bool
) -> StatusReport | None:
    """Let a plug be what its newest status says; return that where it changed anything.

    One that is `late` says nothing of the connection that was opened since.
    """
    station, now = told.station, told.now
    same = (
        row.availability is report.availability
        and row.activity is report.activity
        and row.error_code == report.error_code
        and row.vendor_error == report.vendor_error
        and row.info == report.info
    )
    row.status_at = report.at
    row.status_received_at = now
    plugs.change(row)
    if same and not row.stale:
        return None
    row.stale = late
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    if same:
        if report.availability is Availability.OCCUPIED:
            # Nobody knew whether the car still charges or stands: the session's idle time asks.
            plugs.remember(row, report, now)
        return None
    if row.availability is not report.availability or row.since is None:
        row.since = min(report.at, now)
    row.availability = report.availability
    row.activity = report.activity or Activity.NONE
    row.status_word = report.word
    row.error_code = report.error_code
    row.vendor_error = report.vendor_error
    row.info = report.info
    plugs.remember(row, report, now)
    return report


def _between(
    db: Session, plugs: Plugs, told: StatusTold, row: PlugRow, report: StatusReport
) -> None:
    """Take in a status that newer ones have overtaken."""
    now, newer = told.now, overtaken.newer_words(db, row, told.now)
    plugs.remember(row, report, now)
    said, word = overtaken.newest_of(row)
    if not newer or newer[-1].received_at < word.received_at:
        # Said again it was no change; now it is one, for this lies between.
        plugs.remember(row, said, word.received_at)
        newer.append(word)
    overtaken.set_since(row, report, newer, now)
    plugs.change(row)
    overtaken.follow(db, told.station, report, newer, now)


def _replayed(station: AnyStation, row: PlugRow, at: datetime, now: datetime) -> bool:
    """Whether a status of this time is of an offline memory: history, not the state.

    It is older than the last one, from before this connection, and comes while
    such a memory may still be emptied.  After a boot, and as long as nothing
    was heard on this connection, any word counts.
    """
    if row.stale or row.status_at is None or at >= row.status_at:
        return False
    heard_at = row.status_received_at or row.status_at
    if station.last_boot_at is not None and heard_at < station.last_boot_at:
        return False
    opened_at: datetime | None = station.connected_at
    if opened_at is None:
        return True
    return bool(at < opened_at - BEFORE and now < opened_at + REPLAYING)


def _activity_of(row: PlugRow, report: StatusReport) -> Activity:
    """What goes on at a plug whose status does not say: what went on while it was taken."""
    if report.availability is not Availability.OCCUPIED:
        return Activity.NONE
    taken = row.availability is Availability.OCCUPIED and row.activity is not Activity.NONE
    return row.activity if taken else Activity.PREPARING


def activity_all(db: Session, told: Sequence[ActivityTold]) -> None:
    """Take in what running transactions say that goes on at their plugs.

    A plug is taken then, whatever it said before; its own word, when it comes
    later, counts more (FIELD S4), so its clock is left where it was.
    """
    known = known_activities(db, [one.station.id for one in told])
    # Mostly the same goes on as before.
    new = [one for one in told if one.key not in known or is_late(one.station, one.now)]
    plugs = Plugs(db, [(one.station.id, one.place) for one in new])
    for one in new:
        _activity(db, plugs, one)
    plugs.write()


def _activity(db: Session, plugs: Plugs, told: ActivityTold) -> None:
    station, now, late = told.station, told.now, is_late(told.station, told.now)
    row = plugs.at(station.id, told.place)
    report = StatusReport(
        *(told.place, Availability.OCCUPIED, told.activity, ACTIVITY_WORDS[told.activity], told.at)
    )
    if late and (newer := overtaken.newer_words(db, row, now)):
        overtaken.set_since(row, report, newer, now)
    else:
        if _replayed(station, row, told.at, now) or not _goes_on(row, told.activity, told.at, now):
            return
        row.stale = late
        report = replace(report, availability=row.availability)
    plugs.change(row)
    plugs.remember(row, report, now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def _goes_on(row: PlugRow, activity: Activity, at: datetime, now: datetime) -> bool:
    """Let something go on at a plug, which is taken then; tell whether that changed anything."""
    taken = row.availability in TAKEN
    if taken and row.activity is activity and not row.stale:
        return False
    if not taken and activity is Activity.FINISHING:
        return False
    if not taken:
        row.availability = Availability.OCCUPIED
        row.since = min(at, now)
        row.status_word = row.status_word or "Occupied"
    row.activity = activity
    return True


_SESSION = ChargingSession.__table__
_RUNNING = (
    select(
        *(_SESSION.c[name] for name in ("id", "tenant_id", "station_id", "evse")),
        *(_SESSION.c[name] for name in ("started_at", "idle_since", "start_received_at")),
    )
    .where(among(_SESSION.c.station_id, "stations"), _SESSION.c.state == SessionState.CHARGING)
    .order_by(_SESSION.c.id)
)
_STANDS = (
    update(_SESSION)
    .where(_SESSION.c.id == bindparam("session"), _SESSION.c.state == SessionState.CHARGING)
    .values(idle_since=bindparam("since", type_=_SESSION.c.idle_since.type))
)


def _follow_idle(db: Session, changed: Sequence[tuple[Any, StatusReport, datetime]]) -> None:
    """Keep `idle_since` of the plugs' newest running sessions: when the car had enough."""
    asking = [
        (station, report, now)
        for station, report, now in changed
        if report.availability is not Availability.AVAILABLE
        or report.activity is Activity.CHARGING
        or report.activity in IDLING
    ]
    if not asking:
        return
    given = {"stations": list({station.id for station, *_ in asking})}
    running = {(row.station_id, row.evse): row for row in db.execute(_RUNNING, given).all()}
    since: dict[int, datetime | None] = {}
    for station, report, now in asking:
        session = running.get((station.id, report.connector.evse))
        if session is None or (is_late(station, now) and session.start_received_at > now):
            continue
        before = since.get(session.id, session.idle_since)
        if report.activity in IDLING:
            since[session.id] = before or max(report.at, session.started_at)
        elif report.activity is Activity.CHARGING:
            since[session.id] = None
        events.record(db, events.SessionChanged(session.tenant_id, session.id, station.id))
    stored = {row.id: row.idle_since for row in running.values()}
    rows = [
        {"session": number, "since": at} for number, at in since.items() if at != stored[number]
    ]
    if rows:
        db.connection().execute(_STANDS, rows)
        pass_by(db, ChargingSession)
