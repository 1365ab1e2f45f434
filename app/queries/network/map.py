"""The map: where sites lie and how their stations fare, and where they are drawn without tiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Activity, Availability
from app.domain.network.presence import connected
from app.models import Connector, Site, Station
from app.queries.ground.names import by_name
from app.queries.network.stations import has_plug

#: Stations that are named beside their sites; where there are more, the site's page has them.
MOST_NAMED = 500


@dataclass(frozen=True, slots=True)
class Named:
    """A station of a place, and how it fares."""

    id: int
    label: str
    state: str


@dataclass(slots=True)
class Place:
    """A site with what stands there: `state` is that of the station that needs a look first."""

    id: int
    name: str
    address: str | None
    latitude: float | None
    longitude: float | None
    counts: dict[str, int]
    stations: list[Named] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many stations stand there."""
        return sum(self.counts.values())

    @property
    def state(self) -> str:
        """The most pressing state of its stations; off where none stands."""
        return next((state for state in STATES if self.counts.get(state)), "off")


#: What a station is on the map, the most pressing first.
STATES = ("fault", "unknown", "charging", "free")
_PRESSING = {state: rank for rank, state in enumerate((*STATES, "off"))}


def places(db: Session, *, now: datetime, named: bool = True) -> list[Place]:
    """The sites in reach in the order of their names, in two statements.

    Without `named`, in one: their stations are counted only.
    """
    charges = and_(Connector.activity == Activity.CHARGING, Connector.evse > 0)
    state = case(
        (~connected(now), "unknown"),
        (has_plug(Connector.availability == Availability.FAULTED), "fault"),
        (has_plug(charges), "charging"),
        else_="free",
    ).label("shown_as")
    rows = db.execute(
        select(Site, state, func.count(Station.id))
        .outerjoin(Station, and_(Station.site_id == Site.id, Station.archived_at.is_(None)))
        .where(Site.archived_at.is_(None))
        .group_by(Site.id, "shown_as")
        .order_by(by_name(Site.name), Site.id)
    )
    found: dict[int, Place] = {}
    for site, word, count in rows:
        where = (site.address, site.latitude, site.longitude)
        place = found.setdefault(site.id, Place(site.id, site.name, *where, {}))
        if count:
            place.counts[word] = count
    if named:
        _name(db, found, state)
    return list(found.values())


def _name(db: Session, found: dict[int, Place], state: object) -> None:
    """Name the stations, where they are few enough to be read."""
    if not 0 < sum(place.total for place in found.values()) <= MOST_NAMED:
        return
    rows = db.execute(
        select(Station.id, Station.identity, Station.name, Station.site_id, state)  # type: ignore[call-overload]
        .where(Station.archived_at.is_(None))
        .order_by(Station.identity_key)
    )
    for number, identity, name, site_id, word in rows:
        if site_id in found:
            found[site_id].stations.append(Named(number, f"{identity} {name}".strip(), word))


# The drawing: longitudes across, latitudes up, as wide as they are at the middle of it.

#: The drawing's size, its margin, and how close its frame is drawn around a single place (degrees).
WIDTH, HEIGHT, MARGIN, NARROWEST = 1000.0, 560.0, 60.0, 0.02
#: The same of the small drawing on Home, and how many places it holds.
SMALL, SMALL_MARGIN, MOST_SMALL = (640.0, 300.0), 56.0, 100
#: A name so near to another one, across and up, would lie upon it.
NEAR = (120.0, 26.0)
#: Distances between the lines of the grid, in degrees.
_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 45.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the drawing; its name stands there unless that of a more pressing one is near."""

    place: Place
    x: float
    y: float
    labelled: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid: where it is, and the degree that it stands for."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The drawing: its points, the most pressing last and so on top, meridians and parallels."""

    points: list[Point]
    meridians: list[Line]
    parallels: list[Line]


def pressing(found: Sequence[Place]) -> list[Place]:
    """The places with coordinates that need a look first, as many as a small drawing holds."""
    known = [place for place in found if place.latitude is not None]
    return sorted(known, key=lambda place: _PRESSING[place.state])[:MOST_SMALL]


def plot(
    found: Sequence[Place], *, size: tuple[float, float] = (WIDTH, HEIGHT), margin: float = MARGIN
) -> Plot | None:
    """Lay the places that have coordinates out; None where none has."""
    width, height = size
    known = [
        (place, place.latitude, place.longitude)
        for place in found
        if place.latitude is not None and place.longitude is not None
    ]
    if not known:
        return None
    north, south = max(lat for _, lat, _ in known), min(lat for _, lat, _ in known)
    east, west = max(lon for *_, lon in known), min(lon for *_, lon in known)
    middle_lat, middle_lon = (north + south) / 2, (east + west) / 2
    # A degree of longitude is shorter the farther from the equator; near a pole, no shorter still.
    narrow = max(math.cos(math.radians(middle_lat)), 0.1)
    high = max(north - south, NARROWEST)
    wide = max((east - west) * narrow, NARROWEST)
    scale = min((width - 2 * margin) / wide, (height - 2 * margin) / high)

    def x(longitude: float) -> float:
        return round(width / 2 + (longitude - middle_lon) * narrow * scale, 1)

    def y(latitude: float) -> float:
        return round(height / 2 - (latitude - middle_lat) * scale, 1)

    half_wide, half_high = width / 2 / scale / narrow, height / 2 / scale
    return Plot(
        _points([(place, x(lon), y(lat)) for place, lat, lon in known]),
        [Line(x(at), _degrees(at, "E", "W"))
         for at in _grid(middle_lon - half_wide, middle_lon + half_wide)],
        [Line(y(at), _degrees(at, "N", "S"))
         for at in _grid(middle_lat - half_high, middle_lat + half_high)],
    )  # fmt: skip


def _points(spots: list[tuple[Place, float, float]]) -> list[Point]:
    points: list[Point] = []
    named: list[Point] = []
    for place, x, y in sorted(spots, key=lambda spot: _PRESSING[spot[0].state]):
        free = all(abs(x - one.x) > NEAR[0] or abs(y - one.y) > NEAR[1] for one in named)
        points.append(Point(place, x, y, free))
        named += points[-1:] if free else []
    return points[::-1]


def _grid(low: float, high: float) -> list[float]:
    """Round degrees between two others, some five of them."""
    step = next((step for step in _STEPS if (high - low) / step <= 7), _STEPS[-1])
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(number * step, 6) for number in range(first, last + 1)]


def _degrees(at: float, positive: str, negative: str) -> str:
    return f"{abs(at):g}° {positive if at >= 0 else negative}"
