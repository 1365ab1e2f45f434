"""Home's numbers: the network now, today against the same weekday, the last fourteen days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground.bulk import made_once
from app.domain.ground.vocabulary import Activity, Availability, ReceiptState, SessionState
from app.domain.limits import supply
from app.domain.network.presence import connected
from app.models import (
    Alert,
    Bill,
    ChargingSession,
    Connector,
    Message,
    Receipt,
    Review,
    Site,
    Station,
    WorkerNode,
)
from app.models.sessions import CHARGED
from app.queries.network.stations import has_plug

#: From a time to another, the second one left out.
Span = tuple[datetime, datetime]

#: Days behind a sparkline.
DAYS = 14
#: Rows of the two small tables.
ROWS = 8
#: The window over which messages per second are counted, in seconds.
WINDOW_S = 60
#: More messages of that window are not counted.
MOST_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Presence:
    """How many stations there are and how many of them are connected."""

    online: int
    stations: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Sessions in the review inbox, open alerts that nobody has acknowledged, and when any worker
    last said that it lives."""

    bills: int
    alerts: int
    beat_at: datetime | None


@dataclass(frozen=True, slots=True)
class Now:
    """The network at this moment; `plugs` counts connectors per state."""

    power_w: float
    supply_w: Decimal | None
    plugs: dict[str, int]
    receipts_today: int
    oldest_unsent_s: float | None
    messages_per_s: float


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of today, the same weekday's at this hour, and the last fourteen days.

    `then` is None where no session began by then, and a share where none had ended.
    """

    today: Decimal | None
    then: Decimal | None
    trend: list[Decimal]


@dataclass(frozen=True, slots=True)
class Today:
    """The four tiles; revenue is in `currency`'s minor units; `worked` in per cent."""

    energy_wh: Tile
    sessions: Tile
    revenue_minor: Tile
    currency: str
    worked: Tile


@dataclass(frozen=True, slots=True)
class Past:
    """The fourteen days before today, the oldest first: a list per tile, and what bills are in."""

    currency: str | None
    numbers: Sequence[Sequence[Decimal | None]]


def presence(db: Session, *, now: datetime) -> Presence:
    """Count stations and those connected."""
    stations = select(func.count(Station.id)).where(Station.archived_at.is_(None))
    # Counted apart, PostgreSQL joins what is connected instead of looking it up 10,000 times.
    online = stations.where(connected(now)).scalar_subquery()
    found, there = db.execute(select(stations.scalar_subquery(), online)).one()
    return Presence(there, found)


def hearing(db: Session, *, now: datetime) -> dict[int, datetime | None]:
    """The connected stations at which sessions run, and since when each is there."""
    running = ChargingSession.state == SessionState.CHARGING
    query = select(Station.id, Station.connected_at).join(
        ChargingSession, Station.id == ChargingSession.station_id
    )
    return dict(db.execute(query.where(running, connected(now)).distinct()).all())


@made_once
def _waiting() -> Select[int, int, datetime | None]:
    parts = (
        select(func.count(Review.id)).where(Review.decided_at.is_(None)),
        select(func.count(Alert.id)).where(
            Alert.closed_at.is_(None), Alert.acknowledged_at.is_(None)
        ),
        select(func.max(WorkerNode.beat_at)),
    )
    return select(*(part.scalar_subquery() for part in parts))


def waiting(db: Session) -> Waiting:
    """Return what the frame around each page tells, which one statement asks for."""
    return Waiting(*db.execute(_waiting()).one())


def network_now(db: Session, *, now: datetime, zone: str) -> Now:
    """Return what the *Now* card shows."""
    limits = db.scalars(select(Site.supply_limit_kw).where(Site.archived_at.is_(None))).all()
    limit_w = sum((limit for limit in limits if limit is not None), Decimal(0)) * 1000
    midnight = _midnight(_today(now, zone), zone)
    sent = select(func.count(Receipt.id)).where(Receipt.sent_at >= midnight)
    on_its_way = Receipt.state.in_([ReceiptState.QUEUED, ReceiptState.SENDING])
    oldest = db.scalar(select(func.min(Receipt.created_at)).where(on_its_way))
    # By their time alone at first: in SQLite all stations' logs would be looked through for it.
    log: Any = Message.__table__
    recent = select(log.c.station_id).where(log.c.at > now - timedelta(seconds=WINDOW_S))
    lately = recent.limit(MOST_MESSAGES).subquery()
    heard = db.scalar(
        select(func.count(Station.id)).join(lately, lately.c.station_id == Station.id)
    )
    return Now(
        power_w=sum(draw.power_w for draw in supply.drawn(db, now=now).values()),
        supply_w=limit_w or None,
        plugs=_plugs(db, now),
        receipts_today=db.scalar(sent) or 0,
        oldest_unsent_s=(now - oldest).total_seconds() if oldest else None,
        messages_per_s=(heard or 0) / WINDOW_S,
    )


def past(db: Session, *, now: datetime, zone: str) -> Past:
    """Return the fourteen days before today; they hardly change, so callers may keep them."""
    spans = _days_before(now, zone)
    currency = _currency(db, spans[0][0])
    return Past(currency, _numbers(db, spans, currency))


def today(db: Session, *, now: datetime, zone: str, before: Past) -> Today:
    """Return the tiles; days are the viewer's, a session counts on the day it started."""
    spans = _today_and_then(now, zone)
    currency = before.currency or _currency(db, spans[0][0])
    numbers = _numbers(db, spans, currency)
    energy, sessions, revenue, worked = (
        Tile(
            so_far, then if numbers[1][1] else None, [each or Decimal(0) for each in (*old, so_far)]
        )
        for (so_far, then), old in zip(numbers, before.numbers, strict=True)
    )
    return Today(energy, sessions, revenue, currency or "EUR", worked)


def first_stations(db: Session, *, now: datetime) -> list[int]:
    """Return the numbers of a few stations, those that need a look first."""
    trouble = has_plug(Connector.availability.in_([Availability.FAULTED, Availability.OCCUPIED]))
    online = case((connected(now), 1), else_=0)
    query = select(Station.id).where(Station.archived_at.is_(None))
    order = (case((trouble, 0), else_=1), online.desc(), Station.identity)
    return list(db.scalars(query.order_by(*order).limit(ROWS)))


def stations(db: Session, numbers: Sequence[int], *, now: datetime) -> list[tuple[Station, bool]]:
    """Return these stations in their order, each with whether it is connected."""
    query = select(Station, connected(now)).options(selectinload(Station.connectors))
    rows = db.execute(query.where(Station.id.in_(numbers))).unique()
    there = {station.id: (station, bool(online)) for station, online in rows}
    return [there[number] for number in numbers if number in there]


def charging(db: Session) -> tuple[list[ChargingSession], int, Decimal]:
    """Return the strongest running sessions, how many run, and their energy together."""
    running = ChargingSession.state == SessionState.CHARGING
    rows = db.scalars(
        select(ChargingSession)
        .where(running)
        .options(
            joinedload(ChargingSession.station),
            joinedload(ChargingSession.driver),
            selectinload(ChargingSession.bills),
        )
        .order_by(func.coalesce(ChargingSession.last_power_w, 0).desc(), ChargingSession.id)
        .limit(ROWS)
    )
    count, energy = db.execute(
        select(func.count(ChargingSession.id), func.sum(ChargingSession.energy_wh)).where(running)
    ).one()
    return list(rows.unique()), count, _decimal(energy)


def _plugs(db: Session, now: datetime) -> dict[str, int]:
    state = case(
        (~connected(now), "unknown"),
        (Connector.availability == Availability.FAULTED, "fault"),
        (Connector.availability == Availability.AVAILABLE, "free"),
        (Connector.availability == Availability.UNKNOWN, "unknown"),
        (Connector.activity == Activity.CHARGING, "charging"),
        (Connector.availability == Availability.OCCUPIED, "idle"),
        else_="off",
    ).label("shown_as")
    rows = db.execute(
        select(state, func.count(Connector.id))
        .join(Station, Station.id == Connector.station_id)
        .where(Connector.evse > 0, Station.archived_at.is_(None))
        # By its name: PostgreSQL would take the same CASE with other parameters for another one.
        .group_by("shown_as")
    )
    return {str(word): number for word, number in rows}


def _today(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _today_and_then(now: datetime, zone: str) -> list[Span]:
    """Today so far, and the same hours a week ago."""
    day = _today(now, zone)
    start, week_ago = _midnight(day, zone), _midnight(day - timedelta(days=7), zone)
    return [(start, now), (week_ago, week_ago + (now - start))]


def _days_before(now: datetime, zone: str) -> list[Span]:
    """The fourteen days before today, the oldest first."""
    day = _today(now, zone)
    starts = [_midnight(day - timedelta(days=back), zone) for back in range(DAYS, -1, -1)]
    return list(pairwise(starts))


def _numbers(
    db: Session, spans: list[Span], currency: str | None
) -> Sequence[Sequence[Decimal | None]]:
    """Energy, sessions, revenue and the share that worked: a number per span each.

    All four are of the same sessions, those that began in the span: revenue is what their bills
    come to, credits taken off, whenever they were issued.  An unused reservation
    is none, though its fee is revenue.
    """
    began, energy = ChargingSession.started_at, ChargingSession.energy_wh
    ended, charged = ChargingSession.state == SessionState.ENDED, case((CHARGED, 1))
    kwh, count, over, good = _per_span(
        db, began, spans, energy, charged, case((ended, 1)), case((and_(ended, energy > 0), 1))
    )
    of_currency = case((Bill.currency == (currency or ""), Bill.gross_minor))
    (revenue,) = _per_span(db, began, spans, of_currency, of=Bill.session)
    shares = [a * 100 / b if b else None for a, b in zip(good, over, strict=True)]
    return [kwh, count, revenue, shares]


def _per_span(
    db: Session, at: Any, spans: list[Span], *values: Any, of: Any = None
) -> list[list[Decimal]]:
    """Sum each value over each span, in one pass over the rows that fall into any of them."""
    inside = [and_(at >= start, at < end) for start, end in spans]
    columns = [func.sum(case((where, value))) for value in values for where in inside]
    query = select(*columns).where(or_(*inside))
    row = db.execute(query if of is None else query.select_from(Bill).join(of)).one()
    sums = [_decimal(number) for number in row]
    width = len(spans)
    return [sums[place : place + width] for place in range(0, len(sums), width)]


def _currency(db: Session, since: datetime) -> str | None:
    """The currency most bills are in; the others are seen on the Bills page."""
    return db.scalar(
        select(Bill.currency)
        .where(Bill.issued_at >= since)
        .group_by(Bill.currency)
        .order_by(func.count(Bill.id).desc())
        .limit(1)
    )


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if value is not None else Decimal(0)
