"""Charging sessions for the pages: the list with its sums, those that run now, a single one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground.vocabulary import BillingState, SessionState
from app.models import (
    Bill,
    ChargingSession,
    Driver,
    MeterReading,
    Review,
    Site,
    Station,
    StrayStop,
    Tag,
    TariffVersion,
)
from app.queries.ground.paging import Page, Wish, fetch, like, ordered

SORTS: Mapping[str, Any] = {
    "started": ChargingSession.started_at,
    "ended": ChargingSession.ended_at,
    "energy": ChargingSession.energy_wh,
    "station": (Station.identity_key, ChargingSession.evse),
    "driver": func.lower(func.coalesce(Driver.name, ChargingSession.token)),
    "id": ChargingSession.id,
}
#: Running sessions shown on top of the list.
MOST_RUNNING = 24
#: Readings shown of one session; beyond it every n-th is drawn.
MOST_READINGS = 20_000


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is charging, ended, provisional or unauthorised."""

    q: str = ""
    since: datetime | None = None
    until: datetime | None = None
    station_id: int | None = None
    site_id: int | None = None
    driver_id: int | None = None
    tag_id: int | None = None
    state: str = ""
    billing: str = ""
    flag: str = ""

    def select(self) -> Select[ChargingSession]:
        """Select the sessions with what the list shows of them, in no order yet."""
        return (
            select(ChargingSession)
            .join(Station, Station.id == ChargingSession.station_id)
            .outerjoin(Driver, Driver.id == ChargingSession.driver_id)
            .where(*self._conditions())
        )

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        for column, value in (
            (ChargingSession.station_id, self.station_id),
            (ChargingSession.site_id, self.site_id),
            (ChargingSession.driver_id, self.driver_id),
            (ChargingSession.tag_id, self.tag_id),
        ):
            if value is not None:
                yield column == value
        if self.since:
            yield ChargingSession.started_at >= self.since
        if self.until:
            yield ChargingSession.started_at < self.until
        if self.billing in list(BillingState):
            yield ChargingSession.billing == BillingState(self.billing)
        if self.state:
            yield _in_state(self.state)
        if self.flag:
            yield _flagged(self.flag)
        if self.q:
            yield _named(self.q)


def _in_state(state: str) -> ColumnElement[bool]:
    if state in list(SessionState):
        return ChargingSession.state == SessionState(state)
    if state == "provisional":
        return ChargingSession.provisional.is_(True)
    if state == "unauthorised":
        return ChargingSession.unauthorised.is_(True)
    return and_(True)


def _flagged(flag: str) -> ColumnElement[bool]:
    text = cast(ChargingSession.flags, String)
    return text != "[]" if flag == "any" else text.like(like(f'"{flag}"'), escape="\\")


def _named(q: str) -> ColumnElement[bool]:
    """A number names a session, a transaction or a card; anything else is looked for."""
    number = "".join(q.split())
    if number.isascii() and number.isdigit() and len(number) < 18:
        return or_(
            ChargingSession.id == int(number),
            ChargingSession.transaction_ref == number,
            ChargingSession.token.ilike(like(number)[1:], escape="\\"),
        )
    columns = (ChargingSession.token, Station.identity, Station.name, Driver.name)
    found = [column.ilike(like(q), escape="\\") for column in columns]
    return or_(ChargingSession.transaction_ref == q, *found)


_LISTED = (
    joinedload(ChargingSession.station).joinedload(Station.site),
    joinedload(ChargingSession.driver),
    selectinload(ChargingSession.bills),
)


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    """Return the wished page of the list."""
    query = wanted.select().options(*_LISTED)
    return fetch(db, query, wish, SORTS, default="-started", noun="sessions")


def running(db: Session) -> list[ChargingSession]:
    """Return the sessions that run now, the newest first."""
    query = Filter(state=SessionState.CHARGING).select().options(*_LISTED).limit(MOST_RUNNING)
    return list(db.scalars(ordered(query, "-started", SORTS, "-started")).unique())


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a filter; `gross_minor` by currency is what was billed, credits taken off."""

    sessions: int = 0
    energy_wh: Decimal = Decimal(0)
    gross_minor: dict[str, int] = field(default_factory=dict)


def totals(db: Session, wanted: Filter) -> Totals:
    """Sum up all sessions of a filter, not just those of a page."""
    found = wanted.select().with_only_columns(ChargingSession.id).subquery()
    energy = select(func.count(ChargingSession.id), func.sum(ChargingSession.energy_wh))
    count, energy_wh = db.execute(energy.where(ChargingSession.id.in_(select(found.c.id)))).one()
    money = (
        select(Bill.currency, func.sum(Bill.gross_minor))
        .where(Bill.session_id.in_(select(found.c.id)))
        .group_by(Bill.currency)
        .order_by(Bill.currency)
    )
    sums = {currency: int(minor) for currency, minor in db.execute(money)}
    return Totals(count, energy_wh or Decimal(0), sums)


def one(db: Session, session_id: int) -> ChargingSession | None:
    """Return a session with all that its page shows of it."""
    return db.scalar(
        select(ChargingSession)
        .where(ChargingSession.id == session_id)
        .options(
            joinedload(ChargingSession.station).joinedload(Station.site),
            joinedload(ChargingSession.driver),
            joinedload(ChargingSession.tag),
            joinedload(ChargingSession.tariff_version).joinedload(TariffVersion.tariff),
            selectinload(ChargingSession.bills).selectinload(Bill.lines),
            selectinload(ChargingSession.bills).joinedload(Bill.receipt),
        )
    )


def readings(db: Session, session_id: int) -> list[MeterReading]:
    """Return a session's readings in the order in which they were taken."""
    query = (
        select(MeterReading)
        .where(MeterReading.session_id == session_id)
        .order_by(MeterReading.taken_at, MeterReading.id)
        .limit(MOST_READINGS)
    )
    return list(db.scalars(query))


def review(db: Session, session_id: int) -> Review | None:
    """Return the review of a session, open or decided."""
    return db.scalar(select(Review).where(Review.session_id == session_id))


def strays(db: Session, session_id: int) -> list[StrayStop]:
    """Return the stops that were kept beside a session."""
    query = select(StrayStop).where(StrayStop.session_id == session_id).order_by(StrayStop.id)
    return list(db.scalars(query))


def choices(db: Session) -> dict[str, list[tuple[int, str]]]:
    """Return what the list can be narrowed to: the sites in reach."""
    sites = db.scalars(select(Site).order_by(Site.name_key))
    return {"sites": [(row.id, row.name) for row in sites]}


def named(db: Session, wanted: Filter) -> list[tuple[str, str]]:
    """Say whom a filter by id means: (parameter, name) of its driver and its tag."""
    found = []
    if wanted.driver_id is not None and (driver := db.get(Driver, wanted.driver_id)):
        found.append(("driver", driver.name))
    if wanted.tag_id is not None and (tag := db.get(Tag, wanted.tag_id)):
        found.append(("tag", tag.value))
    return found
