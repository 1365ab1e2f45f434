"""Sockets of chargers, noted as they open and close, and who knocked: in sets, as all come at once.

A station's newest connection is the one that its row names; ids only grow, so the late close of an
old socket leaves its successor alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, among
from app.domain.ground.vocabulary import Json
from app.models import Connection, Connector, HandshakeAttempt, Station

#: So many reconnects within this time are a loop.
LOOP_RECONNECTS, LOOP_WITHIN = 4, timedelta(minutes=5)
#: So often within this time one address may push out another before two devices are suspected.
SWAPS, SWAPS_WITHIN = 3, timedelta(minutes=1)
REPLACED = "replaced by a newer connection"

_STATION = Station.__table__
_CONNECTION = Connection.__table__
_CONNECTOR = Connector.__table__
_OPEN_STILL = _CONNECTION.c.closed_at.is_(None)

# Statements are built once: their compiled form is found again by identity.  Who may wait for a
# station, and when: docs/adr/stations-first.md.
_LOCKED = (
    select(_STATION.c.id)
    .where(among(_STATION.c.id, "stations"))
    .order_by(_STATION.c.id)
    .with_for_update(key_share=True)
)
_OPENING = _LOCKED.add_columns(_STATION.c.tenant_id, _STATION.c.security_profile)
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
_TO_CLOSE = (
    select(
        *(_CONNECTION.c.id, _CONNECTION.c.station_id),
        *(_STATION.c.tenant_id, _STATION.c.connection_id),
    )
    .join(_STATION, _STATION.c.id == _CONNECTION.c.station_id)
    .where(among(_CONNECTION.c.id, "connections"))
    .order_by(_STATION.c.id)
)
_CLOSING = {
    wait: _TO_CLOSE.with_for_update(key_share=True, of=_STATION, skip_locked=not wait)
    for wait in (True, False)
}
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


def close_all(
    db: Session, closed: Sequence[Closed], *, now: datetime, wait: bool = True
) -> list[bool]:
    """Note that sockets are gone; tell of each whether its station was still on it.

    Without `wait` those whose station another holds are left as they are.
    """
    numbers = [one.connection_id for one in closed]
    rows = {row.id: row for row in db.execute(_CLOSING[wait], {"connections": numbers})}
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


#: Equal refusals within this time share one row, and those of too many names or addresses this one.
SAME_KNOCK, MANY = timedelta(minutes=1), "(many)"

_ATTEMPT = HandshakeAttempt.__table__
_LONGEST = {"identity": 128, "path": 300, "address": 64, "subprotocols": 200, "sentence": 300}
_OF_ATTEMPT = tuple(column.name for column in _ATTEMPT.c if column.name != "id")
_NOTE_KNOCK = BulkInsert(_ATTEMPT, _OF_ATTEMPT)
#: What a refusal that comes again changes in its row, and how the row is found.
_OURS = ("id", "count", "last_at", "sentence")
_AGAIN = (
    update(_ATTEMPT)
    .where(_ATTEMPT.c.id == bindparam("its_id"))
    .values({name: bindparam(f"its_{name}") for name in _OURS[1:]})
)
_RECENT = (
    select(*(_ATTEMPT.c[name] for name in (*_OURS, "identity", "address", "reason")))
    .where(
        among(_ATTEMPT.c.identity, "identities"),
        _ATTEMPT.c.last_at > bindparam("since"),
        ~_ATTEMPT.c.accepted,
    )
    .order_by(_ATTEMPT.c.id)
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
class KnockTally:
    """Equal attempts: the newest of `count` of them, between two instants."""

    knock: Knock
    first_at: datetime
    last_at: datetime
    count: int = 1


def note_knocks(db: Session, tallies: Iterable[KnockTally]) -> None:
    """Keep attempts; the same refusal again within a minute only raises the count of its row."""
    tallies = list(tallies)
    rows = _recent_refusals(db, [tally for tally in tallies if not tally.knock.accepted])
    new: list[Json] = []
    again: dict[int, Json] = {}
    for tally in tallies:
        attempt = _attempt(tally)
        key = (attempt["identity"], attempt["address"], attempt["reason"])
        row = None if attempt["accepted"] else rows.get(key)
        if row is None or row["last_at"] <= tally.first_at - SAME_KNOCK:
            new.append(attempt)
            rows[key] = attempt
            continue
        row["count"] += tally.count
        row |= {"last_at": tally.last_at, "sentence": attempt["sentence"]}
        if "id" in row:
            again[row["id"]] = row
    if again:
        db.execute(_AGAIN, [{f"its_{name}": row[name] for name in _OURS} for row in again.values()])
    _NOTE_KNOCK(db, [tuple(attempt[name] for name in _OF_ATTEMPT) for attempt in new])
    about = {(tally.knock.tenant_id, tally.knock.station_id) for tally in tallies}
    for tenant_id, station_id in sorted(about, key=str):
        if tenant_id is not None:
            events.record(db, events.HandshakeSeen(tenant_id, station_id))


def _recent_refusals(db: Session, tallies: list[KnockTally]) -> dict[tuple[str, str, str], Json]:
    """The newest rows that equal refusals may share, by identity, address and reason."""
    if not tallies:
        return {}
    found = db.execute(
        _RECENT,
        {
            "identities": list({tally.knock.identity[:128] for tally in tallies}),
            "since": min(tally.first_at for tally in tallies) - SAME_KNOCK,
        },
    )
    return {(row["identity"], row["address"], row["reason"]): dict(row) for row in found.mappings()}


def _attempt(tally: KnockTally) -> Json:
    """The row of an attempt, by column; texts that are too long are cut."""
    row = asdict(tally.knock)
    row |= {name: row[name][:most] for name, most in _LONGEST.items()}
    return row | {"count": tally.count, "first_at": tally.first_at, "last_at": tally.last_at}
