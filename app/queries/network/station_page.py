"""What the pages of one station show: its state now, its history, its attempts to connect."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.access import reservations
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import SessionState
from app.domain.network import plugs, presence
from app.models import (
    Authorisation,
    ChargingSession,
    Command,
    Connection,
    Connector,
    Deviation,
    HandshakeAttempt,
    Message,
    Reservation,
    Station,
    StationReport,
    StatusEvent,
    Tenant,
)

#: Rows of the small tables on the Live tab.
COMMANDS_SHOWN = 6
MESSAGES_SHOWN = 12
ATTEMPTS_SHOWN = 20


@dataclass(slots=True)
class Now:
    """A station at this moment; `sessions` are the running ones by plug.

    `reservations` are what its plugs are kept for, by plug; 0 is any of them.
    """

    station: Station
    online: bool
    connection: Connection | None
    plugs: list[Connector]
    sessions: dict[int, ChargingSession]
    deviations: list[Deviation]
    commands: list[Command] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    reservations: dict[int, Reservation] = field(default_factory=dict)

    @property
    def whole(self) -> Connector | None:
        """Connector 0: what the station said of itself as a whole."""
        return next((plug for plug in self.station.connectors if plug.evse == 0), None)

    def offers(self, order: str) -> bool:
        """Tell whether the station's dialect has this order."""
        return order in self.station.supported_orders


def now_of(db: Session, station: Station, now: datetime) -> Now:
    """Gather what the Live tab shows, but for commands and messages."""
    running = db.scalars(
        select(ChargingSession)
        .where(
            ChargingSession.station_id == station.id, ChargingSession.state == SessionState.CHARGING
        )
        .options(joinedload(ChargingSession.driver))
        .order_by(ChargingSession.id)
    )
    number = station.connection_id
    return Now(
        station=station,
        online=presence.is_connected(db, station, now),
        connection=db.get(Connection, number) if number is not None else None,
        plugs=plugs.of(station),
        sessions={session.evse: session for session in running},
        deviations=list(
            db.scalars(
                select(Deviation)
                .where(Deviation.station_id == station.id)
                .order_by(Deviation.last_at.desc())
            )
        ),
        reservations={row.evse: row for row in reservations.kept(db, station, now)},
    )


def recent_commands(db: Session, station: Station, limit: int = COMMANDS_SHOWN) -> list[Command]:
    return list(db.scalars(_commands(station).order_by(Command.id.desc()).limit(limit)))


def _commands(station: Station) -> Select[Command]:
    return select(Command).where(Command.station_id == station.id)


def recent_messages(db: Session, station: Station) -> list[Message]:
    return list(
        db.scalars(
            select(Message)
            .where(Message.station_id == station.id)
            .order_by(Message.id.desc())
            .limit(MESSAGES_SHOWN)
        )
    )


def attempts(db: Session, station: Station, limit: int = ATTEMPTS_SHOWN) -> list[HandshakeAttempt]:
    """The newest attempts to connect as this station, by its identity in any case."""
    newest = HandshakeAttempt.last_at.desc(), HandshakeAttempt.id.desc()
    return list(db.scalars(handshakes(db, station).order_by(*newest).limit(limit)))


def handshakes(db: Session, station: Station) -> Select[HandshakeAttempt]:
    """Select the attempts made as this station, in no order yet.

    Attempts that were refused before the station was known name only an identity;
    they are told while the installation has a single tenant.
    """
    own = HandshakeAttempt.station_id == station.id
    if db.scalar(select(func.count(Tenant.id))) == 1:
        named = func.lower(HandshakeAttempt.identity) == station.identity.lower()
        own = or_(own, HandshakeAttempt.station_id.is_(None) & named)
    return select(HandshakeAttempt).where(own)


def last_ended(db: Session, station: Station) -> Connection | None:
    """The connection that ended last; None while there was none."""
    return newest(db, Connection, Connection.closed_at.is_not(None), station_id=station.id)


def strangers(db: Session) -> list[HandshakeAttempt]:
    """The newest attempts that fit no registered station; only while there is one tenant."""
    if db.scalar(select(func.count(Tenant.id))) != 1:
        return []
    return list(
        db.scalars(
            select(HandshakeAttempt)
            .where(HandshakeAttempt.station_id.is_(None), ~HandshakeAttempt.accepted)
            .order_by(HandshakeAttempt.last_at.desc())
            .limit(5)
        )
    )


#: kind of history -> select of its rows; each is sorted by its own time.
HISTORY: dict[str, tuple[Any, Any]] = {
    "statuses": (StatusEvent, StatusEvent.at),
    "connections": (Connection, Connection.opened_at),
    "reports": (StationReport, StationReport.at),
    "taps": (Authorisation, Authorisation.at),
}


def history(station: Station, kind: str) -> tuple[Select[Any], dict[str, Any]]:
    """Return the select of one kind of history, and how it may be sorted."""
    table, at = HISTORY[kind]
    return select(table).where(table.station_id == station.id), {"at": at}
