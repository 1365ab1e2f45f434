"""What plugs said around sessions, and when their stations were connected: read for many at once.

What a plug said keeps the time of its station's clock.  Where a session's own start was told by a
clock that was wrong by so much, the words that this clock dated are put right here.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging.sessions.row import AnySession
from app.domain.ground.bulk_rows import Keyed, Keys
from app.domain.ground.clock import TOLERANCE
from app.models import Connection, StatusEvent

Rows = dict[int, list[Any]]

#: What a session's key tells, and the types of it on PostgreSQL.
KEY = {
    "id": "bigint",
    "station_id": "bigint",
    "evse": "integer",
    "connector": "integer",
    "since": "timestamptz",
    "until": "timestamptz",
}
#: How a row is of the plug of a key.
AT_PLUG = "{0}.station_id = k.station_id AND {0}.evse = k.evse AND {0}.connector = k.connector"
#: How a row is one of those that a select finds for a key.
FOUND = "s.id {ids} SELECT b.id FROM "

_STATUS = StatusEvent.__table__
_OF_STATUS = ("id", "at", "received_at", "availability", "activity")
_LAST_STATUS = Keyed(
    _STATUS, _OF_STATUS, KEY,
    f"{FOUND} status_events AS b WHERE {AT_PLUG.format('b')} AND b.at <= k.since "
    "ORDER BY b.at DESC, b.id DESC LIMIT 1 {end}",
)  # fmt: skip
_STATUSES = Keyed(
    _STATUS, _OF_STATUS, KEY,
    f"{AT_PLUG.format('s')} AND s.at > k.since AND s.at < k.until ORDER BY s.at, s.id",
)  # fmt: skip
_CONNECTIONS = Keyed(
    Connection.__table__, ("opened_at", "booted_at", "closed_at"), KEY,
    "s.station_id = k.station_id AND s.opened_at <= k.until "
    "AND (s.closed_at IS NULL OR s.closed_at >= k.since) ORDER BY s.id",
)  # fmt: skip
_NONE = timedelta()


def statuses_of(db: Session, sessions: Sequence[AnySession], until: dict[int, datetime]) -> Rows:
    """What the plugs of sessions said up to an instant each, the last before the session first."""
    found = _read(db, [(each, each.started_at, until[each.id]) for each in sessions])
    off = {each.id: ahead for each in sessions if (ahead := _ahead_of(each))}
    wrong = [each for each in sessions if each.id in off]
    told = _read(
        db,
        [(each, each.started_at + off[each.id], until[each.id] + off[each.id]) for each in wrong],
    )
    for each in wrong:
        ahead = off[each.id]
        rows = [row for row in found[each.id] if not _is_by(row, ahead)]
        rows += [row._replace(at=row.at - ahead) for row in told[each.id] if _is_by(row, ahead)]
        rows.sort(key=attrgetter("at"))
        before = [row for row in rows if row.at <= each.started_at]
        found[each.id] = [*before[-1:], *rows[len(before) :]]
    return found


def connections_of(
    db: Session, sessions: Iterable[AnySession], until: dict[int, datetime], statuses: Rows
) -> Rows:
    """The connections of the sessions' stations since what their plugs said first."""
    asked = []
    for each in sessions:
        first = next(iter(statuses[each.id]), None)
        since = min(first.at, each.started_at) if first else each.started_at
        asked.append((each, since, until[each.id]))
    found = _CONNECTIONS(db, _keys(db, asked))
    return {each.id: found.get(each.id, []) for each, *_ in asked}


def _read(db: Session, asked: Sequence[tuple[AnySession, datetime, datetime]]) -> Rows:
    keys = _keys(db, asked)
    before, within = _LAST_STATUS(db, keys), _STATUSES(db, keys)
    return {each.id: [*before.get(each.id, ()), *within.get(each.id, ())] for each, *_ in asked}


def _keys(db: Session, asked: Iterable[tuple[AnySession, datetime, datetime]]) -> Keys:
    rows = [
        (each.id, each.station_id, each.evse, each.connector, since, until)
        for each, since, until in asked
    ]
    return Keys(db, tuple(KEY), rows)


def _ahead_of(session: AnySession) -> timedelta:
    """How far the clock that a session's start was told by was ahead, where it was wrong."""
    claimed = session.claimed_started_at
    ahead = claimed - session.started_at if claimed else _NONE
    return ahead if abs(ahead) > TOLERANCE else _NONE


def _is_by(row: Any, ahead: timedelta) -> bool:
    """Whether a word was dated by a clock that was so far ahead."""
    off: timedelta = row.at - row.received_at - ahead
    return abs(off) <= TOLERANCE
