"""What stations say of themselves: boots, statuses, firmware, security events, deviations."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import events, messages, onboarding, reservations
from app.domain.vocabulary import (
    Activity,
    Availability,
    BootReport,
    ConnectorRef,
    Registration,
    SessionState,
    StatusReport,
)
from app.models import ChargingSession, Connector, Deviation, Station, StationReport, StatusEvent

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
#: What a charger's own texts are cut to in columns; the raw boot is kept beside them.
_TEXT = 120


def boot(db: Session, station: Station, report: BootReport, *, now: datetime) -> Registration:
    """Take in a BootNotification; return how it is to be answered.

    Repeats are normal (FIELD B5): each is answered, and only a change is an event.
    """
    firmware = station.firmware
    _take_serial(db, station, report, now)
    for name in ("vendor", "model", "firmware", "meter_type", "meter_serial"):
        if (value := getattr(report, name)) is not None:
            setattr(station, name, messages.redact_text(value)[:_TEXT])
    for name in ("iccid", "imsi"):
        if (value := getattr(report, name)) is not None:
            setattr(station, name, value[:40])
    raw = messages.redact(report.raw)
    if station.boot_raw != raw or station.last_boot_at is None:
        add(db, station, "boot", station.firmware or "", raw or {}, at=now, now=now)
    station.boot_raw = raw
    station.last_boot_at = now
    station.last_seen_at = now
    # One that was blocked while its socket is open hears what a rejected one hears.
    blocked = station.registration is Registration.BLOCKED
    station.booted_registration = Registration.REJECTED if blocked else station.registration
    # Jobs keep what they cannot place as reports: imported late, no circle.
    from app.domain import file_jobs

    file_jobs.booted(db, station, firmware, now=now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    db.flush()
    if station.booted_registration is Registration.ACCEPTED:
        onboarding.booted(db, station, now=now)
    return station.booted_registration


def _take_serial(db: Session, station: Station, report: BootReport, now: datetime) -> None:
    """Keep the serial number that a boot tells, unless it is another station's.

    That is stored as a doubt and shown, and alarms with a boot that differs from the last; where
    two stations have had the same one all along, both keep it and both are told of.
    """
    if report.serial is None:
        return
    # Security events are reports: imported late, no circle.
    from app.domain import certificate_names, security_events

    serial = report.serial[:_TEXT]
    other = certificate_names.owner(db, station, serial)
    if other is None:
        station.serial = serial
        return
    sentence = f"{serial[:60]} is that of {other}."
    new = station.boot_raw != report.raw
    deviations(db, station, [("serial_taken", sentence)], now=now)
    if new:
        security_events.find(db, station, "ForeignSerialNumber", sentence, now=now)


def add(
    db: Session,
    station: Station,
    kind: str,
    word: str,
    payload: dict[str, Any],
    *,
    at: datetime,
    now: datetime,
) -> StationReport:
    """Keep something a station told: `kind` as in the model, `word` its headline."""
    row = StationReport(
        station_id=station.id,
        kind=kind,
        word=messages.redact_text(word)[:_TEXT],
        payload=messages.redact(payload),
        at=at,
        received_at=now,
    )
    db.add(row)
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    db.flush()
    return row


def connector_of(db: Session, station: Station, ref: ConnectorRef) -> Connector:
    """Find a station's connector, made when it is first heard of (FIELD S1)."""
    query = select(Connector).where(
        Connector.station_id == station.id,
        Connector.evse == ref.evse,
        Connector.connector == ref.connector,
    )
    row = db.scalar(query)
    if row is None:
        row = Connector(station_id=station.id, evse=ref.evse, connector=ref.connector)
        db.add(row)
        db.flush()
    return row


def status(db: Session, station: Station, report: StatusReport, *, now: datetime) -> bool:
    """Take in a status; tell whether it changed anything.

    Within a connection the newest that arrives is the state, whatever its
    clock; what is replayed is history (FIELD T5).  The same status again
    confirms, and adds nothing (FIELD S2) but where a taken plug says it on a new connection.
    """
    row = connector_of(db, station, report.connector)
    report = replace(
        report,
        info=report.info and messages.redact_text(report.info),
        vendor_error=report.vendor_error and messages.redact_text(report.vendor_error),
    )
    if report.activity is None:
        report = replace(report, activity=_activity_of(row, report))
    if report.availability is not Availability.FAULTED and _replayed(station, row, report.at, now):
        _remember(db, station, report, now)
        return False
    same = (
        row.availability is report.availability
        and row.activity is report.activity
        and row.error_code == report.error_code
        and row.vendor_error == report.vendor_error
        and row.info == report.info
    )
    row.status_at = report.at
    row.status_received_at = now
    if same and not row.stale:
        return False
    row.stale = False
    if same:
        if report.availability is Availability.OCCUPIED:
            # Nobody knew whether the car still charges or stands: the session's idle time asks.
            _remember(db, station, report, now)
        events.record(db, events.StationChanged(station.tenant_id, station.id))
        return False
    if row.availability is not report.availability or row.since is None:
        row.since = min(report.at, now)
    row.availability = report.availability
    row.activity = report.activity or Activity.NONE
    row.status_word = report.word
    row.error_code = report.error_code
    row.vendor_error = report.vendor_error
    row.info = report.info
    _remember(db, station, report, now)
    _follow_idle(db, station, report)
    reservations.follow_status(db, station, report, now=now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    db.flush()
    return True


def _replayed(station: Station, row: Connector, at: datetime, now: datetime) -> bool:
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
    opened_at = station.connected_at
    if opened_at is None:
        return True
    return at < opened_at - BEFORE and now < opened_at + REPLAYING


def _activity_of(row: Connector, report: StatusReport) -> Activity:
    """What goes on at a plug whose status does not say: what went on while it was taken."""
    if report.availability is not Availability.OCCUPIED:
        return Activity.NONE
    taken = row.availability is Availability.OCCUPIED and row.activity is not Activity.NONE
    return row.activity if taken else Activity.PREPARING


def activity(
    db: Session,
    station: Station,
    place: ConnectorRef,
    goes_on: Activity,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Take in what a running transaction says that goes on at its plug.

    The plug is taken then, whatever it said before; its own word, when it comes
    later, counts more (FIELD S4), so its clock is left where it was.
    """
    row = connector_of(db, station, place)
    if _replayed(station, row, at, now):
        return
    taken = row.availability in (Availability.OCCUPIED, Availability.FAULTED)
    if taken and row.activity is goes_on and not row.stale:
        return
    if not taken and goes_on is not Activity.FINISHING:
        row.availability = Availability.OCCUPIED
        row.since = min(at, now)
        row.status_word = row.status_word or "Occupied"
    elif not taken:
        return
    row.stale = False
    row.activity = goes_on
    report = StatusReport(place, row.availability, goes_on, ACTIVITY_WORDS[goes_on], at)
    _remember(db, station, report, now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def _remember(db: Session, station: Station, report: StatusReport, now: datetime) -> None:
    db.add(
        StatusEvent(
            station_id=station.id,
            evse=report.connector.evse,
            connector=report.connector.connector,
            availability=report.availability,
            activity=report.activity or Activity.NONE,
            status_word=report.word[:40],
            error_code=report.error_code,
            vendor_error=report.vendor_error,
            info=report.info,
            at=report.at,
            received_at=now,
        )
    )
    db.flush()


#: States in which the car stays plugged in without taking energy by its own choice.
_IDLE = frozenset({Activity.SUSPENDED_EV, Activity.FINISHING})


def _follow_idle(db: Session, station: Station, report: StatusReport) -> None:
    """Keep `idle_since` of the connector's running session: when the car had enough."""
    session = db.scalar(
        select(ChargingSession)
        .where(
            ChargingSession.station_id == station.id,
            ChargingSession.evse == report.connector.evse,
            ChargingSession.state == SessionState.CHARGING,
        )
        .order_by(ChargingSession.id.desc())
        .limit(1)
    )
    if session is None:
        return
    if report.activity in _IDLE:
        session.idle_since = session.idle_since or max(report.at, session.started_at)
    elif report.activity is Activity.CHARGING:
        session.idle_since = None
    elif report.availability is Availability.AVAILABLE:
        return
    events.record(db, events.SessionChanged(session.tenant_id, session.id, station.id))


def deviations(
    db: Session, station: Station, found: Iterable[tuple[str, str]], *, now: datetime
) -> None:
    """Count the named repairs that a message needed: pairs of code and example.

    However often one was needed, it is one row; the last example stays.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for code, example in found:
        counts[code] += 1
        examples[code] = example
    for code, count in counts.items():
        row = db.scalar(
            select(Deviation).where(Deviation.station_id == station.id, Deviation.code == code)
        )
        if row is None:
            row = Deviation(station_id=station.id, code=code, count=0, first_at=now, last_at=now)
            db.add(row)
        row.count += count
        row.last_at = now
        row.example = messages.redact_text(examples[code])[:300]
        db.flush()
