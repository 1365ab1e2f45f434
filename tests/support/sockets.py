"""Sockets of stations as the database knows them: opened and closed one at a time."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Order
from app.domain.network import presence
from app.domain.network.connections import Closed, Opened, close_all, open_all
from app.models import Connection, Station, WorkerNode
from tests.support import stations

#: What a station is asked to do that can do all.
EVERY_ORDER = [order.value for order in Order]


def open_connection(
    db: Session,
    station: Station,
    *,
    now: datetime,
    node: str = "worker-a",
    address: str = "192.0.2.9",
    protocol: str | None = "ocpp1.6",
    orders: list[str] | None = None,
    profile: int | None = None,
) -> Connection:
    """Note one accepted socket; rows that are held are read again."""
    db.flush()
    opened = Opened(station.id, node, address, protocol, orders or [], profile)
    [number] = open_all(db, [opened], now=now)
    db.expire_all()
    return db.get_one(Connection, number)


def connect(
    db: Session, station: Station, *, now: datetime, node: str = "worker-a", **given: Any
) -> Connection:
    """Have a worker that lives hold an open socket of the station."""
    presence.beat(db, node, now=now)
    return open_connection(db, station, now=now, node=node, **given)


def witness(db: Session, *, since: datetime, now: datetime) -> None:
    """Have a worker live that has said so all the time: whoever did not is dead."""
    presence.beat(db, "witness", now=now)
    db.get_one(WorkerNode, "witness").started_at = since
    db.flush()


def online_station(db: Session, *, now: datetime, protocol: str = "ocpp1.6") -> Station:
    """Register CP-7 with two connectors at the depot; it is connected and can do everything."""
    made = stations.register(db, connectors=2, now=now)
    connect(db, made, orders=EVERY_ORDER, protocol=protocol, now=now)
    return made


def close_connection(
    db: Session, connection_id: int, *, code: int | None = 1006, reason: str = "gone", now: datetime
) -> bool:
    """Note that one socket is gone; tells whether its station had no newer one."""
    db.flush()
    [was_its] = close_all(db, [Closed(connection_id, code, reason)], now=now)
    db.expire_all()
    return was_its
