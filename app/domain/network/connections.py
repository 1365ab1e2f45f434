"""Sockets of chargers, noted as they open and close: in sets, for all come back at once.

A station's newest connection is the one that its row names; ids only grow, so the late close of an
old socket leaves its successor alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import among
from app.models import Connection, Connector, Station

#: So many reconnects within this time are a loop.
LOOP_RECONNECTS, LOOP_WITHIN = 4, timedelta(minutes=5)
#: So often within this time one address may push out another before two devices are suspected.
SWAPS, SWAPS_WITHIN = 3, timedelta(minutes=1)
REPLACED = "replaced by a newer connection"

_STATION = Station.__table__
_CONNECTION = Connection.__table__
_CONNECTOR = Connector.__table__
_OPEN_STILL = _CONNECTION.c.closed_at.is_(None)

# Statements are built once: their compiled form is found again by identity.  Stations are locked
# and written in the order of their ids, so that workers cannot wait for each other in a circle.
_OPENING = (
    select(_STATION.c.id, _STATION.c.tenant_id, _STATION.c.security_profile)
    .where(among(_STATION.c.id, "stations"))
    .order_by(_STATION.c.id)
    .with_for_update(key_share=True)
)
_LOCKED = (
    select(_STATION.c.id)
    .where(among(_STATION.c.id, "stations"))
    .order_by(_STATION.c.id)
    .with_for_update(key_share=True)
)
_REPLACE = (
    update(_CONNECTION)
    .where(among(_CONNECTION.c.station_id, "stations"), _OPEN_STILL)
    .values(closed_at=bindparam("now"), close_reason=REPLACED)
)
_OPEN = insert(_CONNECTION).returning(_CONNECTION.c.id, sort_by_parameter_order=True)
_MOVE = (
    update(_STATION)
    .where(_STATION.c.id == bindparam("station"))
    .values(
        connection_id=bindparam("connection"),
        connected_at=bindparam("now"),
        last_seen_at=bindparam("now"),
        protocol=bindparam("spoken"),
        supported_orders=bindparam("orders"),
    )
)
_DOUBTED = (
    select(_CONNECTOR.c.id)
    .where(among(_CONNECTOR.c.station_id, "stations"), _CONNECTOR.c.stale.is_(False))
    .order_by(_CONNECTOR.c.id)
    .with_for_update(key_share=True)
)
_DOUBT = update(_CONNECTOR).where(among(_CONNECTOR.c.id, "connectors")).values(stale=True)
_LATE = (among(_CONNECTION.c.station_id, "stations"), _CONNECTION.c.opened_at > bindparam("since"))
_OFTEN = (
    select(_CONNECTION.c.station_id)
    .where(*_LATE)
    .group_by(_CONNECTION.c.station_id)
    .having(func.count() > min(LOOP_RECONNECTS, SWAPS))
)
_LATELY = select(_CONNECTION).where(*_LATE)
_LATELY = _LATELY.order_by(_CONNECTION.c.station_id, _CONNECTION.c.id.desc())
_CLOSING = (
    select(
        *(_CONNECTION.c.id, _CONNECTION.c.station_id),
        *(_STATION.c.tenant_id, _STATION.c.connection_id),
    )
    .join(_STATION, _STATION.c.id == _CONNECTION.c.station_id)
    .where(among(_CONNECTION.c.id, "connections"))
    .order_by(_STATION.c.id)
    .with_for_update(key_share=True, of=_STATION)
)
_CLOSE = (
    update(_CONNECTION)
    .where(_CONNECTION.c.id == bindparam("connection"), _OPEN_STILL)
    .values(
        closed_at=bindparam("now"), close_code=bindparam("code"), close_reason=bindparam("reason")
    )
)
_LEAVE = (
    update(_STATION)
    .where(among(_STATION.c.id, "stations"), among(_STATION.c.connection_id, "connections"))
    .values(connection_id=None, disconnected_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Opened:
    """An accepted socket: of which station and on which worker, and what may be ordered over it.

    `profile` is the security profile that it used; None: the station's.
    """

    station_id: int
    node: str
    address: str
    protocol: str | None
    orders: Sequence[str]
    profile: int | None = None


def lock(db: Session, station_ids: Iterable[int]) -> None:
    """Lock stations in the order of their ids, before anything is written of any of them."""
    db.execute(_LOCKED, {"stations": list(station_ids)}).all()


def open_all(db: Session, opened: Sequence[Opened], *, now: datetime) -> list[int]:
    """Note accepted sockets, of each station one; return the ids of their rows, in their order.

    The newest one is its station's, whatever closes later.  Stations are locked before an id is
    drawn, so that of two workers the one that wrote last has the higher one.
    """
    ours = {"stations": [one.station_id for one in opened]}
    stations = {row.id: row for row in db.execute(_OPENING, ours)}
    db.execute(_REPLACE, {**ours, "now": now})
    rows = [
        {
            "station_id": one.station_id,
            "node": one.node,
            "address": one.address,
            "protocol": one.protocol,
            "security_profile": stations[one.station_id].security_profile
            if one.profile is None
            else one.profile,
            "opened_at": now,
        }
        for one in opened
    ]
    ids = list(db.execute(_OPEN, rows).scalars())
    moves = [
        {
            "station": one.station_id,
            "connection": number,
            "spoken": one.protocol,
            "orders": list(one.orders),
            "now": now,
        }
        for one, number in zip(opened, ids, strict=True)
    ]
    db.execute(_MOVE, sorted(moves, key=lambda move: move["station"]))
    # Only changes are reported after a reconnect (1.6 section 4.9): what we hold may be old.
    if doubted := db.execute(_DOUBTED, ours).scalars().all():
        db.execute(_DOUBT, {"connectors": doubted})
    for row in stations.values():
        events.record(db, events.StationChanged(row.tenant_id, row.id))
    return ids


def flapping(
    db: Session, station_ids: Iterable[int], *, now: datetime
) -> dict[int, list[tuple[str, str]]]:
    """What is odd about how often these stations have connected lately: deviations, mostly none.

    `reconnect_loop`: it comes again and again, and what we send by ourselves may be why
    (FIELD B3).  `two_devices`: connections from different addresses push each other out, as two
    chargers do that were given the same identity (FIELD B11).
    """
    since = {"since": now - LOOP_WITHIN}
    often = db.execute(_OFTEN, {"stations": list(station_ids), **since}).scalars().all()
    if not often:
        return {}
    rows = db.execute(_LATELY, {"stations": often, **since}).all()
    lately = {number: list(group) for number, group in groupby(rows, lambda row: row.station_id)}
    return {number: odd for number, group in lately.items() if (odd := _odd(group, now))}


def _odd(lately: list[Any], now: datetime) -> list[tuple[str, str]]:
    """What is odd about the connections of one station, the newest first."""
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


@dataclass(frozen=True, slots=True)
class Closed:
    """A socket that is gone, and why; `code` is None where none was said."""

    connection_id: int
    code: int | None
    reason: str


def close_all(db: Session, closed: Sequence[Closed], *, now: datetime) -> list[bool]:
    """Note that sockets are gone; tell of each whether its station was still on it."""
    numbers = [one.connection_id for one in closed]
    rows = {row.id: row for row in db.execute(_CLOSING, {"connections": numbers})}
    ends = [
        {"connection": one.connection_id, "code": one.code, "reason": one.reason[:120], "now": now}
        for one in closed
        if one.connection_id in rows
    ]
    if ends:
        db.execute(_CLOSE, ends)
    left = [row.station_id for row in rows.values() if row.connection_id == row.id]
    if left:
        db.execute(_LEAVE, {"stations": left, "connections": numbers, "now": now})
    for row in rows.values():
        events.record(db, events.StationChanged(row.tenant_id, row.station_id))
    gone = set(left)
    return [number in rows and rows[number].station_id in gone for number in numbers]
