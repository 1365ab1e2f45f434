"""What stations notice by themselves: events, alarms, and streams of values (block N)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.device import device_model, monitors
from app.domain.device.device_model import Told
from app.domain.device.variable_names import VariableName, name_of
from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert
from app.domain.ground.redaction import REDACTED, redact_text
from app.domain.ground.vocabulary import Actor, Outcome
from app.domain.office import audit
from app.models import Command, DeviceEvent, Station, VariableMonitor

#: Events up to this severity need a person: from 0 danger to 3 critical (2.0.1 N04).
SEVERE = 3
#: Regular values are of interest for so long, what went wrong for longer.
VALUES_KEPT = timedelta(days=30)
#: The condition that an event is a regular value.
REGULAR = DeviceEvent.trigger.in_(("periodic", "stream")) | (DeviceEvent.origin == "stream")
#: What says that two events are about the same thing.
_OF_ONE = (
    *("station_id", "component", "component_instance", "evse", "connector", "variable"),
    *("instance", "monitor"),
)
_EVENT = DeviceEvent.__table__
_COLUMNS = tuple(column.name for column in _EVENT.columns if column.name != "id")
_INSERT = BulkInsert(_EVENT, _COLUMNS)
_values_of = attrgetter(*_COLUMNS)


@dataclass(frozen=True, slots=True)
class Noticed:
    """One event as a station told it."""

    name: VariableName
    number: int
    at: datetime
    trigger: str
    origin: str
    value: str
    monitor: int | None = None
    severity: int | None = None
    cause: int | None = None
    cleared: bool = False
    tech_code: str | None = None
    tech_info: str | None = None
    transaction_ref: str | None = None


def take(db: Session, station: Station, noticed: Iterable[Noticed], *, now: datetime) -> None:
    """Keep what a station noticed; a repeat of the same event is the same event.

    The severity is the monitor's where the message names none (before 2.1).  A
    value that was noticed is also the variable's value now, and the state of a plug
    where it is one.
    """
    told: list[Told] = []
    rows: list[DeviceEvent] = []
    noticed = list(noticed)
    known = _known(db, station, noticed)
    severities = _severities(db, station, noticed)
    for one in noticed:
        if (same := _same(one)) in known:
            continue
        known.add(same)
        severity = severities.get(one.monitor) if one.severity is None else one.severity
        trouble = reports.is_trouble(one.name)
        if trouble and severity is None:
            severity = SEVERE
        row = _row(station, one, severity, now)
        over = one.cleared or (trouble and not reports.is_yes(one.value))
        row.cleared = over
        if over:
            _clear(db, row, rows)
        rows.append(row)
        told.append(Told(one.name, row.value))
        value = "false" if trouble and over else one.value
        reports.follow(db, station, one.name, value, at=one.at, now=now)
    _INSERT(db, [_values_of(row) for row in rows])
    device_model.take(db, station, _known_ones(db, station, told), now=now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def _row(station: Station, one: Noticed, severity: int | None, now: datetime) -> DeviceEvent:
    name = one.name
    return DeviceEvent(
        station_id=station.id,
        number=one.number,
        at=one.at,
        received_at=now,
        trigger=one.trigger,
        origin=one.origin,
        **name.columns,
        value=REDACTED if name.secret else redact_text(one.value)[:2500],
        monitor=one.monitor,
        severity=severity,
        cause=one.cause,
        cleared=one.cleared,
        tech_code=one.tech_code and redact_text(one.tech_code)[:50],
        tech_info=one.tech_info and (REDACTED if name.secret else redact_text(one.tech_info)[:500]),
        transaction_ref=one.transaction_ref and one.transaction_ref[:64],
    )


def _same(one: Noticed) -> tuple[Any, ...]:
    """What it is known by: event ids start anew with each boot, times do not."""
    return one.at, one.number, one.name.columns["component"], one.name.columns["variable"]


def _known(db: Session, station: Station, noticed: Sequence[Noticed]) -> set[tuple[Any, ...]]:
    """Which of these events were told before."""
    columns = (DeviceEvent.at, DeviceEvent.number, DeviceEvent.component, DeviceEvent.variable)
    query = select(*columns).where(
        DeviceEvent.station_id == station.id,
        DeviceEvent.at.in_({one.at for one in noticed}),
        DeviceEvent.number.in_({one.number for one in noticed}),
    )
    return {tuple(row) for row in db.execute(query)}


def _severities(db: Session, station: Station, noticed: Sequence[Noticed]) -> dict[int | None, int]:
    """The severities of the monitors that noticed them; of one number the newest counts."""
    query = select(VariableMonitor.number, VariableMonitor.severity).where(
        VariableMonitor.station_id == station.id,
        VariableMonitor.number.in_({one.monitor for one in noticed} - {None}),
    )
    return {row.number: row.severity for row in db.execute(query.order_by(VariableMonitor.id))}


def _known_ones(db: Session, station: Station, told: list[Told]) -> list[Told]:
    """An event tells the value of a variable that is known; it makes no new one."""
    known = device_model.find_all(db, station, [one.name for one in told])
    return [one for one in told if one.name.key in known]


def _clear(db: Session, row: DeviceEvent, before: Iterable[DeviceEvent]) -> None:
    """The trouble is over: earlier events of the same monitor or variable are cleared (N07).

    `before` are those of its own message.
    """
    of_one = {name: getattr(row, name) for name in _OF_ONE}
    for other in before:
        other.cleared |= all(getattr(other, name) == value for name, value in of_one.items())
    query = update(DeviceEvent).filter_by(cleared=False, **of_one).values(cleared=True)
    db.execute(query.execution_options(synchronize_session="fetch"))


def dismiss(db: Session, actor: Actor, event: DeviceEvent, *, now: datetime) -> None:
    """Take an event off the list of what needs a person: somebody has seen to it."""
    db.refresh(event)  # what it was is told, too
    event.cleared = True
    db.flush()
    station = db.get_one(Station, event.station_id)
    words = f"saw to the event of {event.component}/{event.variable}: {event.value}"[:500]
    also = audit.changes(db, event)
    audit.remark(db, actor, "station.event", station, words, now=now, also=also)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


# Streams (2.1)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of values that a station sends: which monitor's, and how often."""

    number: int
    monitor: int
    interval_s: int | None = None
    values: int | None = None


def open_stream(db: Session, station: Station, stream: Stream, *, now: datetime) -> None:
    """Note on a monitor that its values come as a stream; the monitor need not be known yet."""
    row = monitors.numbered(db, station, stream.monitor)
    if row is None:
        row = VariableMonitor(
            station_id=station.id,
            number=stream.monitor,
            component="",
            variable="",
            kind="periodic",
            value="",
            severity=9,
            changed_at=now,
        )
        db.add(row)
    row.stream, row.stream_opened_at = stream.number, now
    row.stream_interval_s, row.stream_values = stream.interval_s, stream.values
    row.changed_at = now
    events.station_changed(db, station)


def close_stream(db: Session, station: Station, number: int, *, now: datetime) -> None:
    """Note that a stream has ended."""
    for row in db.scalars(_streaming(station, number)):
        row.stream, row.changed_at = None, now
    events.station_changed(db, station)


def take_stream(
    db: Session,
    station: Station,
    number: int,
    values: Iterable[tuple[datetime, str]],
    *,
    now: datetime,
) -> None:
    """Keep the values of a stream as events of its monitor's variable, the newest as its value."""
    row = db.scalar(_streaming(station, number))
    name = VariableName(f"stream {number}")
    if row is not None and row.component:
        name = name_of(row)
    newest: tuple[datetime, str] | None = None
    rows: list[DeviceEvent] = []
    for at, value in values:
        one = Noticed(name, number, at, "periodic", "stream", value)
        if row is not None:
            one = Noticed(name, number, at, "periodic", "stream", value, row.number, row.severity)
        event = _row(station, one, one.severity, now)
        event.cleared = True
        rows.append(event)
        newest = max(newest, (at, value)) if newest else (at, value)
    _INSERT(db, [_values_of(event) for event in rows])
    if newest is not None:
        device_model.take(db, station, _known_ones(db, station, [Told(name, newest[1])]), now=now)


def _streaming(station: Station, number: int):  # type: ignore[no-untyped-def]
    return select(VariableMonitor).where(
        VariableMonitor.station_id == station.id, VariableMonitor.stream == number
    )


def after_reading_streams(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """The streams that a station lists are all that there are (2.1 N12)."""
    station = command.station
    streams: list[Stream] | None = outcome.facts.get("streams")
    if streams is None:
        return
    listed = {stream.number for stream in streams}
    for row in db.scalars(
        select(VariableMonitor).where(
            VariableMonitor.station_id == station.id, VariableMonitor.stream.is_not(None)
        )
    ):
        if row.stream not in listed:
            row.stream, row.changed_at = None, now
    for stream in streams:
        open_stream(db, station, stream, now=now)


def after_adjusting(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note how often a stream sends from now on."""
    if outcome.word != "Accepted":
        return
    given = command.arguments
    for row in db.scalars(_streaming(command.station, given["stream"])):
        row.stream_interval_s = given.get("interval_s", row.stream_interval_s)
        row.stream_values = given.get("values", row.stream_values)
        row.changed_at = now
    db.flush()
