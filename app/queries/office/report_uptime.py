"""Reports of stations: how long plugs could be used, and what they reported as faults.

Uptime is told twice.  The plain one is the share of time in which the station was connected.  The
other follows 23 CFR 680.116 (NEVI), for each port: (time - (outage - excluded)) / time, where
outage is time without a connection, faulted or out of service, and excluded what is out of service
on purpose.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ScalarSelect, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Availability
from app.domain.money.billing.flow import joined, without
from app.models import Connection, Connector, Site, Station, StatusEvent
from app.queries.ground.period import epoch
from app.queries.office.report_lines import Column, Line, Report, Wanted, lines_of, narrowed, share

#: Stations that are looked at for uptime.
MOST_STATIONS = 1000
_PIECE = 200

#: From a second to another, the second one left out.
Span = tuple[int, int]

UPTIME = (
    Column("nevi", N_("Uptime (NEVI)"), "percent", lambda sums: share(
        sums["time_s"] - sums["outage_s"] + sums["excluded_s"], sums["time_s"])),
    Column("plain", N_("Connected"), "percent",
           lambda sums: share(sums["connected_s"], sums["time_s"])),
    Column("outage", N_("Outage"), "duration", lambda sums: sums["outage_s"]),
    Column("excluded", N_("Excluded"), "duration", lambda sums: sums["excluded_s"]),
    Column("plugs", N_("Plugs"), "count", lambda sums: sums["plugs"]),
)  # fmt: skip


def length(spans: Iterable[Span]) -> int:
    """How long some spans are together."""
    return sum(until - since for since, until in spans)


def clipped(whole: Span, spans: Iterable[Span]) -> Sequence[Span]:
    """Spans, joined, as far as they lie in a whole."""
    cut = ((max(since, whole[0]), min(until, whole[1])) for since, until in spans)
    return joined(span for span in cut if span[0] < span[1])


class Plug(NamedTuple):
    """A plug with what is known of a period: when connected, faulted, out of service."""

    whole: Span
    connected: Sequence[Span]
    faulted: Sequence[Span]
    out: Sequence[Span]

    def sums(self) -> dict[str, int]:
        """Its seconds: outage is without a connection, faulted or out; excluded is out alone."""
        apart = without([self.whole], self.connected)
        down = joined([*apart, *self.faulted])
        outage = joined([*down, *self.out])
        return {
            "time_s": length([self.whole]),
            "connected_s": length(self.connected),
            "outage_s": length(outage),
            "excluded_s": length(outage) - length(down),
            "plugs": 1,
        }


class Place(NamedTuple):
    """A plug's row: where it is, and when its station was there."""

    site_id: int
    site: str
    zone: str
    station_id: int
    station: str
    created_at: datetime
    archived_at: datetime | None
    evse: int
    connector: int


def uptime(db: Session, wanted: Wanted, *, now: datetime) -> Report:
    """How long plugs could be used: as NEVI counts it, and plainly."""
    places, left_out = _places(db, wanted)
    found: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    labels: dict[tuple[Any, ...], str] = {}
    whole: dict[str, int] = defaultdict(int)
    stations = sorted({place.station_id for place in places})
    for first in range(0, len(stations), _PIECE):
        part = set(stations[first : first + _PIECE])
        own = [place for place in places if place.station_id in part]
        for place, plug in _plugs(db, wanted, own, now):
            key, labels_key = _key(wanted.by, place)
            labels[key] = labels_key
            for name, seconds in plug.sums().items():
                found[key][name] += seconds
                whole[name] += seconds
    lines = [Line(labels[key], dict(sums), key=key) for key, sums in found.items()]
    lines.sort(key=lambda line: (UPTIME[0].read(line.sums) or 0, line.label))
    report = Report("uptime", wanted, UPTIME, lines[: wanted.most])
    report.whole = [Line("", dict(whole))] if lines else []
    report.left_out = left_out
    report.words = [
        N_("NEVI (23 CFR 680.116), for each plug: (time − (outage − excluded)) / time."),
        N_("Outage: no connection, faulted, or out of service. Excluded: out of service while "
           "connected and not faulted, as for planned work. What else the rule excludes "
           "(power cuts, vandalism) nobody reports: it counts as outage."),
        N_("Connected: the share of time in which the station was connected."),
        N_("Not counted: the time before a station was added or after it was archived, and the "
           "time whose connections are no longer kept (see Settings)."),
    ]  # fmt: skip
    return report


def _key(by: str, place: Place) -> tuple[tuple[Any, ...], str]:
    if by == "site":
        return (place.site_id,), place.site
    if by == "station":
        return (place.station_id,), place.station
    plug = (place.station_id, place.evse, place.connector)
    return plug, f"{place.station} · {place.evse}/{place.connector}"


def _places(db: Session, wanted: Wanted) -> tuple[list[Place], int]:
    """The plugs of the first stations, and how many stations are left out."""
    there = or_(Station.archived_at.is_(None), Station.archived_at > wanted.period.widest[0])
    own = [Station.tenant_id == wanted.tenant_id, there]
    own += narrowed(wanted, Station.site_id, Station.id)
    count = db.scalar(select(func.count(Station.id)).where(*own)) or 0
    ids = list(db.scalars(select(Station.id).where(*own).order_by(Station.id).limit(MOST_STATIONS)))
    found: list[Place] = []
    for first in range(0, len(ids), _PIECE):
        rows = db.execute(
            select(
                *(Site.id, Site.name, Site.timezone, Station.id, Station.identity),
                *(Station.created_at, Station.archived_at, Connector.evse, Connector.connector),
            )
            .select_from(Connector)
            .join(Station, Station.id == Connector.station_id)
            .join(Site, Site.id == Station.site_id)
            .where(Connector.evse > 0, Station.id.in_(ids[first : first + _PIECE]))
        )
        found += [Place(*row) for row in rows]
    return found, count - len(ids)


def _plugs(
    db: Session, wanted: Wanted, places: Sequence[Place], now: datetime
) -> Iterable[tuple[Place, Plug]]:
    ids = sorted({place.station_id for place in places})
    connected = _connected(db, wanted, ids, now)
    told = _history(db, wanted, ids)
    for place in places:
        since, until = wanted.period.bounds(place.zone)
        since = max(since, place.created_at, wanted.known_since or since)
        whole = (_second(since), _second(min(until, place.archived_at or now, now)))
        if whole[0] >= whole[1]:
            continue
        # What a station says of itself (EVSE 0) holds for each of its plugs.
        own = [
            told[place.station_id, *plug]
            for plug in ((0, 0), (0, 1), (place.evse, place.connector))
        ]
        yield (
            place,
            Plug(
                whole,
                clipped(whole, connected[place.station_id]),
                clipped(whole, _spans(own, Availability.FAULTED, whole[1])),
                clipped(whole, _spans(own, Availability.UNAVAILABLE, whole[1])),
            ),
        )


def _second(at: datetime) -> int:
    return int(at.timestamp())


def _spans(
    told: Iterable[Sequence[tuple[int, Availability]]], word: Availability, end: int
) -> Iterable[Span]:
    """When a word held: from where it was told to where another was."""
    for story in told:
        ends = [*(at for at, _ in story[1:]), max(end, story[-1][0]) if story else end]
        for (at, said), until in zip(story, ends, strict=False):
            if said is word:
                yield at, until


def _connected(
    db: Session, wanted: Wanted, ids: Sequence[int], now: datetime
) -> dict[int, list[Span]]:
    since, until = wanted.period.widest
    found: dict[int, list[Span]] = defaultdict(list)
    rows = db.execute(
        select(Connection.station_id, Connection.opened_at, Connection.closed_at).where(
            Connection.station_id.in_(ids),
            Connection.opened_at < until,
            or_(Connection.closed_at.is_(None), Connection.closed_at >= since),
        )
    )
    for station_id, opened_at, closed_at in rows:
        found[station_id].append((_second(opened_at), _second(closed_at or now)))
    return found


def _history(
    db: Session, wanted: Wanted, ids: Sequence[int]
) -> dict[tuple[int, int, int], list[tuple[int, Availability]]]:
    """What plugs said in the period, and the last word of each before it."""
    since, until = wanted.period.widest
    event, plug = StatusEvent, (StatusEvent.station_id, StatusEvent.evse, StatusEvent.connector)
    columns = (*plug, event.at, event.availability)
    newest = func.row_number().over(partition_by=plug, order_by=(event.at.desc(), event.id.desc()))
    before = (
        select(*columns, newest.label("newest"))
        .where(event.station_id.in_(ids), event.at < since)
        .subquery()
    )
    last = select(*(before.c[column.key] for column in columns)).where(before.c.newest == 1)
    within = select(*columns).where(event.station_id.in_(ids), event.at >= since, event.at < until)
    found: dict[tuple[int, int, int], list[tuple[int, Availability]]] = defaultdict(list)
    for query in (last, within.order_by(event.at, event.id)):
        for station_id, evse, connector, at, said in db.execute(query):
            found[station_id, evse, connector].append((_second(at), said))
    return found


def _last_before(event: Any) -> ScalarSelect[Any]:
    """What a plug said before an event, as an expression: the period's first has none in it."""
    other = aliased(StatusEvent)
    # Said so that an index leads there: what was said since may be years of it.
    earlier = and_(other.at <= event.at, or_(other.at < event.at, other.id < event.id))
    same = [
        getattr(other, name) == getattr(event, name) for name in ("station_id", "evse", "connector")
    ]
    query = select(other.availability).where(*same, earlier)
    query = query.order_by(other.at.desc(), other.id.desc()).limit(1)
    return query.correlate(event).scalar_subquery()


FAULTS = (
    Column("faults", N_("Faults"), "count", lambda sums: sums["faults"]),
    Column("time", N_("Time faulted"), "duration", lambda sums: sums["faulted_s"]),
)

_PLUG = (StatusEvent.station_id, StatusEvent.evse, StatusEvent.connector)


def faults(db: Session, wanted: Wanted, *, now: datetime) -> Report:
    """What plugs reported as faults that began in the period, and for how long they lasted."""
    zones = list(db.scalars(select(Site.timezone).distinct())) or ["UTC"]
    rows = _statuses(wanted, zones, now).subquery()
    keys = {
        "site": (rows.c.site,),
        "station": (rows.c.station,),
        "connector": (rows.c.station, rows.c.evse, rows.c.connector),
        "error": (rows.c.error,),
    }
    again = func.coalesce(rows.c.before, "") == Availability.FAULTED.value
    sums = {"faults": func.sum(case((again, 0), else_=1)), "faulted_s": func.sum(rows.c.lasted_s)}
    query = select(rows).where(
        rows.c.said == Availability.FAULTED,
        wanted.period.on(rows.c.at, rows.c.zone, zones),
    )
    lines, whole = lines_of(db, wanted, query, keys[wanted.by], sums)
    report = Report("faults", wanted, FAULTS, lines, whole)
    report.words = [
        N_("A fault counts in the period in which it began, with its time up to the end of the "
           "period, or until now."),
    ]  # fmt: skip
    return report


def _statuses(wanted: Wanted, zones: Sequence[str], now: datetime) -> Select[Any]:
    """A select of what plugs said around the period: for how long, and before a fault what."""
    event, at = StatusEvent, epoch(StatusEvent.at)
    order: Any = {"partition_by": _PLUG, "order_by": (event.at, event.id)}
    ends = case(
        {zone: _second(min(wanted.period.bounds(zone)[1], now)) for zone in zones},
        value=Site.timezone,
    )
    over = func.lead(at).over(**order)
    until = case((over < ends, over), else_=ends)
    before = func.coalesce(func.lag(event.availability).over(**order), _last_before(event))
    return (
        select(
            Station.site_id.label("site"),
            event.station_id.label("station"),
            *(event.evse.label("evse"), event.connector.label("connector")),
            case((event.error_code == "", None), else_=event.error_code).label("error"),
            *(event.at.label("at"), event.availability.label("said"), Site.timezone.label("zone")),
            # A charger's clock may be ahead.
            case((until > at, until - at), else_=0).label("lasted_s"),
            case((event.availability == Availability.FAULTED, before)).label("before"),
        )
        .select_from(event)
        .join(Station, Station.id == event.station_id)
        .join(Site, Site.id == Station.site_id)
        .where(
            Station.tenant_id == wanted.tenant_id,
            wanted.period.around(event.at),
            *narrowed(wanted, Station.site_id, Station.id),
        )
    )
