"""A station's day: what happened there since midnight, newest first, in a few words each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.commands import orders
from app.domain.ground.vocabulary import Activity, Availability, CommandState
from app.models import (
    ChargingSession,
    Command,
    Connection,
    Station,
    StationReport,
    StatusEvent,
)

#: Items on the page; the History tab has them all.
SHOWN = 14


@dataclass(frozen=True, slots=True)
class Item:
    """Something that happened; `kind` is "", bad or idle; `energy_wh` is said after the text."""

    at: datetime
    text: str
    who: str = ""
    kind: str = ""
    energy_wh: Decimal | None = None
    session_id: int | None = None


def today(db: Session, station: Station, zone: str, now: datetime) -> list[Item]:
    """Return what happened since the midnight of `zone`."""
    here = now.astimezone(ZoneInfo(zone))
    since = datetime.combine(here.date(), time(), here.tzinfo)
    items = [
        *_statuses(db, station, since),
        *_sessions(db, station, since),
        *_orders(db, station, since),
        *_connections(db, station, since),
        *_reports(db, station, since),
    ]
    return sorted(items, key=lambda item: item.at, reverse=True)[:SHOWN]


_ACTIVITY = {Activity.SUSPENDED_EV: "idle: the car asks for nothing",
             Activity.SUSPENDED_EVSE: "paused by the charger"}  # fmt: skip


def status_words(row: StatusEvent) -> str:
    """A status in words: connector and what it became."""
    place = f"Connector {row.evse}" if row.evse else "The station"
    if row.availability is Availability.FAULTED:
        return f"{place} {row.error_code or 'faulted'}"
    if row.availability is Availability.OCCUPIED and row.activity is not Activity.NONE:
        return f"{place} {_ACTIVITY.get(row.activity, row.activity.value)}"
    words = {Availability.UNAVAILABLE: "out of service", Availability.AVAILABLE: "free"}
    return f"{place} {words.get(row.availability, row.availability.value)}"


def _statuses(db: Session, station: Station, since: datetime) -> Iterator[Item]:
    rows = db.scalars(
        select(StatusEvent)
        .where(StatusEvent.station_id == station.id, StatusEvent.at >= since)
        .order_by(StatusEvent.at.desc())
        .limit(SHOWN)
    )
    for row in rows:
        bad = row.availability is Availability.FAULTED
        yield Item(row.at, status_words(row), row.vendor_error or "", "bad" if bad else "")


def _sessions(db: Session, station: Station, since: datetime) -> Iterator[Item]:
    rows = db.scalars(
        select(ChargingSession)
        .where(
            ChargingSession.station_id == station.id,
            (ChargingSession.started_at >= since) | (ChargingSession.ended_at >= since),
        )
        .options(joinedload(ChargingSession.driver))
        .order_by(ChargingSession.id.desc())
        .limit(SHOWN)
    )
    for row in rows:
        who = row.driver.name if row.driver else row.token
        if row.started_at >= since:
            yield Item(row.started_at, f"Session {row.id} started", who, session_id=row.id)
        if row.ended_at is not None and row.ended_at >= since:
            kind = "bad" if not row.energy_wh else ""
            text = f"Session {row.id} ended,"
            yield Item(row.ended_at, text, "", kind, row.energy_wh, row.id)


def _orders(db: Session, station: Station, since: datetime) -> Iterator[Item]:
    rows = db.scalars(
        select(Command)
        .where(Command.station_id == station.id, Command.requested_at >= since)
        .order_by(Command.id.desc())
        .limit(SHOWN)
    )
    for row in rows:
        good = row.state in (CommandState.ACCEPTED, CommandState.QUEUED, CommandState.SENT)
        words = orders.describe(row.order, row.arguments)
        text = f"{words}, {row.state.value.replace('_', ' ')}"
        yield Item(row.requested_at, text, row.requested_by, "" if good else "idle")


def _connections(db: Session, station: Station, since: datetime) -> Iterator[Item]:
    rows = db.scalars(
        select(Connection)
        .where(
            Connection.station_id == station.id,
            (Connection.opened_at >= since) | (Connection.closed_at >= since),
        )
        .order_by(Connection.id.desc())
        .limit(SHOWN)
    )
    for row in rows:
        if row.opened_at >= since:
            yield Item(row.opened_at, "Connected", row.address)
        if row.closed_at is not None and row.closed_at >= since:
            yield Item(row.closed_at, "Disconnected", row.close_reason or "", "idle")


def _reports(db: Session, station: Station, since: datetime) -> Iterator[Item]:
    rows = db.scalars(
        select(StationReport)
        .where(StationReport.station_id == station.id, StationReport.at >= since)
        .order_by(StationReport.id.desc())
        .limit(SHOWN)
    )
    for row in rows:
        word = row.kind.replace("_", " ").capitalize()
        kind = "idle" if row.kind == "security" else ""
        yield Item(row.at, f"{word}: {row.word}" if row.word else word, "", kind)
