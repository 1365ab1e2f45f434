"""Which station is connected, through which worker; and who knocked in vain.

The row is the truth: a station is connected while `connection_id` names an open
connection of a node whose beat is fresh.  The id is a fence: it only grows, so
the late close of an old socket cannot evict its successor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.domain import events
from app.models import Connection, Connector, HandshakeAttempt, Station, WorkerNode

#: How often a worker says that it lives, and how long it is believed.
BEAT_S = 5
ALIVE = timedelta(seconds=20)
#: A worker whose loop is so late keeps its chargers waiting; it is shown for a while.
SLOW_MS = 250
SLOW_SHOWN = timedelta(minutes=10)

#: So many reconnects within this time are a loop.
LOOP_RECONNECTS, LOOP_WITHIN = 4, timedelta(minutes=5)
#: So often within this time one address may push out another before two devices are suspected.
SWAPS, SWAPS_WITHIN = 3, timedelta(minutes=1)
REPLACED = "replaced by a newer connection"

#: Equal refusals within this time share one row.
SAME_KNOCK = timedelta(minutes=1)

_OPEN: Any = Connection.__table__
_NODE: Any = WorkerNode.__table__
#: An open connection of a worker that has said since `since` that it lives.
HELD = (
    select(_OPEN.c.id)
    .select_from(_OPEN.join(_NODE, _NODE.c.node == _OPEN.c.node))
    .where(
        _OPEN.c.id == bindparam("connection"),
        _OPEN.c.closed_at.is_(None),
        _NODE.c.beat_at > bindparam("since"),
    )
)


def beat(db: Session, node: str, *, now: datetime, lag_ms: int = 0) -> None:
    """Note that the worker `node` lives, and how late its loop was since it last said so."""
    row = db.get(WorkerNode, node)
    if row is None:
        row = WorkerNode(node=node, started_at=now)
        db.add(row)
    row.beat_at, row.lag_ms = now, lag_ms
    if lag_ms >= SLOW_MS:
        row.slow_at, row.slow_ms = now, lag_ms
    db.flush()


def slow_workers(db: Session, *, now: datetime) -> list[WorkerNode]:
    """The workers that live and were too late for their chargers a short while ago."""
    late = select(WorkerNode).where(
        WorkerNode.beat_at > now - ALIVE, WorkerNode.slow_at > now - SLOW_SHOWN
    )
    return list(db.scalars(late.order_by(WorkerNode.slow_at.desc())))


def open_connection(
    db: Session,
    station: Station,
    *,
    node: str,
    address: str,
    protocol: str | None,
    orders: list[str],
    now: datetime,
    profile: int | None = None,
) -> Connection:
    """Note an accepted socket; the newest one is the station's, whatever closes later.

    `profile` is the security profile that the connection used; None: the station's.
    """
    _close_all(db, [station.id], now, REPLACED)
    connection = Connection(
        station_id=station.id,
        node=node,
        address=address,
        protocol=protocol,
        security_profile=station.security_profile if profile is None else profile,
        opened_at=now,
    )
    db.add(connection)
    db.flush()
    station.connection_id = connection.id
    station.connected_at = now
    station.last_seen_at = now
    station.protocol = protocol
    station.supported_orders = orders
    # Only changes are reported after a reconnect (1.6 section 4.9): what we hold may be old.
    db.execute(update(Connector).where(Connector.station_id == station.id).values(stale=True))
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    db.flush()
    return connection


def flapping(db: Session, station: Station, *, now: datetime) -> list[tuple[str, str]]:
    """What is odd about how often the station has connected lately: deviations, mostly none.

    `reconnect_loop`: it comes again and again, and what we send by ourselves may be why
    (FIELD B3).  `two_devices`: connections from different addresses push each other out, as two
    chargers do that were given the same identity (FIELD B11).
    """
    lately = db.scalars(
        select(Connection)
        .where(Connection.station_id == station.id, Connection.opened_at > now - LOOP_WITHIN)
        .order_by(Connection.id.desc())
        .limit(50)
    ).all()
    found = []
    if len(lately) > LOOP_RECONNECTS:
        minutes = round(LOOP_WITHIN.total_seconds() / 60)
        found.append(("reconnect_loop", f"{len(lately)} connections in {minutes} minutes"))
    swaps = [
        newer.address
        for newer, older in pairwise(lately)
        if older.close_reason == REPLACED
        and newer.address != older.address
        and newer.opened_at > now - SWAPS_WITHIN
    ]
    if len(swaps) >= SWAPS:
        found.append(("two_devices", " and ".join(sorted(set(swaps)))[:300]))
    return found


def close_connection(
    db: Session, connection_id: int, *, code: int | None, reason: str, now: datetime
) -> bool:
    """Note that a socket is gone; tell whether the station was still on it."""
    connection = db.get(Connection, connection_id)
    if connection is None:
        return False
    if connection.closed_at is None:
        connection.closed_at = now
        connection.close_code = code
        connection.close_reason = reason[:120]
    gone = db.execute(
        update(Station)
        .where(Station.id == connection.station_id, Station.connection_id == connection_id)
        .values(connection_id=None, disconnected_at=now)
    )
    station = connection.station
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    return bool(gone.rowcount)  # type: ignore[attr-defined]


def close_dead_nodes(db: Session, *, now: datetime) -> int:
    """Close the connections of workers that beat no more; return how many stations that cost."""
    alive = select(WorkerNode.node).where(WorkerNode.beat_at > now - ALIVE)
    dead = db.scalars(
        select(Connection).where(Connection.closed_at.is_(None), Connection.node.not_in(alive))
    ).all()
    for connection in dead:
        close_connection(db, connection.id, code=None, reason="the worker ended", now=now)
    return len(dead)


def reopen(db: Session, connection_ids: Iterable[int], *, now: datetime) -> int:
    """Take back connections that others closed in the belief that their worker was dead.

    `connection_ids` are those that the asking worker really holds; one whose
    station has a newer connection stays closed.  Returns how many were taken back.
    """
    lost = db.scalars(
        select(Connection).where(
            Connection.id.in_(list(connection_ids)), Connection.closed_at.is_not(None)
        )
    ).all()
    taken = 0
    for connection in lost:
        station = connection.station
        if station.connection_id is not None:
            continue
        connection.closed_at = connection.close_reason = connection.close_code = None
        station.connection_id = connection.id
        station.last_seen_at = now
        events.record(db, events.StationChanged(station.tenant_id, station.id))
        taken += 1
    return taken


def superseded(db: Session, connection_ids: Iterable[int]) -> list[int]:
    """Those of these connections whose station has a newer one, wherever that is held."""
    newer = select(Connection.id).join(Station, Station.id == Connection.station_id)
    ours = Connection.id.in_(list(connection_ids))
    return list(db.scalars(newer.where(ours, Station.connection_id > Connection.id)))


def seen(db: Session, station_ids: Iterable[int], *, now: datetime) -> None:
    """Note that something was heard of these stations."""
    ids = list(station_ids)
    if ids:
        db.execute(update(Station).where(Station.id.in_(ids)).values(last_seen_at=now))


def is_connected(db: Session, station: Station, now: datetime) -> bool:
    """Tell whether a living worker holds an open socket of the station."""
    if station.connection_id is None:
        return False
    given = {"connection": station.connection_id, "since": now - ALIVE}
    return db.scalar(HELD, given) is not None


def _close_all(db: Session, station_ids: list[int], now: datetime, reason: str) -> None:
    db.execute(
        update(Connection)
        .where(Connection.station_id.in_(station_ids), Connection.closed_at.is_(None))
        .values(closed_at=now, close_reason=reason)
    )


@dataclass(frozen=True, slots=True)
class Knock:
    """An attempt to connect, as the worker saw it; `path` has its secrets taken out."""

    identity: str
    path: str
    address: str
    subprotocols: str
    had_credentials: bool
    accepted: bool
    status: int
    reason: str
    sentence: str
    station_id: int | None
    tenant_id: int | None


@dataclass(slots=True)
class Tally:
    """Equal attempts: the newest of `count` of them, between two instants."""

    knock: Knock
    first_at: datetime
    last_at: datetime
    count: int = 1


def note_knocks(db: Session, tallies: Iterable[Tally]) -> None:
    """Keep attempts; the same refusal again within a minute only raises the count of its row."""
    tallies = list(tallies)
    rows = _recent_refusals(db, [tally for tally in tallies if not tally.knock.accepted])
    seen: set[tuple[int, int | None]] = set()
    for tally in tallies:
        knock = tally.knock
        key = (knock.identity[:128], knock.address[:64], knock.reason)
        row = None if knock.accepted else rows.get(key)
        if row is not None and row.last_at > tally.first_at - SAME_KNOCK:
            row.count += tally.count
            row.last_at = tally.last_at
            row.sentence = knock.sentence[:300]
        else:
            rows[key] = _attempt(tally)
            db.add(rows[key])
        if knock.tenant_id is not None:
            seen.add((knock.tenant_id, knock.station_id))
    for tenant_id, station_id in sorted(seen, key=str):
        events.record(db, events.HandshakeSeen(tenant_id, station_id))
    db.flush()


def _recent_refusals(
    db: Session, tallies: list[Tally]
) -> dict[tuple[str, str, str], HandshakeAttempt]:
    """The newest rows that equal refusals may share, by identity, address and reason."""
    if not tallies:
        return {}
    found = db.scalars(
        select(HandshakeAttempt)
        .where(
            HandshakeAttempt.identity.in_({tally.knock.identity[:128] for tally in tallies}),
            HandshakeAttempt.last_at > min(tally.first_at for tally in tallies) - SAME_KNOCK,
            ~HandshakeAttempt.accepted,
        )
        .order_by(HandshakeAttempt.id)
    )
    return {(row.identity, row.address, row.reason): row for row in found}


def _attempt(tally: Tally) -> HandshakeAttempt:
    knock = tally.knock
    return HandshakeAttempt(
        tenant_id=knock.tenant_id,
        station_id=knock.station_id,
        identity=knock.identity[:128],
        path=knock.path[:300],
        address=knock.address[:64],
        subprotocols=knock.subprotocols[:200],
        had_credentials=knock.had_credentials,
        accepted=knock.accepted,
        status=knock.status,
        reason=knock.reason,
        sentence=knock.sentence[:300],
        count=tally.count,
        first_at=tally.first_at,
        last_at=tally.last_at,
    )
