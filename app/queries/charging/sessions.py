"""Charging sessions for the pages: the list with its sums, those that run now, a single one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal_column, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground.vocabulary import SessionState
from app.models import (
    Bill,
    ChargingSession,
    Driver,
    MeterReading,
    Review,
    Station,
    StrayStop,
    Tag,
    TariffVersion,
)
from app.models.sessions import CHARGED, FLAGGED
from app.queries.ground.filters import fitting
from app.queries.ground.names import by_name
from app.queries.ground.paging import (
    MOST_COUNTED,
    Page,
    Wish,
    alike,
    count_up_to,
    fetch,
    like,
    ordered,
)
from app.queries.ground.period import epoch

SORTS: Mapping[str, Any] = {
    "started": ChargingSession.started_at,
    "ended": ChargingSession.ended_at,
    "energy": ChargingSession.energy_wh,
    "station": (Station.identity_key, ChargingSession.evse),
    "driver": by_name(func.coalesce(Driver.name, ChargingSession.token)),
    "id": ChargingSession.id,
}
#: Stations, drivers or cards of a name whose sessions are looked up one by one.
MOST_NAMED = 200
#: Running sessions shown on top of the list.
MOST_RUNNING = 24
#: Readings shown of one session; beyond it every n-th is drawn.
MOST_READINGS = 20_000


def in_state(state: SessionState) -> ColumnElement[bool]:
    """The condition of the sessions in a state, without a parameter, as `RUNNING` is."""
    return ChargingSession.state == literal_column(f"'{state.value}'")


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `state` is charging, ended, no_show, provisional or
    unauthorised.  What no car came to is found by its state only.
    """

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
    #: Only these.
    ids: frozenset[int] | None = None
    #: The ids of what was looked for by its name: the same for all that is asked of a filter.
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def select(self, db: Session) -> Select[ChargingSession]:
        """Select the sessions, in no order yet."""
        return select(ChargingSession).where(*self._indexed(db), *self._looked_through())

    def is_long(self, db: Session) -> bool:
        """Tell whether more are found in all time, by an index, than a list counts."""
        found = select(ChargingSession).where(*self._indexed(db))
        return count_up_to(db, found, MOST_COUNTED) > MOST_COUNTED

    def _indexed(self, db: Session) -> Iterator[ColumnElement[bool]]:
        of = ("station_id", "site_id", "driver_id", "tag_id", "billing")
        own = {name: getattr(ChargingSession, name) for name in of}
        yield from fitting(self, ChargingSession.started_at, **own, ids=ChargingSession.id)
        if self.state in list(SessionState):
            yield in_state(SessionState(self.state))
        elif self.state in ("provisional", "unauthorised"):
            yield getattr(ChargingSession, self.state).is_(True)
        else:
            yield CHARGED
        if self.flag:
            yield FLAGGED
        if self.q:
            yield meant(db, self.q, self.known)

    def _looked_through(self) -> Iterator[ColumnElement[bool]]:
        """A condition that few sessions may meet, and that no index helps to find."""
        if self.flag not in ("", "any"):
            text = cast(ChargingSession.flags, String)
            yield text.like(like(f'"{self.flag}"'), escape="\\")


def meant(db: Session, q: str, known: dict[str, Any], *, apart: str = "") -> ColumnElement[bool]:
    """The condition of the sessions that someone means by what they typed.

    A number names a session, a transaction or a card; anything else is a part of the name of a
    station or a driver, or of a card.  Those are looked for first (once: `known` keeps them), for
    each has an index of its sessions.  What the column `apart` names is left to who asks.
    """
    number = "".join(q.split())
    if number.isascii() and number.isdigit() and len(number) < 18:
        pattern = like(number)[1:]
        found = [ChargingSession.id == int(number), ChargingSession.transaction_ref == number]
        things: list[Any] = [(ChargingSession.tag_id, Tag, (Tag.value,))]
    else:
        pattern, found = like(q), [ChargingSession.transaction_ref == q]
        things = [
            (ChargingSession.station_id, Station, (Station.identity, Station.name)),
            (ChargingSession.driver_id, Driver, (Driver.name,)),
            (ChargingSession.tag_id, Tag, (Tag.value,)),
        ]
    for column, model, names in things:
        if (ids := known.get(column.key)) is None:
            named = select(model.id).where(alike(pattern, *names))
            ids = list(db.scalars(named.limit(MOST_NAMED + 1)))
            # Ids where they are few, for a database plans by them.
            known[column.key] = ids = named if len(ids) > MOST_NAMED else ids
        if ids != [] and column.key != apart:
            found.append(column.in_(ids))
    unlisted = ChargingSession.tag_id.is_(None)
    return or_(*found, and_(unlisted, alike(pattern, ChargingSession.token)))


_LISTED = (
    joinedload(ChargingSession.station),
    joinedload(ChargingSession.site),
    joinedload(ChargingSession.driver),
    selectinload(ChargingSession.bills),
)


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    query = _sortable(wanted.select(db), wish.sort).options(*_LISTED)
    return fetch(db, query, wish, SORTS, default="-started", noun="sessions")


def _sortable(query: Select[Any], sort: str) -> Select[Any]:
    """Join what the order asks for, and nothing else: joins may lead a database astray."""
    if sort.lstrip("-") == "station":
        return query.join(Station, Station.id == ChargingSession.station_id)
    if sort.lstrip("-") == "driver":
        return query.outerjoin(Driver, Driver.id == ChargingSession.driver_id)
    return query


def running(db: Session) -> list[ChargingSession]:
    """Return the sessions that run now, the newest first."""
    query = Filter(state=SessionState.CHARGING).select(db).options(*_LISTED).limit(MOST_RUNNING)
    return list(db.scalars(ordered(query, "-started", SORTS, "-started")).unique())


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a filter; `gross_minor` by currency is what was billed, credits taken off.

    `duration_s` is that of the sessions that have ended.
    """

    sessions: int = 0
    energy_wh: Decimal = Decimal(0)
    duration_s: int = 0
    gross_minor: dict[str, int] = field(default_factory=dict)


def totals(db: Session, wanted: Filter) -> Totals:
    """Sum up all sessions of a filter, not just those of a page."""
    found = wanted.select(db)
    lasted = epoch(ChargingSession.ended_at) - epoch(ChargingSession.started_at)
    number = ChargingSession.id
    energy = found.with_only_columns(
        func.count(number),
        func.sum(ChargingSession.energy_wh),
        func.sum(lasted),
        func.min(number),
        func.max(number),
    )
    count, energy_wh, duration_s, first, last = db.execute(energy).one()
    # Not joined: SQLite would begin with the bills of all time.  Between which numbers they lie
    # lets PostgreSQL read their bills in a row.
    money = (
        select(Bill.currency, func.sum(Bill.gross_minor))
        .where(Bill.session_id.in_(found.with_only_columns(number)))
        .where(Bill.session_id.between(first, last))
        .group_by(Bill.currency)
        .order_by(Bill.currency)
    )
    sums = {currency: int(minor) for currency, minor in db.execute(money)}
    return Totals(count, energy_wh or Decimal(0), int(duration_s or 0), sums)


def one(db: Session, session_id: int) -> ChargingSession | None:
    """Return a session with all that its page shows of it."""
    return db.scalar(
        select(ChargingSession)
        .where(ChargingSession.id == session_id)
        .options(
            joinedload(ChargingSession.station),
            joinedload(ChargingSession.site),
            joinedload(ChargingSession.driver),
            joinedload(ChargingSession.tag),
            joinedload(ChargingSession.tariff_version).joinedload(TariffVersion.tariff),
            selectinload(ChargingSession.bills).selectinload(Bill.lines),
            selectinload(ChargingSession.bills).joinedload(Bill.receipt),
        )
    )


def readings(db: Session, session_id: int) -> list[MeterReading]:
    """Return a session's readings in the order in which they were taken."""
    return list(db.scalars(_taken(select(MeterReading), session_id).limit(MOST_READINGS)))


def samples(db: Session, session_id: int) -> Iterable[Any]:
    """What a session's readings hold, in the order in which they were taken: far more of them."""
    query = _taken(select(MeterReading.samples), session_id).limit(10 * MOST_READINGS)
    return db.execute(query.execution_options(yield_per=500))


def _taken(query: Any, session_id: int) -> Any:
    own = query.where(MeterReading.session_id == session_id)
    return own.order_by(MeterReading.taken_at, MeterReading.id)


def review(db: Session, session_id: int) -> Review | None:
    """Return the review of a session, open or decided."""
    return db.scalar(select(Review).where(Review.session_id == session_id))


def strays(db: Session, session_id: int) -> list[StrayStop]:
    """Return the stops that were kept beside a session."""
    query = select(StrayStop).where(StrayStop.session_id == session_id).order_by(StrayStop.id)
    return list(db.scalars(query))


def named(db: Session, wanted: Filter) -> list[tuple[str, str]]:
    """Say whom a filter by id means: (parameter, name) of its driver and its tag."""
    found = []
    if wanted.driver_id is not None and (driver := db.get(Driver, wanted.driver_id)):
        found.append(("driver", driver.name))
    if wanted.tag_id is not None and (tag := db.get(Tag, wanted.tag_id)):
        found.append(("tag", tag.value))
    return found
