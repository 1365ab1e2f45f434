"""The book of some sessions: all that is known of them, read with one select for each table.

Whatever weighs a session asks its book, be the session alone or one of many.
The sessions themselves are live: what one of a set comes to counts for the next.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.billing.chain import OF_EVENT, OF_READING, Evidence, tariff_digests
from app.domain.billing.rules import Rules, rules_of
from app.domain.keyed import Keyed, by_first
from app.domain.tariffs import Tariff, TariffError, from_json
from app.models import (
    ChargingSession,
    Connection,
    Connector,
    MeterReading,
    Settlement,
    Station,
    StatusEvent,
    TariffVersion,
    Tenant,
    TransactionEvent,
)
from app.models.session_revisions import KEPT

#: Sessions before and after one, at its plug, that are looked at.
BEFORE, AFTER = 6, 3

_SESSION: Any = ChargingSession.__table__
_STATUS: Any = StatusEvent.__table__
_READING: Any = MeterReading.__table__
_EVENT: Any = TransactionEvent.__table__
_CONNECTOR: Any = Connector.__table__
_STATION: Any = Station.__table__

_PLUG = {"id": "bigint", "station_id": "bigint", "evse": "integer", "connector": "integer"}
_SPAN = {"since": "timestamptz", "until": "timestamptz"}
_AT_PLUG = "{0}.station_id = k.station_id AND {0}.evse = k.evse AND {0}.connector = k.connector"
_ENDED = f"{_AT_PLUG.format('b')} AND b.state = 'ended' AND b.id <> k.id"
_FOUND = "s.id {ids} SELECT b.id FROM "

_OF_STRETCH = (
    *("id", "started_at", "ended_at", "meter_start_wh", "meter_stop_wh", "last_register_wh"),
    *("energy_wh", "flags", "billing"),
)
_EARLIER = Keyed(
    _SESSION, _OF_STRETCH, {**_PLUG, "since": "timestamptz"},
    f"{_FOUND} charging_sessions AS b WHERE {_ENDED} AND b.started_at <= k.since "
    f"ORDER BY b.started_at DESC, b.id DESC LIMIT {BEFORE} {{end}} "
    "ORDER BY s.started_at DESC, s.id DESC",
)  # fmt: skip
_LATER = Keyed(
    _SESSION, _OF_STRETCH, {**_PLUG, "since": "timestamptz"},
    f"{_FOUND} charging_sessions AS b WHERE {_ENDED} AND b.started_at > k.since "
    f"ORDER BY b.started_at, b.id LIMIT {AFTER} {{end}} ORDER BY s.started_at, s.id",
)  # fmt: skip
_TWINS = Keyed(
    _SESSION, _OF_STRETCH, {**_PLUG, "first_wh": "bigint", "last_wh": "bigint"},
    f"{_FOUND} charging_sessions AS b WHERE {_ENDED} AND b.meter_start_wh = k.first_wh "
    "AND b.meter_stop_wh = k.last_wh ORDER BY b.started_at, b.id LIMIT 1 {end}",
)  # fmt: skip
_OF_STATUS = ("id", "at", "received_at", "availability", "activity")
_LAST_STATUS = Keyed(
    _STATUS, _OF_STATUS, {**_PLUG, "since": "timestamptz"},
    f"{_FOUND} status_events AS b WHERE {_AT_PLUG.format('b')} AND b.at <= k.since "
    "ORDER BY b.at DESC, b.id DESC LIMIT 1 {end}",
)  # fmt: skip
_STATUSES = Keyed(
    _STATUS, _OF_STATUS, {**_PLUG, **_SPAN},
    f"{_AT_PLUG.format('s')} AND s.at > k.since AND s.at < k.until ORDER BY s.at, s.id",
)  # fmt: skip
_CONNECTIONS = Keyed(
    Connection.__table__, ("opened_at", "closed_at"),
    {"id": "bigint", "station_id": "bigint", **_SPAN},
    "s.station_id = k.station_id AND s.opened_at <= k.until "
    "AND (s.closed_at IS NULL OR s.closed_at >= k.since) ORDER BY s.id",
)  # fmt: skip
_SETTLED = Keyed(
    Settlement.__table__, ("psp_reference", "amount", "receipt_number"),
    {"id": "bigint", "station_id": "bigint", "ref": "text"},
    "s.station_id = k.station_id AND s.state = 'settled' AND (s.session_id = k.id "
    "OR (s.session_id IS NULL AND s.transaction_ref = k.ref)) ORDER BY s.settled_at, s.id",
)  # fmt: skip

_IDS: Any = bindparam("ids", expanding=True)
_READINGS = (
    select(_READING.c.session_id, _READING.c.id, *(_READING.c[name] for name in OF_READING))
    .add_columns(_READING.c.power_w)
    .where(_READING.c.session_id.in_(_IDS))
    .order_by(_READING.c.id)
)
_EVENTS = (
    select(_EVENT.c.session_id, _EVENT.c.id, *(_EVENT.c[name] for name in OF_EVENT))
    .where(_EVENT.c.session_id.in_(_IDS))
    .order_by(_EVENT.c.id)
)
_PLUGS = select(
    *(_CONNECTOR.c[name] for name in ("station_id", "evse", "connector")),
    *(_CONNECTOR.c[name] for name in ("max_power_w", "plug_type", "measured_power_w")),
).where(_CONNECTOR.c.station_id.in_(_IDS))
_POWERS = select(_STATION.c.id, _STATION.c.max_power_w).where(_STATION.c.id.in_(_IDS))

_plug_of = attrgetter("station_id", "evse", "connector")
_registers = attrgetter(*KEPT)
_by_clock = attrgetter("at", "seq_no", "digest")


@dataclass(slots=True)
class PlugRow:
    """What is known of a plug's power, in W; `measured_w` grows as its sessions are billed."""

    stated_w: float | None = None
    kind: str | None = None
    measured_w: float | None = None
    grew: bool = False


@dataclass(slots=True)
class Book:
    """What is known of some sessions, by their ids; rows are plain and in order.

    `readings` and `events` are in the order of their ids, a plug's `statuses` in
    the order of time: the last that it said before the session is the first.
    """

    db: Session
    now: datetime
    sessions: dict[int, ChargingSession]
    readings: dict[int, list[Any]]
    events: dict[int, list[Any]]
    settled: dict[int, list[Any]]
    earlier: dict[int, list[Any]]
    later: dict[int, list[Any]]
    twins: dict[int, list[Any]]
    plugs: dict[tuple[int, int, int], PlugRow]
    powers: dict[int, float | None]
    statuses: dict[int, list[Any]] = field(default_factory=dict)
    connections: dict[int, list[Any]] = field(default_factory=dict)
    until: dict[int, datetime] = field(default_factory=dict)
    tenants: dict[int, Tenant] = field(default_factory=dict)
    tariffs: dict[int, Tariff | None] = field(default_factory=dict)

    def live(self, row: Any) -> Any:
        """A session's row as it stands now: the session itself where it is one of these."""
        return self.sessions.get(row.id, row)

    def plug(self, session: ChargingSession) -> PlugRow:
        """The row of a session's plug; one of which nothing is known where there is none."""
        return self.plugs.setdefault(_plug_of(session), PlugRow())

    def stated_w(self, session: ChargingSession) -> float | None:
        """The greatest power that the owner states for a session's plug, or for its station."""
        return self.plug(session).stated_w or self.powers.get(session.station_id)

    def rules(self, session: ChargingSession) -> Rules:
        """By which rules a session's bill is made."""
        return rules_of(self.tenant(session))

    def tenant(self, session: ChargingSession) -> Tenant:
        """Who a session belongs to."""
        if session.tenant_id not in self.tenants:
            self.tenants[session.tenant_id] = self.db.get_one(Tenant, session.tenant_id)
        return self.tenants[session.tenant_id]

    def evidence(self) -> Evidence:
        """What bills of these sessions rest on: the very rows that they were weighed by."""
        self.db.flush()
        newest = {number: each.revision for number, each in self.sessions.items()}
        versions = {each.tariff_version_id or 0 for each in self.sessions.values()}
        return Evidence(
            registers={
                (number, newest[number]): _registers(each) for number, each in self.sessions.items()
            },
            newest=newest,
            readings=_columns(self.readings, len(OF_READING)),
            events=_columns(self.events, len(OF_EVENT)),
            tariffs=tariff_digests(self.db, versions),
        )

    def tariff(self, version: TariffVersion | None) -> Tariff | None:
        """The tariff of a version, read once; None where it cannot be read."""
        if version is None:
            return None
        if version.id not in self.tariffs:
            try:
                self.tariffs[version.id] = from_json(version.definition)
            except TariffError:
                self.tariffs[version.id] = None
        return self.tariffs[version.id]

    def in_time(self, session: ChargingSession) -> list[Any]:
        """The events of a session's transaction by the station's clock and numbering."""
        return sorted(self.events.get(session.id, ()), key=_by_clock)

    def told_until(self, session: ChargingSession, until: datetime) -> None:
        """Have what the plug said and its connections known up to an instant."""
        if until > self.until[session.id]:
            self._read_plugs([session], {session.id: until})

    def _read_plugs(self, sessions: Sequence[ChargingSession], until: dict[int, datetime]) -> None:
        """Read the statuses of some sessions, and the connections since the first of them."""
        self.until |= until
        own = [(each.id, *_plug_of(each), each.started_at) for each in sessions]
        before = _LAST_STATUS(self.db, own)
        within = _STATUSES(self.db, [(*key, until[key[0]]) for key in own])
        connected = []
        for number, station_id, _, _, since in own:
            self.statuses[number] = [*before.get(number, ()), *within.get(number, ())]
            if number in before:
                since = before[number][0].at
            connected.append((number, station_id, since, until[number]))
        found = _CONNECTIONS(self.db, connected)
        self.connections |= {each.id: found.get(each.id, []) for each in sessions}


def _columns(rows: dict[int, list[Any]], count: int) -> dict[int, list[Any]]:
    """The id of each row and so many of its columns."""
    return {number: [row[1 : count + 2] for row in each] for number, each in rows.items()}


def book_of(db: Session, sessions: Iterable[ChargingSession], now: datetime) -> Book:
    """Read all that is known of some sessions; what they say of themselves counts as it is."""
    own = list(sessions)
    if db.autoflush:
        db.flush()
    ids = {"ids": [each.id for each in own]}
    stations = {"ids": list({each.station_id for each in own})}
    connection = db.connection()
    keys = [(each.id, *_plug_of(each)) for each in own]
    at = [(*key, each.started_at) for key, each in zip(keys, own, strict=True)]
    registers = [
        (*key, each.meter_start_wh, each.meter_stop_wh)
        for key, each in zip(keys, own, strict=True)
        if None not in (each.meter_start_wh, each.meter_stop_wh)
    ]
    book = Book(
        db=db,
        now=now,
        sessions={each.id: each for each in own},
        readings=by_first(connection.execute(_READINGS, ids)),
        events=by_first(connection.execute(_EVENTS, ids)),
        settled=_SETTLED(db, [(each.id, each.station_id, each.transaction_ref) for each in own]),
        earlier=_EARLIER(db, at),
        later=_LATER(db, at),
        twins=_TWINS(db, registers),
        plugs={row[:3]: PlugRow(*row[3:]) for row in connection.execute(_PLUGS, stations)},
        powers={row.id: row.max_power_w for row in connection.execute(_POWERS, stations)},
    )
    book._read_plugs(own, {each.id: each.ended_at or now for each in own})
    return book
