"""Home's numbers: the network now, today against the same weekday, the last fourteen days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.vocabulary import Activity, Availability, ReceiptState, SessionState
from app.models import Bill, ChargingSession, Connector, Message, Receipt, Review, Site, Station
from app.queries.attention import connected

#: Days behind a sparkline.
DAYS = 14
#: Rows of the two small tables.
ROWS = 8
#: The window over which messages per second are counted, in seconds.
WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class Presence:
    """How many stations there are and how many of them are connected."""

    online: int
    stations: int


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
    """A number of today, the same weekday's at this hour, and the last fourteen days."""

    today: Decimal
    then: Decimal
    trend: list[Decimal]


@dataclass(frozen=True, slots=True)
class Today:
    """The four tiles; revenue is in `currency`'s minor units; `worked` in per cent."""

    energy_wh: Tile
    sessions: Tile
    revenue_minor: Tile
    currency: str
    worked: Tile


def presence(db: Session, *, now: datetime) -> Presence:
    """Count stations and those connected."""
    online, stations = db.execute(
        select(
            func.coalesce(func.sum(case((connected(now), 1), else_=0)), 0), func.count(Station.id)
        ).where(Station.archived_at.is_(None))
    ).one()
    return Presence(int(online), stations)


def held_bills(db: Session) -> int:
    """Count the sessions that wait in the review inbox."""
    return db.scalar(select(func.count(Review.id)).where(Review.decided_at.is_(None))) or 0


def network_now(db: Session, *, now: datetime, zone: str) -> Now:
    """Return what the *Now* card shows."""
    power = db.scalar(
        select(func.coalesce(func.sum(ChargingSession.last_power_w), 0.0))
        .join(Station, Station.id == ChargingSession.station_id)
        .where(ChargingSession.state == SessionState.CHARGING, connected(now))
    )
    limits = db.scalars(select(Site.supply_limit_kw).where(Site.archived_at.is_(None))).all()
    supply = sum((limit for limit in limits if limit is not None), Decimal(0)) * 1000
    midnight = _midnight(_today(now, zone), zone)
    sent = select(func.count(Receipt.id)).join(Bill, Bill.id == Receipt.bill_id)
    waiting = (
        select(func.min(Receipt.created_at))
        .join(Bill, Bill.id == Receipt.bill_id)
        .where(Receipt.state.in_([ReceiptState.QUEUED, ReceiptState.SENDING]))
    )
    oldest = db.scalar(waiting)
    recent = db.scalar(
        select(func.count(Message.id)).where(Message.at > now - timedelta(seconds=WINDOW_S))
    )
    return Now(
        power_w=float(power or 0.0),
        supply_w=supply or None,
        plugs=_plugs(db, now),
        receipts_today=db.scalar(
            sent.where(Receipt.state == ReceiptState.SENT, Receipt.sent_at >= midnight)
        )
        or 0,
        oldest_unsent_s=(now - oldest).total_seconds() if oldest else None,
        messages_per_s=(recent or 0) / WINDOW_S,
    )


def today(db: Session, *, now: datetime, zone: str) -> Today:
    """Return the tiles; days are the viewer's, a session counts on the day it started."""
    spans = _spans(now, zone)
    began = ChargingSession.started_at
    ended = ChargingSession.state == SessionState.ENDED
    worked = and_(ended, ChargingSession.energy_wh > 0)
    energy = _sums(db, ChargingSession.energy_wh, began, spans)
    count = _counts(db, began, spans)
    good, over = _counts(db, began, spans, worked), _counts(db, began, spans, ended)
    currency = _currency(db, spans[-1][0])
    revenue = _sums(db, Bill.gross_minor, Bill.issued_at, spans, Bill.currency == (currency or ""))
    shares = [Decimal(a) * 100 / b if b else Decimal(0) for a, b in zip(good, over, strict=True)]
    return Today(
        energy_wh=_tile(energy),
        sessions=_tile([Decimal(number) for number in count]),
        revenue_minor=_tile(revenue),
        currency=currency or "EUR",
        worked=_tile(shares),
    )


def stations(db: Session, *, now: datetime) -> list[tuple[Station, bool]]:
    """Return a few stations, those that need a look first, each with whether it is connected."""
    trouble = (
        select(Connector.id)
        .where(
            Connector.station_id == Station.id,
            Connector.availability.in_([Availability.FAULTED, Availability.OCCUPIED]),
        )
        .exists()
    )
    online = case((connected(now), 1), else_=0)
    rows = db.execute(
        select(Station, online)
        .where(Station.archived_at.is_(None))
        .options(selectinload(Station.connectors))
        .order_by(case((trouble, 0), else_=1), online.desc(), Station.identity)
        .limit(ROWS)
    )
    return [(station, bool(flag)) for station, flag in rows.unique()]


def charging(db: Session) -> tuple[list[ChargingSession], int, Decimal]:
    """Return the strongest running sessions, how many run, and their energy together."""
    running = ChargingSession.state == SessionState.CHARGING
    rows = db.scalars(
        select(ChargingSession)
        .where(running)
        .options(joinedload(ChargingSession.station), joinedload(ChargingSession.driver))
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
    )
    rows = db.execute(
        select(state, func.count(Connector.id))
        .join(Station, Station.id == Connector.station_id)
        .where(Connector.evse > 0, Station.archived_at.is_(None))
        .group_by(state)
    )
    return {str(word): number for word, number in rows}


def _today(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _spans(now: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """Today so far, the same hours a week ago, then the fourteen days before today, backwards."""
    day = _today(now, zone)
    start = _midnight(day, zone)
    week_ago = _midnight(day - timedelta(days=7), zone)
    spans = [(start, now), (week_ago, week_ago + (now - start))]
    for back in range(1, DAYS + 1):
        first = day - timedelta(days=back)
        spans.append((_midnight(first, zone), _midnight(first + timedelta(days=1), zone)))
    return spans


def _within(column: Any, span: tuple[datetime, datetime]) -> ColumnElement[bool]:
    return and_(column >= span[0], column < span[1])


def _sums(
    db: Session, value: Any, at: Any, spans: list[tuple[datetime, datetime]], *where: Any
) -> list[Decimal]:
    columns = [func.sum(case((_within(at, span), value), else_=None)) for span in spans]
    row = db.execute(select(*columns).where(at >= spans[-1][0], *where)).one()
    return [_decimal(number) for number in row]


def _counts(db: Session, at: Any, spans: list[tuple[datetime, datetime]], *where: Any) -> list[int]:
    columns = [func.sum(case((_within(at, span), 1), else_=0)) for span in spans]
    row = db.execute(select(*columns).where(at >= spans[-1][0], *where)).one()
    return [int(number or 0) for number in row]


def _currency(db: Session, since: datetime) -> str | None:
    """The currency most bills are in; the others are seen on the Bills page."""
    return db.scalar(
        select(Bill.currency)
        .where(Bill.issued_at >= since)
        .group_by(Bill.currency)
        .order_by(func.count(Bill.id).desc())
        .limit(1)
    )


def _tile(numbers: list[Decimal]) -> Tile:
    return Tile(numbers[0], numbers[1], [*reversed(numbers[2:]), numbers[0]])


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if value is not None else Decimal(0)
