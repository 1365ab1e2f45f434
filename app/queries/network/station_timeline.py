"""A station's day: what happened there in the last 24 hours, newest first, in a few words each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.commands import orders
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Activity, Availability, CommandState
from app.models import (
    ChargingSession,
    Command,
    Connection,
    NotedFault,
    Station,
    StationReport,
    StatusEvent,
)
from app.models.sessions import CHARGED

#: Items on the page; the History tab has them all.
SHOWN = 14
DAY = timedelta(hours=24)
#: Noted faults that are done are shown for so long.
FAULTS_SHOWN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Item:
    """Something that happened; `kind` is "", bad or idle; `energy_wh` is said after the text."""

    at: datetime
    text: str
    who: str = ""
    kind: str = ""
    energy_wh: Decimal | None = None
    session_id: int | None = None


def last_day(db: Session, station: Station, now: datetime) -> list[Item]:
    """Return what happened in the last 24 hours: a night does not end at midnight."""
    since = now - DAY
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
    words = {Availability.UNAVAILABLE: "out of service", Availability.AVAILABLE: "is free"}
    word = words.get(row.availability, row.availability.value)
    if row.availability is Availability.FAULTED:
        word = row.error_code or word
    if row.availability is Availability.OCCUPIED and row.activity is not Activity.NONE:
        word = _ACTIVITY.get(row.activity, row.activity.value)
    return f"Connector {row.evse} {word}" if row.evse else f"The station {word}"


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
            CHARGED,
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
        text = f"{words}: {row.state.value.replace('_', ' ')}"
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
            words = " · ".join(filter(None, [N_("Disconnected"), row.close_reason]))
            yield Item(row.closed_at, words, "", "idle")


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


# What to do about a refused connection: reason code -> the fix in words.

FIXES: dict[str, str] = {
    "no_identity": "Type the whole URL into the charger, its identity at the end.",
    "bad_identity": "Type the identity as it stands here; check for odd characters in the URL.",
    "identity_too_long": "Give the charger a shorter identity.",
    "unknown_identity": "Register this identity, or correct it in the charger.",
    "not_allowed": "Add this address to the station’s allowed networks (Edit, Quirks).",
    "blocked": "Accept its registration on this page, if it is to come back.",
    "archived": "Restore it, if it is to come back.",
    "no_credentials": "Type the user name and the password into the charger, and choose "
    "security profile 1.",
    "bad_credentials_form": "Choose HTTP Basic authentication in the charger.",
    "wrong_username": "The user name is the identity; or fill in “User name it sends” here.",
    "wrong_password": "Type the password again, without blanks; or make a new one here.",
    "throttled": "Correct the password, then wait a minute: the right one always gets in.",
    "restless": "Look at why the charger drops its connections: its log and Messages here tell.",
    "unfinished": "Compare the charger’s URL: wss:// for the TLS port, ws:// for the plain one.",
    "not_websocket": "A proxy on the way does not pass WebSocket on: let it send Upgrade headers.",
    "no_subprotocol": "Choose OCPP 1.6J in the charger; or let Ampdesk assume it, under Quirks.",
    "no_common_subprotocol": "Choose OCPP 1.6, 2.0.1 or 2.1 in the charger.",
    "other_version": "Choose the pinned version in the charger; or lift the pin, under Quirks.",
    "no_tls": "Give the charger the wss:// address; or choose security profile 1 here.",
    "no_certificate": "Let the charger connect with its certificate (profile 3); or choose "
    "profile 2 here.",
    "wrong_certificate": "Issue it a certificate in its serial number’s or identity’s name; or "
    "enter the name under Quirks.",
    "tls_failed": "Compare the charger’s TLS version, its root certificate and its clock.",
    "overloaded": "Nothing: the charger comes again by itself.",
    "draining": "Nothing: the charger comes again by itself.",
    "unavailable": "See to the database; the charger comes again by itself.",
}


def fix(reason: str) -> str:
    """The fix for a reason; empty when there is none to tell."""
    return FIXES.get(reason, "")


def noted_faults(db: Session, station: Station, now: datetime) -> Sequence[NotedFault]:
    """What staff noted at a station: what is open, the newest first, then what was done of late."""
    over = NotedFault.done_at.is_not(None)
    return db.scalars(
        select(NotedFault)
        .where(
            NotedFault.station_id == station.id,
            or_(~over, NotedFault.done_at >= now - FAULTS_SHOWN),
        )
        .order_by(over, NotedFault.id.desc())
        .limit(20)
    ).all()
