"""What power there is: what sites draw from their supply, and what stations can do and take."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import Order
from app.domain.network.presence import connected
from app.models import ChargingSession, Connector, Site, Station, StationVariable, SupplyExcess
from app.models.sessions import RUNNING

#: Two excesses with a shorter pause than this are one.
PAUSE = timedelta(minutes=5)
#: One that nobody has noted for so long is over, written down or not: those of years are not read.
OVER = timedelta(days=1)
#: What was read so short ago is power of now, also where the station has come back since, as all
#: do when a worker is replaced; what is older, up to so old, only of one that was there since.
JUST_READ, BELIEVED = timedelta(minutes=2), timedelta(minutes=30)


def power_of_now(session: ChargingSession, connected_at: datetime | None, *, now: datetime) -> bool:
    """Whether the last power of a running session is what it draws now.

    `connected_at` is when its station came, which is connected.
    """
    if (read_at := session.last_reading_at) is None or read_at <= now - BELIEVED:
        return False
    return read_at > now - JUST_READ or connected_at is None or read_at >= connected_at


def is_of_now(now: datetime) -> ColumnElement[bool]:
    """The condition that `power_of_now` asks for, of sessions joined to their stations."""
    read_at = ChargingSession.last_reading_at
    here_since = func.coalesce(Station.connected_at, read_at)
    return (read_at > now - BELIEVED) & ((read_at > now - JUST_READ) | (read_at >= here_since))


@dataclass(frozen=True, slots=True)
class Draw:
    """What charges at a site now: sessions, and their power together in watts."""

    sessions: int = 0
    power_w: float = 0.0


def drawn(
    db: Session, *, now: datetime, site_ids: Collection[int] | None = None
) -> dict[int, Draw]:
    """Return what each site draws now, as its connected stations tell it.

    Sites at which nothing charges are left out; so is the power of sessions that is none of now.
    """
    query = (
        select(
            ChargingSession.site_id,
            func.count(ChargingSession.id),
            func.sum(case((is_of_now(now), ChargingSession.last_power_w))),
        )
        .join(Station, Station.id == ChargingSession.station_id)
        .where(RUNNING, connected(now))
        .group_by(ChargingSession.site_id)
    )
    if site_ids is not None:
        query = query.where(ChargingSession.site_id.in_(list(site_ids)))
    return {site: Draw(count, float(power or 0.0)) for site, count, power in db.execute(query)}


def watch(db: Session, *, now: datetime) -> None:
    """Note where a supply is exceeded now, and where that has ended."""
    limited = [
        (site, float(Decimal(site.supply_limit_kw) * 1000))
        for site in db.scalars(select(Site).where(Site.archived_at.is_(None)))
        if site.supply_limit_kw is not None
    ]
    draws = drawn(db, now=now, site_ids=[site.id for site, _ in limited]) if limited else {}
    over = {site.id for site, limit in limited if draws.get(site.id, Draw()).power_w > limit}
    lately = SupplyExcess.ended_at.is_(None), SupplyExcess.last_at > now - OVER
    for row in db.scalars(select(SupplyExcess).where(*lately)):
        if row.site_id not in over:
            row.ended_at = now
    for site, limit_w in limited:
        if site.id in over:
            _note(db, site, draws[site.id].power_w, limit_w, now)


def _note(db: Session, site: Site, power_w: float, limit_w: float, now: datetime) -> None:
    row = newest(db, SupplyExcess, SupplyExcess.last_at > now - PAUSE, site_id=site.id)
    if row is None:
        row = SupplyExcess(
            tenant_id=site.tenant_id, site_id=site.id, began_at=now, peak_w=power_w, last_at=now
        )
        db.add(row)
    row.last_at, row.ended_at, row.limit_w = now, None, limit_w
    row.peak_w = max(row.peak_w, power_w)
    db.flush()


# What a station said about its smart charging: units, stack levels, periods, purposes.
#
# Read from its settings as far as they are known; what is not known forbids nothing.

#: The settings that say it, by their names in lower case, whatever component they belong to.
_UNITS = ("chargingscheduleallowedchargingrateunit", "rateunit")
_LEVELS = ("chargeprofilemaxstacklevel", "profilestacklevel")
_PERIODS = ("chargingschedulemaxperiods", "periodsperschedule")
_SWITCHING = ("acphaseswitchingsupported", "connectorswitch3to1phasesupported")
_UNIT_WORDS = {"current": "A", "a": "A", "power": "W", "w": "W"}

#: Purposes that only some protocols have, and an order by which those are known.
_PURPOSE_NEEDS = {
    "priority": Order.UPDATE_DYNAMIC_SCHEDULE,
    "generation": Order.UPDATE_DYNAMIC_SCHEDULE,
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known; None or empty where nothing is."""

    units: frozenset[str] = frozenset()
    highest_stack_level: int | None = None
    most_periods: int | None = None
    dynamic: bool = True
    purposes_lacking: frozenset[str] = frozenset()
    switches_phases: bool = False


def abilities(db: Session, station: Station) -> Abilities:
    """Return what a station said it can do with charging profiles."""
    told = _values_by_name(db, station)
    orders = set(station.supported_orders)
    lacking = {name for name, order in _PURPOSE_NEEDS.items() if orders and order not in orders}
    return Abilities(
        units=_units(told),
        highest_stack_level=_least(told, _LEVELS),
        most_periods=_least(told, _PERIODS),
        dynamic=not orders or Order.UPDATE_DYNAMIC_SCHEDULE in orders,
        purposes_lacking=frozenset(lacking),
        switches_phases=any(
            word.strip().lower() == "true" for name in _SWITCHING for word in told.get(name, ())
        ),
    )


def unit_for(db: Session, station: Station, wanted: str) -> str:
    """The unit to speak to a station in: its quirk's, else the wanted one where it is known."""
    if quirk := station.quirks.get("rate_unit"):
        return str(quirk)
    units = abilities(db, station).units
    return wanted if not units or wanted in units else next(iter(units))


def power_limit_w(
    db: Session, station: Station, evse: int, whole_w: float | None = None
) -> float | None:
    """What an EVSE may draw at most, in watts, as the station's own facts say; None: unknown.

    `whole_w` is what the whole station may draw now, where that is less than its facts say.
    """
    query = select(Connector.evse, func.max(Connector.max_power_w)).where(
        Connector.station_id == station.id, Connector.evse > 0
    )
    rows = db.execute(query.group_by(Connector.evse)).all()
    plugs: dict[int, float | None] = {number: most or None for number, most in rows}
    plugs.setdefault(evse, None)
    known = [limit for limit in (station.max_power_w or None, whole_w) if limit is not None]
    return share(min(known), plugs, evse) if known else plugs[evse]


def share(whole_w: float, plugs: Mapping[int, float | None], evse: int) -> float:
    """What an EVSE gets of its station's power: all get the same, but none more than it can take.

    `plugs` are the most that each can take (None: not known).  All of them may charge at once,
    and what one has been given is not taken back.  Pure.
    """
    left_w, waiting = whole_w, dict(plugs)
    while True:
        even_w = left_w / len(waiting)
        small = {number: most for number, most in waiting.items() if most and most <= even_w}
        if evse in small:
            return small[evse]
        if not small:
            return even_w
        left_w -= sum(small.values())
        waiting = {number: most for number, most in waiting.items() if number not in small}


def _values_by_name(db: Session, station: Station) -> Mapping[str, list[str]]:
    names = (*_UNITS, *_LEVELS, *_PERIODS, *_SWITCHING)
    found: dict[str, list[str]] = {}
    rows = db.scalars(
        select(StationVariable).where(
            StationVariable.station_id == station.id,
            func.lower(StationVariable.variable).in_(names),
            StationVariable.attribute == "actual",
        )
    )
    for row in rows:
        if row.value is not None:
            found.setdefault(row.variable.lower(), []).append(row.value)
    return found


def _units(told: Mapping[str, list[str]]) -> frozenset[str]:
    words = [word for name in _UNITS for value in told.get(name, ()) for word in value.split(",")]
    units = (_UNIT_WORDS.get(word.strip().lower()) for word in words)
    return frozenset(unit for unit in units if unit)


def _least(told: Mapping[str, list[str]], names: tuple[str, ...]) -> int | None:
    values: list[Any] = [value.strip() for name in names for value in told.get(name, ())]
    numbers = [int(value) for value in values if value.isascii() and value.isdigit()]
    return min(numbers) if numbers else None
