"""Boots of stations: who each says that it is, and what follows.

Boots are taken in for many stations at once.  What only few of them need (a serial number that is
another's, a firmware job that ends, a step of onboarding) is done for those alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.charging.overtaken import is_late
from app.domain.device import deviations, file_jobs, onboarding, settings
from app.domain.ground import events, redaction
from app.domain.ground.bulk import BulkInsert, BulkUpdate, among, pass_by
from app.domain.ground.vocabulary import BootReport, Json, Registration
from app.domain.trust import certificate_names
from app.models import Connection, Station, StationReport
from app.models.stations import name_key

#: What a charger's own texts are cut to in columns; the raw boot is kept beside them.
_TEXT, _NUMBER = 120, 40


@dataclass(frozen=True, slots=True)
class Booted:
    """What a station (its row, plain or not) says of itself."""

    station: Any
    report: BootReport
    now: datetime


@dataclass(slots=True)
class _Row:
    """What of a station its boots are held against, and write."""

    id: int
    booted_registration: Registration | None
    last_boot_at: datetime | None
    last_seen_at: datetime | None
    serial: str | None
    serial_key: str | None
    vendor: str | None
    model: str | None
    firmware: str | None
    meter_type: str | None
    meter_serial: str | None
    iccid: str | None
    imsi: str | None
    boot_raw: Json | None
    onboarding: Json

    def take(self, report: BootReport) -> None:
        """Take over what a boot tells, but for the serial number; what stands here is redacted."""
        for name in ("vendor", "model", "firmware", "meter_type", "meter_serial"):
            value = getattr(report, name)
            if value is not None and value != getattr(self, name):
                setattr(self, name, redaction.redact_text(value)[:_TEXT])
        for name in ("iccid", "imsi"):
            if (value := getattr(report, name)) is not None:
                setattr(self, name, value[:_NUMBER])


@dataclass(slots=True)
class _Boot:
    """A boot that was taken in: its row, the answer, and what it was before.

    `anew`: it differs from the last boot; `changed`: from what the row said; `first`: none came
    over its connection before.  A newer one had
    `overtaken` it where it waited on another node's disk: it only adds what that did not tell.
    """

    told: Booted
    row: _Row
    answer: Registration
    firmware: str | None
    anew: bool
    changed: bool
    first: bool = False
    overtaken: bool = False


_WRITTEN = tuple(name for name in _Row.__slots__ if name != "onboarding")
_ALWAYS = _WRITTEN[:4]
#: What a boot tells beside its serial number.
_TOLD = ("vendor", "model", "firmware", "meter_type", "meter_serial", "iccid", "imsi")
_STATION = Station.__table__
_ROWS = select(*(_STATION.c[name] for name in _Row.__slots__)).where(
    among(_STATION.c.id, "stations")
)
_WRITE = BulkUpdate(_STATION, _WRITTEN[1:])
_WRITE_SAME = BulkUpdate(_STATION, _ALWAYS[1:])
_values_of, _same_of = attrgetter(*_WRITTEN), attrgetter(*_ALWAYS)
_WRITE_FIRST = BulkUpdate(Connection.__table__, ("booted_at",))
_REPORT = StationReport.__table__
_KEEP = BulkInsert(_REPORT, ("station_id", "kind", "word", "payload", "at", "received_at"))


def boot(db: Session, station: Station, report: BootReport, *, now: datetime) -> Registration:
    """Take in a lone BootNotification; return how it is to be answered."""
    return boot_all(db, [Booted(station, report, now)])[0]


def boot_all(db: Session, booted: Sequence[Booted]) -> list[Registration]:
    """Take in boots of many stations; return how each is to be answered.

    Repeats are normal (FIELD B5): each is answered, and only a change is an event.
    """
    db.flush()
    given = {"stations": [one.station.id for one in booted]}
    rows = {found[0]: _Row(*found) for found in db.execute(_ROWS, given).all()}
    names = {one.station.id: one.report.serial for one in booted if one.report.serial is not None}
    shared = certificate_names.shared(db, names)
    boots = [_taken(one, rows[one.station.id], one.station.id in shared) for one in booted]
    _WRITE(db, [_values_of(boot.row) for boot in boots if boot.changed])
    _WRITE_SAME(db, [_same_of(boot.row) for boot in boots if not boot.changed])
    _WRITE_FIRST(
        db, [(boot.told.station.connection_id, boot.told.now) for boot in boots if boot.first]
    )
    _KEEP(db, [_report_of(boot) for boot in boots if boot.anew])
    pass_by(db, Station)
    for boot in boots:
        station = boot.told.station
        if station.id in shared and not boot.overtaken:
            _claim_serial(db, boot)
        events.record(db, events.StationChanged(station.tenant_id, station.id))
    _follow(db, [boot for boot in boots if not boot.overtaken])
    return [boot.answer for boot in boots]


def _taken(told: Booted, row: _Row, shared: bool) -> _Boot:
    """Take one boot into its row; a serial number that others have, too, is looked at later."""
    report, firmware, before = told.report, row.firmware, _values_of(row)
    late = is_late(told.station, told.now)
    if late and row.last_boot_at is not None and row.last_boot_at > told.now:
        return _overtaken(told, row)
    row.take(report)
    if report.serial is not None and not shared:
        row.serial = report.serial[:_TEXT]
        row.serial_key = name_key(row.serial)
    raw = report.raw if report.raw == row.boot_raw else redaction.redact(report.raw)
    anew = row.boot_raw != raw or row.last_boot_at is None
    row.boot_raw = raw
    changed = _values_of(row) != before
    # One that was blocked while its socket is open hears what a rejected one hears.
    blocked = told.station.registration is Registration.BLOCKED
    answer: Registration = Registration.REJECTED if blocked else told.station.registration
    connected = told.station.connection_id is not None and not late
    first = connected and (row.last_boot_at is None or row.last_boot_at < told.station.connected_at)
    row.booted_registration, row.last_boot_at = answer, told.now
    row.last_seen_at = max(row.last_seen_at or told.now, told.now) if late else told.now
    return _Boot(told, row, answer, firmware, anew, changed, first)


def _overtaken(told: Booted, row: _Row) -> _Boot:
    raw, before = redaction.redact(told.report.raw), _values_of(row)
    newest = replace(row)
    row.take(told.report)
    for name in _TOLD:
        if (value := getattr(newest, name)) is not None:
            setattr(row, name, value)
    answer = row.booted_registration or Registration.ACCEPTED
    changed = _values_of(row) != before
    return _Boot(told, row, answer, row.firmware, raw != row.boot_raw, changed, overtaken=True)


def _report_of(boot: _Boot) -> tuple[Any, ...]:
    report, raw, now = boot.told.report, boot.row.boot_raw, boot.told.now
    firmware = report.firmware if boot.overtaken else boot.row.firmware
    told = redaction.redact(report.raw) if boot.overtaken else raw
    return boot.row.id, "boot", (firmware or "")[:_TEXT], told or {}, now, now


def _claim_serial(db: Session, boot: _Boot) -> None:
    """Keep the serial number that a boot tells, unless it is another station's.

    That is stored as a doubt and shown, and alarms with a boot that differs from the last; where
    two stations have had the same one all along, both keep it and both are told of.
    """
    station, serial = db.get_one(Station, boot.row.id), (boot.told.report.serial or "")[:_TEXT]
    other = certificate_names.owner(db, station, serial)
    if other is None:
        station.serial = serial
        db.flush()
        return
    sentence = f"{serial[:60]} is that of {other}."
    deviations.note(db, station, [("serial_taken", sentence)], now=boot.told.now)
    if boot.anew:
        reports.find_out(db, station, "ForeignSerialNumber", sentence, now=boot.told.now)


def _follow(db: Session, boots: Sequence[_Boot]) -> None:
    """Go on with what waited for a boot: firmware that is installed, settings, onboarding."""
    updated = [boot.row.id for boot in boots if boot.row.firmware != boot.firmware]
    updating = file_jobs.updating(db, updated) if updated else set()
    accepted = [boot.row.id for boot in boots if boot.answer is Registration.ACCEPTED]
    waiting = settings.waiting_for_boot(db, accepted)
    for boot in boots:
        number, now = boot.row.id, boot.told.now
        if number in updating:
            file_jobs.booted(db, db.get_one(Station, number), boot.firmware, now=now)
        begins = boot.answer is Registration.ACCEPTED and boot.row.onboarding
        if begins or number in waiting:
            onboarding.booted(db, db.get_one(Station, number), now=now)
