"""The book of some sessions: all that is known of them, read with one select for each table.

Whatever weighs a session asks its book, be the session alone or one of many.
The sessions themselves are live: what one of a set comes to counts for the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from app.domain.charging import remote_starts
from app.domain.charging.running import OF_STATION
from app.domain.charging.sessions.row import AnySession
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead, Keyed, Keys, by_first
from app.domain.ground.vocabulary import Json
from app.domain.money.billing.chain import OF_EVENT, OF_READING, Evidence, tariff_digests
from app.domain.money.billing.plug_words import AT_PLUG, FOUND, KEY, connections_of, statuses_of
from app.domain.money.tariffs import Tariff, TariffError, from_json
from app.models import (
    ChargingSession,
    Connector,
    MeterReading,
    Settlement,
    Station,
    TariffVersion,
    Tenant,
    TransactionEvent,
)
from app.models.sessions import KEPT

#: Sessions before and after one, at its plug, that are looked at.
BEFORE, AFTER = 6, 3

_SESSION = ChargingSession.__table__
_READING = MeterReading.__table__
_EVENT = TransactionEvent.__table__
_CONNECTOR = Connector.__table__
_STATION = Station.__table__
_VERSION = TariffVersion.__table__
_TENANT = Tenant.__table__

#: What a session's key tells here besides, and the types of it on PostgreSQL.
_KEY = {**KEY, "first_wh": "bigint", "last_wh": "bigint", "ref": "text"}
_ENDED = f"{AT_PLUG.format('b')} AND b.state = 'ended' AND b.id <> k.id"

_OF_STRETCH = (
    *("id", "started_at", "ended_at", "meter_start_wh", "meter_stop_wh", "last_register_wh"),
    *("energy_wh", "flags", "billing"),
)
_EARLIER = Keyed(
    _SESSION, _OF_STRETCH, _KEY,
    f"{FOUND} charging_sessions AS b WHERE {_ENDED} AND b.started_at <= k.since "
    f"ORDER BY b.started_at DESC, b.id DESC LIMIT {BEFORE} {{end}} "
    "ORDER BY s.started_at DESC, s.id DESC",
)  # fmt: skip
_LATER = Keyed(
    _SESSION, _OF_STRETCH, _KEY,
    f"{FOUND} charging_sessions AS b WHERE {_ENDED} AND b.started_at > k.since "
    f"ORDER BY b.started_at, b.id LIMIT {AFTER} {{end}} ORDER BY s.started_at, s.id",
)  # fmt: skip
#: A station that changed between 1.6 and 2.x may tell a session again, and of another plug: the two
#: count plugs otherwise.
_OTHERWISE = (
    f"(substr(b.start_key, 1, {len(OF_STATION)}) = '{OF_STATION}') <> "
    f"(SELECT substr(o.start_key, 1, {len(OF_STATION)}) = '{OF_STATION}' "
    "FROM charging_sessions AS o WHERE o.id = k.id) "
    "AND b.started_at < k.until AND b.ended_at > k.since"
)
_TWINS = Keyed(
    _SESSION, _OF_STRETCH, _KEY,
    f"{FOUND} charging_sessions AS b WHERE b.station_id = k.station_id AND b.state = 'ended' "
    "AND b.id <> k.id AND b.meter_start_wh = k.first_wh AND b.meter_stop_wh = k.last_wh "
    f"AND ({AT_PLUG.format('b')} OR {_OTHERWISE}) ORDER BY b.started_at, b.id LIMIT 1 {{end}}",
)  # fmt: skip
_SETTLED = Keyed(
    Settlement.__table__, ("psp_reference", "amount", "receipt_number"), _KEY,
    "s.station_id = k.station_id AND s.state = 'settled' AND (s.session_id = k.id "
    "OR (s.session_id IS NULL AND s.transaction_ref = k.ref)) ORDER BY s.settled_at, s.id",
)  # fmt: skip

_READINGS = BulkRead(
    select(_READING.c.session_id, _READING.c.id, *(_READING.c[name] for name in OF_READING))
    .add_columns(_READING.c.power_w)
    .where(among(_READING.c.session_id, "ids"))
    .order_by(_READING.c.id)
)
_EVENTS = BulkRead(
    select(_EVENT.c.session_id, _EVENT.c.id, *(_EVENT.c[name] for name in OF_EVENT))
    .where(among(_EVENT.c.session_id, "ids"))
    .order_by(_EVENT.c.id)
)
_PLUGS = BulkRead(
    select(
        *(_CONNECTOR.c[name] for name in ("station_id", "evse", "connector")),
        *(_CONNECTOR.c[name] for name in ("max_power_w", "plug_type", "measured_power_w")),
    ).where(among(_CONNECTOR.c.station_id, "ids"))
)
_POWERS = BulkRead(select(_STATION.c.id, _STATION.c.max_power_w).where(among(_STATION.c.id, "ids")))
_DEFINITIONS = BulkRead(
    select(_VERSION.c.id, cast(_VERSION.c.definition, Text)).where(among(_VERSION.c.id, "ids"))
)

_plug_of = attrgetter("station_id", "evse", "connector")
_KEY_NAMES = tuple(_KEY)
_registers = attrgetter(*KEPT)
_by_clock = attrgetter("at", "seq_no", "digest")


class Rules(NamedTuple):
    """By which rules a tenant's bills are made; each has a default and is set by an admin.

    A session below both `least_energy_wh` and `least_duration_s` costs nothing
    and is told to nobody.  A late difference below `late_below_minor` is noted
    on the session.  `idle_from_readings`: a still meter is billed as idle.
    """

    least_energy_wh: int
    least_duration_s: int
    late_below_minor: int
    idle_from_readings: bool


_RULES = BulkRead(
    select(_TENANT.c.id, *(_TENANT.c[name] for name in Rules._fields)).where(
        among(_TENANT.c.id, "tenants")
    )
)


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
    `statuses` and `connections` are known up to `until`, once `told_until` has asked.
    """

    db: Session
    now: datetime
    sessions: dict[int, Any]
    readings: dict[int, list[Any]]
    events: dict[int, list[Any]]
    settled: dict[int, list[Any]]
    earlier: dict[int, list[Any]]
    later: dict[int, list[Any]]
    twins: dict[int, list[Any]]
    plugs: dict[tuple[int, int, int], PlugRow]
    powers: dict[int, float | None]
    rules_by_tenant: dict[int, Rules]
    tariffs: dict[int, Tariff | None]
    limits: dict[int, Json] = field(default_factory=dict)
    statuses: dict[int, list[Any]] = field(default_factory=dict)
    connections: dict[int, list[Any]] = field(default_factory=dict)
    until: dict[int, datetime] = field(default_factory=dict)
    ordered: dict[int, list[Any]] = field(default_factory=dict)
    tenants: dict[int, Tenant] = field(default_factory=dict)

    def live(self, row: Any) -> Any:
        """A session's row as it stands now: the session itself where it is one of these."""
        return self.sessions.get(row.id, row)

    def plug(self, session: AnySession) -> PlugRow:
        """The row of a session's plug; one of which nothing is known where there is none."""
        return self.plugs.setdefault(_plug_of(session), PlugRow())

    def stated_w(self, session: AnySession) -> float | None:
        """The greatest power that the owner states for a session's plug, or for its station."""
        return self.plug(session).stated_w or self.powers.get(session.station_id)

    def rules(self, session: AnySession) -> Rules:
        """By which rules a session's bill is made."""
        return self.rules_by_tenant[session.tenant_id]

    def tenant(self, session: AnySession) -> Tenant:
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

    def tariff(self, session: AnySession) -> Tariff | None:
        """The tariff of a session; None where it has none, or one that cannot be read."""
        return self.tariffs.get(session.tariff_version_id or 0)

    def in_time(self, session: AnySession) -> list[Any]:
        """The events of a session's transaction by the station's clock and numbering."""
        if session.id not in self.ordered:
            self.ordered[session.id] = sorted(self.events.get(session.id, ()), key=_by_clock)
        return self.ordered[session.id]

    def told_until(self, session: AnySession, until: datetime) -> None:
        """Have what the plug said and its connections known up to an instant."""
        if not self.until:
            self._read_plugs(self.sessions.values(), self._ends())
        if until > self.until[session.id]:
            self._read_plugs([session], {session.id: until})

    def _ends(self) -> dict[int, datetime]:
        return {number: each.ended_at or self.now for number, each in self.sessions.items()}

    def _read_plugs(self, sessions: Iterable[Any], until: dict[int, datetime]) -> None:
        """Read what the plugs of some sessions said, and the connections since the first of it."""
        self.until |= until
        asked = list(sessions)
        self.statuses |= statuses_of(self.db, asked, until)
        self.connections |= connections_of(self.db, asked, until, self.statuses)


def _columns(rows: dict[int, list[Any]], count: int) -> dict[int, list[Any]]:
    """The id of each row and so many of its columns."""
    return {number: [row[1 : count + 2] for row in each] for number, each in rows.items()}


def _key_of(session: AnySession, until: datetime) -> tuple[Any, ...]:
    registers = session.meter_start_wh, session.meter_stop_wh, session.transaction_ref
    return (session.id, *_plug_of(session), session.started_at, until, *registers)


def book_of(db: Session, sessions: Iterable[Any], now: datetime, told: Any = None) -> Book:
    """Read all that is known of some sessions; what they say of themselves counts as it is.

    `told` are events that are at hand, by session: no bill rests on such a book.
    """
    own, told = {each.id: each for each in sessions}, told or {}
    if db.autoflush:
        db.flush()
    ids, unread = list(own), [number for number in own if number not in told]
    stations = {each.station_id for each in own.values()}
    tenants = {each.tenant_id for each in own.values()}
    keys = Keys(db, _KEY_NAMES, [_key_of(each, each.ended_at or now) for each in own.values()])
    return Book(
        db=db,
        now=now,
        sessions=own,
        readings=by_first(_READINGS(db, ids=ids)),
        events=by_first(_EVENTS(db, ids=unread)) | told,
        settled=_SETTLED(db, keys),
        earlier=_EARLIER(db, keys),
        later=_LATER(db, keys),
        twins=_TWINS(db, keys),
        plugs={row[:3]: PlugRow(*row[3:]) for row in _PLUGS(db, ids=stations)},
        powers=dict(_POWERS(db, ids=stations)),
        rules_by_tenant={row[0]: Rules(*row[1:]) for row in _RULES(db, tenants=tenants)},
        tariffs=tariffs_of(db, {each.tariff_version_id for each in own.values()}),
        limits=remote_starts.limits_of(db, own.values()),
    )


def tariffs_of(db: Session, version_ids: Iterable[int | None]) -> dict[int, Tariff | None]:
    """The tariffs of some versions, by the versions' ids; None for one that cannot be read."""
    wanted = {number for number in version_ids if number is not None}
    return {number: _read(text) for number, text in _DEFINITIONS(db, ids=wanted)}


@lru_cache(256)
def _read(definition: str) -> Tariff | None:
    try:
        return from_json(orjson.loads(definition))
    except TariffError:
        return None
