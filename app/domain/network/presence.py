"""Which station is connected, through which worker.

The row is the truth: a station is connected while `connection_id` names an open
connection of a node whose beat is fresh.  The id is a fence: it only grows, so
the late close of an old socket cannot evict its successor.

That a node says nothing is no sign while nobody does: the database was away.  It is dead when
another one has lived through that time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.vocabulary import Json
from app.domain.network.connections import Closed, close_all
from app.models import Connection, Station, WorkerNode

#: How often a worker says that it lives, and how long it is believed.
BEAT_S = 5
ALIVE = timedelta(seconds=20)
#: A worker whose loop is so late keeps its chargers waiting; it is shown for a while.
SLOW_MS = 250
SLOW_SHOWN = timedelta(minutes=10)
#: A connection this young may not be known yet to the worker that holds it.
YOUNG = timedelta(seconds=10)
UNNOTICED = "it ended while the database was away"

_STATION = Station.__table__
_CONNECTION = Connection.__table__
_OPEN_STILL = _CONNECTION.c.closed_at.is_(None)
_OPEN_OF = select(_CONNECTION.c.id, _CONNECTION.c.opened_at).where(
    _OPEN_STILL, _CONNECTION.c.node == bindparam("node")
)
_LATER = _CONNECTION.alias()
_HAS_NEWER = (
    select(_LATER.c.id)
    .where(_LATER.c.station_id == _CONNECTION.c.station_id, _LATER.c.id > _CONNECTION.c.id)
    .exists()
)
_LOST = (
    select(_CONNECTION.c.id, _CONNECTION.c.station_id, _STATION.c.tenant_id)
    .join(_STATION, _STATION.c.id == _CONNECTION.c.station_id)
    .where(
        among(_CONNECTION.c.id, "connections"),
        _CONNECTION.c.closed_at.is_not(None),
        _STATION.c.connection_id.is_(None),
        ~_HAS_NEWER,
    )
    .order_by(_STATION.c.id)
    .with_for_update(key_share=True, of=_STATION, skip_locked=True)
)
_SUPERSEDED = select(_CONNECTION.c.id).where(among(_CONNECTION.c.id, "connections"), _HAS_NEWER)
_REOPEN = (
    update(_CONNECTION)
    .where(among(_CONNECTION.c.id, "connections"))
    .values(closed_at=None, close_reason=None, close_code=None)
)
_TAKE_BACK = (
    update(_STATION)
    .where(_STATION.c.id == bindparam("station"))
    .values(connection_id=bindparam("connection"), last_seen_at=bindparam("now"))
)
# One that is locked is being written by what was heard of it, and its turn comes again
# (docs/adr/stations-first.md).
_FREE = (
    select(_STATION.c.id)
    .where(among(_STATION.c.id, "stations"))
    .order_by(_STATION.c.id)
    .with_for_update(key_share=True, skip_locked=True)
)
_SEEN = (
    update(_STATION).where(among(_STATION.c.id, "stations")).values(last_seen_at=bindparam("now"))
)

_NODE = WorkerNode.__table__


def _held(connection: Any, since: Any) -> Select[Any]:
    """A connection that is open, of a worker that has said since an instant that it lives."""
    return (
        select(_CONNECTION.c.id)
        .select_from(_CONNECTION.join(_NODE, _NODE.c.node == _CONNECTION.c.node))
        .where(_CONNECTION.c.id == connection, _OPEN_STILL, _NODE.c.beat_at > since)
    )


#: What `is_connected` asks, built once; its parameters are those of `held_by`.
HELD = _held(bindparam("connection"), bindparam("since")).exists()


def held_by(station: Station, now: datetime) -> Json:
    """The parameters of `HELD` for a station."""
    return {"connection": station.connection_id, "since": now - ALIVE}


def is_connected(db: Session, station: Station, now: datetime) -> bool:
    """Tell whether a living worker holds an open socket of the station."""
    return bool(db.scalar(select(HELD), held_by(station, now)))


def connected(now: datetime) -> ColumnElement[bool]:
    """The condition that a living worker holds an open socket of the station."""
    return _held(Station.connection_id, now - ALIVE).exists()


def alive(now: datetime) -> ColumnElement[bool]:
    """The condition that a worker lives."""
    return WorkerNode.beat_at > now - ALIVE


def dead(now: datetime, node: Any) -> ColumnElement[bool]:
    """The condition that the worker of this name is dead."""
    witness = alive(now) & (WorkerNode.started_at <= now - ALIVE)
    living = select(WorkerNode.node).where(alive(now))
    return and_(select(WorkerNode.node).where(witness).exists(), node.not_in(living))


def beat(db: Session, node: str, *, now: datetime, lag_ms: int = 0) -> None:
    """Note that the worker `node` lives, and how late its loop was since it last said so."""
    row = db.get(WorkerNode, node)
    if row is None:
        row = WorkerNode(node=node, started_at=now)
        db.add(row)
    elif row.beat_at <= now - ALIVE:
        row.started_at = now
    row.beat_at, row.lag_ms = now, lag_ms
    if lag_ms >= SLOW_MS:
        row.slow_at, row.slow_ms = now, lag_ms
    db.flush()


def note_spool(db: Session, node: str, frames: int, size: int, since: datetime | None) -> None:
    """Note what waits in the spool of the worker `node`: so many bytes, the first since then."""
    row = db.get(WorkerNode, node)
    if row is not None:
        row.spooled, row.spooled_bytes, row.spooled_since = frames, size, since


def spooling(db: Session, *, now: datetime) -> list[WorkerNode]:
    """The workers that live and have messages in their spools, the oldest message first."""
    full = select(WorkerNode).where(alive(now), WorkerNode.spooled > 0)
    return list(db.scalars(full.order_by(WorkerNode.spooled_since)))


def slow_workers(db: Session, *, now: datetime) -> list[WorkerNode]:
    """The workers that live and were too late for their chargers a short while ago."""
    late = select(WorkerNode).where(alive(now), WorkerNode.slow_at > now - SLOW_SHOWN)
    return list(db.scalars(late.order_by(WorkerNode.slow_at.desc())))


def close_dead_nodes(db: Session, *, now: datetime) -> int:
    """Close the connections of workers that beat no more; return how many stations that cost."""
    over = db.scalars(
        select(Connection.id).where(Connection.closed_at.is_(None), dead(now, Connection.node))
    ).all()
    closed = [Closed(number, None, "the worker ended") for number in over]
    return sum(close_all(db, closed, now=now, wait=False)) if closed else 0


def settle(
    db: Session, node: str, connection_ids: Iterable[int], *, now: datetime
) -> frozenset[int]:
    """Bring the rows of the worker `node` to what it really holds: `connection_ids`.

    What it holds no more is closed; what others closed in the belief that it was dead is taken
    back.  Returns those whose stations have come over newer connections, wherever those are.
    """
    held = set(connection_ids)
    there = {row.id: row.opened_at for row in db.execute(_OPEN_OF, {"node": node})}
    ghosts = [id_ for id_, at in there.items() if id_ not in held and at <= now - YOUNG]
    if ghosts:
        closed = [Closed(number, None, UNNOTICED) for number in ghosts]
        close_all(db, closed, now=now, wait=False)
    missing = sorted(held - there.keys())
    if not missing:
        return frozenset()
    _take_back(db, missing, now)
    return frozenset(db.execute(_SUPERSEDED, {"connections": missing}).scalars())


def _take_back(db: Session, missing: list[int], now: datetime) -> None:
    lost = db.execute(_LOST, {"connections": missing}).all()
    if lost:
        db.execute(_REOPEN, {"connections": [row.id for row in lost]})
        db.execute(
            _TAKE_BACK,
            [{"station": row.station_id, "connection": row.id, "now": now} for row in lost],
        )
    for row in lost:
        events.record(db, events.StationChanged(row.tenant_id, row.station_id))


def seen(db: Session, station_ids: Iterable[int], *, now: datetime) -> None:
    """Note that something was heard of these stations."""
    if found := free(db, station_ids):
        db.execute(_SEEN, {"stations": found, "now": now})


def free(db: Session, station_ids: Iterable[int]) -> Sequence[int]:
    """Lock those of these stations that nobody holds, and return them."""
    return db.execute(_FREE, {"stations": list(station_ids)}).scalars().all()


@dataclass(frozen=True, slots=True)
class Silence:
    """No worker answers; `since` is its last sign, None where none ever came."""

    since: datetime | None


def newest_beat(db: Session) -> datetime | None:
    """When any worker last said that it lives."""
    return db.scalar(select(func.max(WorkerNode.beat_at)))


def silence(db: Session, *, now: datetime) -> Silence | None:
    """Tell since when no worker answers; None while one does."""
    return silence_since(newest_beat(db), now)


def silence_since(newest: datetime | None, now: datetime) -> Silence | None:
    """Tell whether it is silent, by the newest sign of any worker."""
    return None if newest is not None and newest > now - ALIVE else Silence(newest)
