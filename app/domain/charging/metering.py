"""Meter readings: stored in bulk, each instant once, tied to the session that they belong to.

This is the hot path: one statement finds the sessions of a whole batch of
stations, one stores their readings.  What a live page shows of a running
session is brought up to date from the readings every second (`show`).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.domain.charging.running import (
    Gauge,
    Values,
    by_number,
    is_ours,
    keep_newest,
    show,
    values_of,
)
from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.redaction import redact_text
from app.domain.ground.vocabulary import BillingState, MeterReport, Sample, SessionState
from app.models import ChargingSession, MeterReading


class Metered(NamedTuple):
    """One MeterValues of one station; `transaction_ref` None: it named no session.

    `own` False: it is of a meter that counts for no session, whatever runs.
    `received_at` is when it arrived, where that is not the time of its set.
    """

    station_id: int
    evse: int
    transaction_ref: str | None
    reports: tuple[MeterReport, ...]
    own: bool = True
    received_at: datetime | None = None


_SESSION = ChargingSession.__table__
_READING = MeterReading.__table__
_COLUMNS = (
    _SESSION.c.id,
    _SESSION.c.tenant_id,
    _SESSION.c.station_id,
    _SESSION.c.transaction_ref,
    _SESSION.c.start_key,
    _SESSION.c.evse,
    _SESSION.c.started_at,
    _SESSION.c.meter_start_wh,
    _SESSION.c.first_register_wh,
    _SESSION.c.billing,
)
_STORED = (
    "station_id",
    "session_id",
    "evse",
    "taken_at",
    "received_at",
    "register_wh",
    "power_w",
    "current_a",
    "voltage_v",
    "soc_percent",
    "assumed_time",
    "samples",
    "digest",
)
_INSERT = BulkInsert(_READING, _STORED, skip_known=True, written=("samples",))
_RUNNING = _SESSION.c.state == SessionState.CHARGING
_NAMED = BulkRead(
    select(*_COLUMNS).where(
        among(_SESSION.c.station_id, "stations"), among(_SESSION.c.transaction_ref, "refs")
    )
)
_OPEN = BulkRead(select(*_COLUMNS).where(among(_SESSION.c.station_id, "stations"), _RUNNING))
_LATE = (
    update(_SESSION)
    .where(among(_SESSION.c.id, "sessions"), _SESSION.c.billing != BillingState.OPEN)
    .values(late_evidence_at=bindparam("at", type_=_SESSION.c.late_evidence_at.type))
)


def store(
    db: Session,
    batch: Sequence[Metered],
    *,
    now: datetime,
    at_hand: Mapping[tuple[int, str | None], Any] | None = None,
) -> tuple[list[int | None], list[Gauge]]:
    """Store the readings of many stations at once.

    Returns the session of each item (None: it belongs to none) and the gauges
    of the sessions that changed.  A reading that is known already adds nothing.
    `at_hand` are the sessions of all items, by station and transaction, where they are known.
    """
    by_ref, by_station = _sessions_of(db, batch) if at_hand is None else (at_hand, {})
    owners: list[int | None] = []
    late: dict[int, Any] = {}
    rows: list[tuple[Any, ...]] = []
    gauges: dict[int, Gauge] = {}
    for item in batch:
        owner = None
        if item.transaction_ref is not None:
            owner = by_ref.get((item.station_id, item.transaction_ref))
        for report in item.reports:
            running = by_station.get(item.station_id, ())
            session = _next_of(owner, running, report) or owner or _by_time(running, item, report)
            values = values_of(report.samples)
            number = session.id if session is not None else None
            rows.append(_row(item, report, number, values, item.received_at or now))
            if session is not None:
                owner = owner or session
                keep_newest(gauges, session, report.taken_at, values)
                if session.billing != BillingState.OPEN:
                    late[session.id] = session
        owners.append(owner.id if owner is not None else None)
    _INSERT(db, rows)
    if late:
        _mark_late(db, late, now)
    return owners, list(gauges.values())


def _mark_late(db: Session, late: dict[int, Any], now: datetime) -> None:
    """Have sessions weighed once more that were decided about before these readings came."""
    db.execute(_LATE, {"sessions": list(late), "at": now})
    for row in late.values():
        events.record(db, events.SessionEnded(row.tenant_id, row.id, row.station_id))


def _sessions_of(
    db: Session, batch: Sequence[Metered]
) -> tuple[dict[Any, Any], dict[int, list[Any]]]:
    """The sessions of a batch by station and transaction, and the running ones by station.

    Nearly all readings are of a running session, so those are looked up first,
    by an index; only what names another one is looked for by its name.  It is 1.6 that names
    them here: `at_hand` has those of 2.x.
    """
    by_ref: dict[Any, Any] = {}
    by_station: dict[int, list[Any]] = {}
    for row in _OPEN(db, stations={item.station_id for item in batch}):
        if is_ours(row):
            by_ref[row.station_id, row.transaction_ref] = row
        by_station.setdefault(row.station_id, []).append(row)
    others = {
        (item.station_id, item.transaction_ref)
        for item in batch
        if item.transaction_ref is not None
    } - by_ref.keys()
    if others:
        stations, refs = zip(*others, strict=True)
        for row in _NAMED(db, stations=set(stations), refs=set(refs)):
            key = row.station_id, row.transaction_ref
            by_ref[key] = row if is_ours(row) else by_number(db, *key)
    return by_ref, by_station


def _next_of(owner: Any, running: Sequence[Any], report: MeterReport) -> Any | None:
    """The session that runs where an ended one was, whose id stations go on with (FIELD X6)."""
    if owner is None or owner in running or report.assumed_time:
        return None
    return next(
        (r for r in running if r.evse == owner.evse and r.started_at <= report.taken_at), None
    )


def _by_time(candidates: Iterable[Any], item: Metered, report: MeterReport) -> Any | None:
    """The one running session that readings without a (known) transaction belong to (FIELD M5).

    Readings of the station's main meter (evse 0) are a session's only where the
    station has a single one running.
    """
    fitting = [
        row
        for row in candidates
        if item.own and item.evse in (0, row.evse) and row.started_at <= report.taken_at
    ]
    return fitting[0] if len(fitting) == 1 else None


def _row(
    item: Metered, report: MeterReport, session_id: int | None, values: Values, now: datetime
) -> tuple[Any, ...]:
    """A row in the order of `_STORED`."""
    samples = orjson.dumps(
        [
            # The value in the unit beside it; what is no number stays as it was sent.
            (s.measurand, _value(s), s.unit, s.phase, s.location, s.context, s.signed)
            for s in report.samples
        ]
    )
    return (
        item.station_id,
        session_id,
        item.evse,
        report.taken_at,
        now,
        values.register_wh,
        values.power_w,
        values.current_a,
        values.voltage_v,
        values.soc_percent,
        report.assumed_time,
        samples.decode(),
        _digest(item, report, samples),
    )


def _value(sample: Sample) -> str | None:
    if sample.value is not None:
        return format(sample.value, "f")
    return sample.text if sample.signed or not sample.text else redact_text(sample.text)


def _digest(item: Metered, report: MeterReport, samples: bytes) -> str:
    """What makes a reading the same one again: plug, transaction, instant and all samples.

    It begins with the second, so that what is reported now lies close together in the index.
    """
    at = report.claimed_at or report.taken_at
    return _digest_of(item.evse, item.transaction_ref, at, samples)


def _digest_of(evse: int, ref: str | None, at: datetime, samples: bytes) -> str:
    text = f"{evse}|{ref}|{at.isoformat()}|".encode()
    second = int(at.timestamp()) & 0xFFFFFFFF
    return f"{second:08x}{hashlib.blake2b(text + samples, digest_size=12).hexdigest()}"


def claim(
    db: Session, session: Any, *, since: datetime, until: datetime | None
) -> tuple[list[Gauge], set[int]]:
    """Give a session the readings that came before its start was stored.

    They were heard after `since` and taken not after `until`, and name its transaction, or none.
    Whom a reading named is told by its digest alone; one that named this transaction was given to
    whatever ran then.  Returns what they show, and the sessions that had some of them.
    """
    query = select(MeterReading).where(
        MeterReading.station_id == session.station_id,
        MeterReading.received_at >= since,
        or_(MeterReading.session_id.is_(None), MeterReading.session_id != session.id),
    )
    found: list[Gauge] = []
    lenders: set[int] = set()
    for row in db.scalars(query.order_by(MeterReading.taken_at)):
        within = row.taken_at >= session.started_at and (until is None or row.taken_at <= until)
        free = within and row.session_id is None and row.evse in (0, session.evse)
        if (free and _names(row, None)) or _names(row, session.transaction_ref):
            if row.session_id is not None:
                lenders.add(row.session_id)
            row.session_id = session.id
            found.append(_shows(row, session))
    db.flush()
    return found, lenders


def show_again(db: Session, session: ChargingSession) -> None:
    """Show of a session what its readings show, after it gave some of them back."""
    session.last_reading_at = session.started_at
    session.last_power_w = session.last_soc_percent = None
    if session.state is SessionState.CHARGING:
        session.energy_wh, session.last_register_wh = Decimal(0), session.meter_start_wh
        session.first_register_wh = None
    db.flush()
    query = select(MeterReading).where(MeterReading.session_id == session.id)
    for row in db.scalars(query.order_by(MeterReading.taken_at)):
        show(db, [_shows(row, session)])
    db.refresh(session)


def _shows(row: MeterReading, session: Any) -> Gauge:
    values = (row.register_wh, row.power_w, row.soc_percent, session.meter_start_wh)
    return Gauge(session.id, session.tenant_id, session.station_id, row.taken_at, *values)


def _names(row: MeterReading, ref: str | None) -> bool:
    """Whether a stored reading named this transaction; its own clock may have been off."""
    second = int(row.digest[:8], 16)
    at = row.taken_at + timedelta(seconds=second - int(row.taken_at.timestamp()))
    samples = orjson.dumps(row.samples)
    return _digest_of(row.evse, ref, at.astimezone(UTC), samples) == row.digest
