"""The list of stations: filtered, sorted, with what each plug does now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session, selectinload

from app.domain.ground.vocabulary import (
    Activity,
    Availability,
    SessionState,
)
from app.domain.limits.supply import is_of_now
from app.domain.network.presence import connected
from app.models import ChargingSession, Connector, Deviation, Site, Station
from app.queries.ground.filters import fitting, put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

#: What the status filter may ask for.
STATES = ("charging", "idle", "free", "faulted", "out_of_service", "unknown")

SORTS = {
    "identity": Station.identity_key,
    "name": by_name(Station.name),
    "site": by_name(Site.name),
    "vendor": (Station.vendor, Station.model),
    "firmware": Station.firmware,
    "seen": func.coalesce(Station.last_seen_at, Station.created_at),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `online` is yes, no or never."""

    q: str = ""
    site_id: int | None = None
    state: str = ""
    online: str = ""
    vendor: str = ""
    model: str = ""
    protocol: str = ""
    registration: str = ""
    mode: str = ""
    deviating: bool = False
    archived: bool = False
    #: Only these.
    ids: frozenset[int] | None = None

    def select(self, now: datetime) -> Select[Station]:
        """Select the stations, in no order yet."""
        query = select(Station).join(Site, Site.id == Station.site_id)
        return query.where(*self._conditions(now))

    def _conditions(self, now: datetime) -> Iterator[ColumnElement[bool]]:
        yield put_away(Station, self.archived)
        of = ("site_id", "vendor", "model", "protocol", "registration", "mode")
        yield from fitting(self, ids=Station.id, **{name: getattr(Station, name) for name in of})
        if self.online in _ONLINE:
            yield _ONLINE[self.online](now)
        if self.state in STATES:
            yield _in_state(self.state, now)
        if self.deviating:
            yield select(Deviation.id).where(Deviation.station_id == Station.id).exists()
        if self.q:
            yield _holding(self.q)


_ONLINE: dict[str, Callable[[datetime], ColumnElement[bool]]] = {
    "yes": connected,
    "no": lambda now: and_(~connected(now), Station.last_seen_at.is_not(None)),
    "never": lambda now: and_(~connected(now), Station.last_seen_at.is_(None)),
}


def _in_state(state: str, now: datetime) -> ColumnElement[bool]:
    conditions = {
        "charging": Connector.activity == Activity.CHARGING,
        "idle": Connector.activity.in_(
            [Activity.SUSPENDED_EV, Activity.SUSPENDED_EVSE, Activity.FINISHING]
        ),
        "free": Connector.availability == Availability.AVAILABLE,
        "faulted": Connector.availability == Availability.FAULTED,
        "out_of_service": Connector.availability == Availability.UNAVAILABLE,
        "unknown": Connector.availability == Availability.UNKNOWN,
    }
    # What an offline station said last is not its state now.
    found = has_plug(conditions[state])
    return found if state == "unknown" else and_(found, connected(now))


def has_plug(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that a station has a plug like that.

    Those plugs are looked for once, not at each station: of ten thousand few are broken.
    """
    return Station.id.in_(select(Connector.station_id).where(condition))


def _holding(q: str) -> ColumnElement[bool]:
    columns = (
        *(Station.identity, Station.name, Station.vendor, Station.model),
        *(Station.serial, Station.firmware, Site.name),
    )
    return alike(like(q), *columns)


@dataclass(slots=True)
class Listed:
    """A page of stations with what is known of them now, by station id (and plug)."""

    page: Page
    online: set[int] = field(default_factory=set)
    power_w: dict[tuple[int, int], float] = field(default_factory=dict)
    deviations: dict[int, int] = field(default_factory=dict)

    def plugs(self, station: Station) -> list[Connector]:
        """The station's plugs; connector 0 only when there is nothing else to show."""
        own = [plug for plug in station.connectors if plug.evse > 0]
        return own or list(station.connectors)

    def power_of(self, station: Station) -> float | None:
        """What the station draws now in watts; None when it is offline or idle."""
        if station.id not in self.online:
            return None
        # A session without a stop may linger at a plug that is free again: it draws nothing.
        taken = [p.evse for p in self.plugs(station) if p.availability is Availability.OCCUPIED]
        found = [self.power_w[station.id, n] for n in taken if (station.id, n) in self.power_w]
        return sum(found) if found else None


def listed(db: Session, wanted: Filter, wish: Wish, now: datetime) -> Listed:
    """Return a page of stations."""
    query = wanted.select(now).options(selectinload(Station.connectors), selectinload(Station.site))
    page = fetch(db, query, wish, SORTS, default="identity", noun="stations")
    ids = [station.id for station in page.rows]
    return Listed(page, online_among(db, ids, now), powers(db, ids, now), _deviations(db, ids))


def online_among(db: Session, ids: list[int], now: datetime) -> set[int]:
    """Those of the stations that are connected."""
    return set(db.scalars(select(Station.id).where(Station.id.in_(ids), connected(now))))


def powers(db: Session, ids: list[int], now: datetime) -> dict[tuple[int, int], float]:
    """The power of now of running sessions in watts, by station and plug."""
    rows = db.execute(
        select(ChargingSession.station_id, ChargingSession.evse, ChargingSession.last_power_w)
        .join(Station, Station.id == ChargingSession.station_id)
        .where(
            ChargingSession.station_id.in_(ids),
            ChargingSession.state == SessionState.CHARGING,
            ChargingSession.last_power_w.is_not(None),
            is_of_now(now),
        )
        .order_by(ChargingSession.id)
    )
    return {(station_id, evse): power or 0.0 for station_id, evse, power in rows}


def _deviations(db: Session, ids: list[int]) -> dict[int, int]:
    rows = db.execute(
        select(Deviation.station_id, func.count(Deviation.id))
        .where(Deviation.station_id.in_(ids))
        .group_by(Deviation.station_id)
    )
    return dict(rows.all())


def vendors(db: Session) -> list[str]:
    return list(
        db.scalars(
            select(Station.vendor)
            .where(Station.vendor.is_not(None), Station.vendor != "")
            .distinct()
            .order_by(Station.vendor)
            .limit(200)
        )
    )


def models(db: Session) -> list[str]:
    known = select(Station.model).where(Station.model.is_not(None), Station.model != "")
    return [
        text for text in db.scalars(known.distinct().order_by(Station.model).limit(200)) if text
    ]


def any_station(db: Session) -> bool:
    """Tell whether there is any station, archived ones too."""
    return db.scalar(select(Station.id).limit(1)) is not None
