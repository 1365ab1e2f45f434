"""Starts as stations tell them, and whether one was told before, in whatever words."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.running import is_ours
from app.domain.charging.sessions.row import SessionRow, numbered
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead, Keyed, Keys
from app.domain.ground.vocabulary import ConnectorRef, SessionState, Token
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession

#: A start with a meaningless clock is a retry only within this time of the first.
RETRY = timedelta(minutes=10)

_SESSION = ChargingSession.__table__
_WHICH = ("id", "station_id", "start_key", "state", "start_received_at")
_KNOWN = BulkRead(
    select(*(_SESSION.c[name] for name in _WHICH)).where(
        among(_SESSION.c.station_id, "stations"), among(_SESSION.c.start_key, "keys")
    )
)
_IN_SECOND = Keyed(
    _SESSION,
    (*_WHICH, "evse", "connector", "token", "meter_start_wh", "ended_at"),
    {"station_id": "bigint", "since": "timestamptz", "until": "timestamptz"},
    "s.station_id = k.station_id AND s.started_at >= k.since AND s.started_at < k.until",
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a station says when charging begins.

    `raw_time` is its clock's time, for the key.  `claimed_at` is its own time where another one
    is used.  `promised_ref` is the transaction id that it was answered while the database was away,
    and `let_in` whether it was told to charge.
    """

    connector: ConnectorRef
    token: Token
    meter_start_wh: Decimal | None
    started_at: datetime
    raw_time: str
    clock_replaced: bool = False
    transaction_ref: str | None = None
    reservation_id: int | None = None
    claimed_at: datetime | None = None
    promised_ref: str | None = None
    let_in: bool = False


@dataclass(frozen=True, slots=True)
class Starting:
    """A start as it arrives, with the row of its station."""

    station: AnyStation
    start: Start
    now: datetime

    @property
    def place(self) -> ConnectorRef:
        """Where it says that charging begins."""
        return self.start.connector


def key_of(start: Start) -> str:
    """The key of a start: who, where, when by its clock, and the register."""
    wh, place = start.meter_start_wh, start.connector
    plain = None if wh is None else format(wh.normalize(), "f")
    told = (place.evse, place.connector, start.token.key, start.raw_time, plain)
    return hashlib.sha256("|".join(map(str, told)).encode()).hexdigest()[:40]


def known_starts(
    db: Session, starts: Sequence[Starting], keys: Sequence[str]
) -> tuple[set[tuple[int, str]], dict[int, SessionRow]]:
    """The keys that are taken, and by station the session that its start began before."""
    stored = _KNOWN(db, stations=[told.station.id for told in starts], keys=keys)
    found = {(row.station_id, row.start_key): row for row in stored}
    asked = [
        (told.station.id, second, second + timedelta(seconds=1))
        for told in starts
        for second in [told.start.started_at.replace(microsecond=0)]
    ]
    near = _IN_SECOND(db, Keys(db, ("station_id", "since", "until"), asked))
    same = {}
    for told, key, (number, _, later) in zip(starts, keys, asked, strict=True):
        alike = (row for row in near.get(number, ()) if _is_alike(told.start, row, later))
        known = found.get((number, key)) or next(alike, None)
        if known is None:
            continue
        known = _newest_of(db, number, key) or known
        # A clock that stands still gives equal keys to different sessions.
        stale = known.state == SessionState.ENDED or told.now - known.start_received_at > RETRY
        if not (told.start.clock_replaced and stale):
            same[number] = known.id
    known_rows = numbered(db, same.values())
    return set(found), {station: known_rows[number] for station, number in same.items()}


def _is_alike(start: Start, row: Any, later: datetime) -> bool:
    """Whether a session of the same second is the start's, told with other fractions of it.

    Once that has ended within the second, another may have begun in it.  What a 2.x station
    numbered itself is none: a start has to be answered with our number.
    """
    plug = (row.evse, row.connector) == (start.connector.evse, start.connector.connector)
    told = (start.token.key, start.meter_start_wh)
    same = plug and (Token(row.token).key, row.meter_start_wh) == told
    return same and is_ours(row) and (row.ended_at is None or row.ended_at >= later)


def taken_keys(db: Session, keys: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which start keys of stations are taken."""
    wanted = list(keys)
    stations, names = {station for station, _ in wanted}, {name for _, name in wanted}
    return {(row.station_id, row.start_key) for row in _KNOWN(db, stations=stations, keys=names)}


def _newest_of(db: Session, station_id: int, key: str) -> Any:
    """The newest session of a start key that was used again under a clock that stood still."""
    again = (_SESSION.c.station_id == station_id, _SESSION.c.start_key.startswith(f"{key}#"))
    query = select(_SESSION).where(*again).order_by(_SESSION.c.id.desc())
    return db.execute(query.limit(1)).first()


def free_key(key: str, told: Starting, taken: set[tuple[int, str]]) -> str:
    """The key for a session of its own where that of its start is taken."""
    return f"{key}#{told.now.timestamp()}" if (told.station.id, key) in taken else key
