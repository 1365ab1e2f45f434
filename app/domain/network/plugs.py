"""The plugs of stations, as people describe them and as rows that hot messages read and write.

The rows bear the names of the models' columns, so that the rules work on either; of a station and
its site nothing is written by itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, get_args

from sqlalchemy import not_, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import BulkInsert, among, pass_by
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import (
    Activity,
    Availability,
    ConnectorRef,
    Json,
    Registration,
    StationMode,
    StatusReport,
)
from app.models import Connector, Site, Station, StatusEvent
from app.schemas.network import MOST_CONNECTORS, PlugType

#: What a plug may be; a station never says it over OCPP 1.6.
TYPES: tuple[str, ...] = get_args(PlugType)
_OTHERWISE = {
    "Type 2": "type2,typ 2,typ2,mennekes,iec 62196 type 2,iec_62196_t2,ctype2,stype2",
    "Type 1": "type1,typ 1,typ1,j1772,sae j1772,iec_62196_t1,ctype1",
    "CCS": "ccs2,ccs 2,ccs1,ccs 1,combo,combo 2,combo2,ccs combo 2,ccs (combo 2),ccs (typ 2),"
    "iec_62196_t2_combo,iec_62196_t1_combo,cccs1,cccs2",
    "Schuko": "schuko-steckdose,haushaltssteckdose,domestic_f",
    "CHAdeMO": "cg105",
}
_KINDS = {kind.casefold(): kind for kind in TYPES} | {
    name: kind for kind, names in _OTHERWISE.items() for name in names.split(",")
}


def kind(name: str) -> str:
    """The kind of plug that people and other systems call so; a name that is not known as it is."""
    return _KINDS.get(" ".join(name.split()).casefold(), name)


def of(station: Station) -> list[Connector]:
    """The station's plugs, without connector 0, which is the station itself."""
    return [connector for connector in station.connectors if connector.evse > 0]


def count(station: Station) -> int:
    """How many plugs are known."""
    return len(of(station))


def summary(station: Station) -> Json:
    """What the audit tells of a station's plugs."""
    kinds = {plug.plug_type for plug in of(station) if plug.plug_type}
    return {"connectors": count(station), "plug_type": ", ".join(sorted(kinds)) or None}


def preset(db: Session, station: Station, number: int, plug_type: str | None) -> None:
    """Describe `number` plugs of one type and the station's power.

    Plugs beyond the number go, unless the station has reported them itself.
    """
    if not 0 <= number <= MOST_CONNECTORS:
        raise Invalid(f"A station has at most {MOST_CONNECTORS} connectors.", field="connectors")
    if plug_type and plug_type not in TYPES:
        raise Invalid("The plug must be one of " + ", ".join(TYPES) + ".", field="plug_type")
    known = {plug.evse: plug for plug in of(station)}
    for evse in range(1, number + 1):
        if evse not in known:
            known[evse] = Connector(station_id=station.id, evse=evse, connector=1)
            db.add(known[evse])
        if plug_type:
            known[evse].plug_type = plug_type
        known[evse].max_power_w = station.max_power_w or known[evse].max_power_w
    for evse, plug in known.items():
        if evse > number and plug.status_at is None:
            db.delete(plug)
    db.flush()
    db.expire(station, ["connectors"])


def power(max_power_w: float | None) -> float | None:
    """Check a greatest power in watts; raises `Invalid`."""
    if max_power_w is not None and not 0 < max_power_w <= 10_000_000:
        raise Invalid(
            "The greatest power must be more than 0 and at most 10 MW.", field="max_power_w"
        )
    return max_power_w


#: What a plug is called while a car stands at it, or may.
TAKEN = (Availability.OCCUPIED, Availability.FAULTED)


@dataclass(slots=True)
class PlugRow:
    """What of a connector its statuses are held against, and write."""

    station_id: int
    evse: int
    connector: int
    availability: Availability = Availability.UNKNOWN
    activity: Activity = Activity.NONE
    status_word: str | None = None
    error_code: str | None = None
    vendor_error: str | None = None
    info: str | None = None
    status_at: datetime | None = None
    since: datetime | None = None
    status_received_at: datetime | None = None
    stale: bool = False


_COLUMNS = tuple(PlugRow.__slots__)
_CONNECTOR = Connector.__table__
_PLUGS = BulkRead(
    select(*(_CONNECTOR.c[name] for name in _COLUMNS)).where(
        among(_CONNECTOR.c.station_id, "stations"), among(_CONNECTOR.c.evse, "evses")
    )
)
_TAKEN = BulkRead(
    select(*(_CONNECTOR.c[name] for name in ("station_id", "evse", "connector", "activity"))).where(
        among(_CONNECTOR.c.station_id, "stations"),
        or_(*(_CONNECTOR.c.availability == each for each in TAKEN)),
        not_(_CONNECTOR.c.stale),
    )
)
_KEY = ("station_id", "evse", "connector")
_WRITE = BulkInsert(
    _CONNECTOR,
    _COLUMNS,
    on_conflict=f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY),
)
_values_of = attrgetter(*_COLUMNS)
_EVENT = StatusEvent.__table__
_REMEMBERED = (
    *("station_id", "evse", "connector", "availability", "activity", "status_word"),
    *("error_code", "vendor_error", "info", "at", "received_at"),
)
_REMEMBER = BulkInsert(_EVENT, _REMEMBERED)


def known_activities(
    db: Session, station_ids: Iterable[int]
) -> set[tuple[int, int, int, Activity]]:
    """What goes on at the taken plugs of stations, by station, EVSE and connector.

    What nobody knows for sure any more is left out.
    """
    return {tuple(row) for row in _TAKEN(db, stations=set(station_ids))}


def only(db: Session, station_ids: Collection[int]) -> dict[int, ConnectorRef]:
    """The plug of each of these stations that has one EVSE and no more; its first connector."""
    if not station_ids:
        return {}
    known = select(*(_CONNECTOR.c[name] for name in _KEY)).where(
        _CONNECTOR.c.station_id.in_(station_ids), _CONNECTOR.c.evse > 0
    )
    found: dict[int, list[ConnectorRef]] = {}
    for station_id, evse, connector in db.execute(known):
        found.setdefault(station_id, []).append(ConnectorRef(evse, connector))
    return {
        station_id: min(each, key=attrgetter("connector"))
        for station_id, each in found.items()
        if len({place.evse for place in each}) == 1
    }


class Plugs:
    """The plugs that a set is about, each made when it is first heard of (FIELD S1)."""

    def __init__(self, db: Session, places: Iterable[tuple[int, ConnectorRef]]) -> None:
        self._db = db
        self._rows: dict[tuple[int, int, int], PlugRow] = {}
        self._changed: dict[int, PlugRow] = {}
        self._history: list[tuple[Any, ...]] = []
        wanted = list(places)
        if wanted:
            stations, evses = {number for number, _ in wanted}, {ref.evse for _, ref in wanted}
            for found in _PLUGS(db, stations=stations, evses=evses):
                self._rows[found[0], found[1], found[2]] = PlugRow(*found)

    def at(self, station_id: int, place: ConnectorRef) -> PlugRow:
        """The row of a plug."""
        key = (station_id, place.evse, place.connector)
        if (row := self._rows.get(key)) is None:
            row = self._rows[key] = PlugRow(*key)
            self.change(row)
        return row

    def change(self, row: PlugRow) -> None:
        """Have a row written."""
        self._changed[id(row)] = row

    def remember(self, row: PlugRow, report: StatusReport, now: datetime) -> None:
        """Keep a report in the plug's history."""
        said = (report.availability, report.activity or Activity.NONE, report.word[:40])
        trouble = (report.error_code, report.vendor_error, report.info)
        self._history.append(
            (row.station_id, row.evse, row.connector, *said, *trouble, report.at, now)
        )

    def write(self) -> None:
        """Write each table once."""
        _WRITE(self._db, [_values_of(row) for row in self._changed.values()])
        _REMEMBER(self._db, self._history)
        if self._changed:
            pass_by(self._db, Connector)


_STATION = Station.__table__
_SITE = Site.__table__


@dataclass(slots=True)
class SiteRow:
    """What of a site a session needs."""

    id: int
    name: str
    timezone: str
    currency: str
    tariff_id: int | None


@dataclass(slots=True)
class StationRow:
    """What of a station its messages need, as it is in this unit of work."""

    id: int
    tenant_id: int
    site_id: int
    identity: str
    mode: StationMode
    registration: Registration
    access_epoch: int
    connection_id: int | None
    quirks: Json
    tariff_id: int | None
    clock_offset_s: int | None
    clock_samples: list[Any] | None
    connected_at: datetime | None
    last_boot_at: datetime | None
    site: SiteRow


#: A station, as one of its messages has it.
AnyStation = Station | StationRow


_STATION_ROWS = BulkRead(
    select(
        *(_STATION.c[name] for name in ("id", "tenant_id", "site_id", "identity", "mode")),
        *(_STATION.c[name] for name in ("registration", "access_epoch", "connection_id")),
        *(_STATION.c[name] for name in ("quirks", "tariff_id")),
        *(_STATION.c[name] for name in ("clock_offset_s", "clock_samples")),
        *(_STATION.c[name] for name in ("connected_at", "last_boot_at")),
        *(_SITE.c[name] for name in ("id", "name", "timezone", "currency", "tariff_id")),
    )
    .join(_SITE, _SITE.c.id == _STATION.c.site_id)
    .where(among(_STATION.c.id, "stations"))
)
_OWN = 14


def station_rows(db: Session, station_ids: Iterable[int]) -> dict[int, StationRow]:
    found = {}
    for row in _STATION_ROWS(db, stations=set(station_ids)):
        own: list[Any] = [*row[:_OWN], SiteRow(*row[_OWN:])]
        found[row[0]] = StationRow(*own)
    return found
