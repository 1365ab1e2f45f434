"""A tariff on the bench: what the billed sessions of a month would have cost by a draft.

The draft prices what each bill was written for, by the functions that write bills: its energy, its
times, its idle minutes.  Nothing is stored.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, inspect, select
from sqlalchemy.orm import Session

from app.domain.ground.clock import let_others_run
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import BillKind, SessionState
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.usage import Measured, measured
from app.domain.money.tariffs import Tariff as Prices
from app.domain.money.tariffs import from_minor, price
from app.models import Bill, ChargingSession, Site, Station, Tariff
from app.queries.ground.period import Period

#: Sessions that are priced on a page; of more, every second, third … one is.
USUAL = 500
#: Sessions that are priced at most, by whoever can wait: for a file.
MOST = 20_000
#: Sessions that a page names.
_SHOWN = 20
#: Sessions that are read at once: some ten milliseconds, after which others have their turn.
_PIECE = 25

_OF_SESSION = tuple(
    getattr(ChargingSession, column.key) for column in inspect(ChargingSession).column_attrs
)
_LAST = (
    select(func.max(Bill.sequence))
    .where(Bill.session_id == ChargingSession.id)
    .correlate(ChargingSession)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A session with what its bill says and what the draft says, tax included, in minor units."""

    session_id: int
    started_at: datetime
    timezone: str
    site: str
    station: str
    energy_wh: Decimal
    minutes: int
    old_minor: int
    new_minor: int

    @property
    def difference_minor(self) -> int:
        """What the draft adds, or (below nothing) takes off."""
        return self.new_minor - self.old_minor

    @property
    def hour(self) -> int:
        """The hour in which it began, on its site's clock."""
        return self.started_at.astimezone(ZoneInfo(self.timezone)).hour


@dataclass(slots=True)
class Sums:
    """What some sessions come to together."""

    sessions: int = 0
    dearer: int = 0
    cheaper: int = 0
    energy_wh: Decimal = Decimal(0)
    old_minor: int = 0
    new_minor: int = 0

    def add(self, row: Compared) -> None:
        """Count one session."""
        self.sessions += 1
        self.dearer += row.difference_minor > 0
        self.cheaper += row.difference_minor < 0
        self.energy_wh += row.energy_wh
        self.old_minor += row.old_minor
        self.new_minor += row.new_minor

    @property
    def difference_minor(self) -> int:
        """What the draft adds, or takes off."""
        return self.new_minor - self.old_minor


@dataclass(slots=True)
class Bench:
    """How a draft compares: `found` sessions ended, `looked_at` of them were looked at.

    Those without a bill that stands (held, waived, taken back, failed) are in neither sum.
    """

    period: Period
    currency: str
    found: int = 0
    looked_at: int = 0
    rows: list[Compared] = field(default_factory=list)
    all: Sums = field(default_factory=Sums)
    hours: list[Sums] = field(default_factory=lambda: [Sums() for _ in range(24)])

    def add(self, row: Compared) -> None:
        """Count one session."""
        self.rows.append(row)
        self.all.add(row)
        self.hours[row.hour].add(row)

    @property
    def sampled(self) -> bool:
        """Whether only some of them were looked at."""
        return self.looked_at < self.found

    @property
    def greatest(self) -> list[Compared]:
        """The sessions that the draft changes most."""
        ranked = sorted(self.rows, key=lambda row: (-abs(row.difference_minor), row.session_id))
        return ranked[:_SHOWN]

    @property
    def by_hour(self) -> list[tuple[int, Sums]]:
        """The hours in which sessions began, with their sums."""
        return [(hour, sums) for hour, sums in enumerate(self.hours) if sums.sessions]

    @property
    def unbilled(self) -> int:
        """How many of those that were looked at have no bill that stands."""
        return self.looked_at - len(self.rows)


def run(
    db: Session,
    tenant_id: int,
    draft: Prices,
    period: Period,
    *,
    tariff: Tariff | None,
    most: int = USUAL,
    now: datetime,
) -> Bench:
    """Price the sessions that began in a period by a draft.

    Those that `tariff` priced; without one, all in the draft's currency.  Raises `Invalid` where
    the two are in different currencies.
    """
    if tariff is not None and tariff.currency != draft.currency:
        sentence = f"{tariff.name} is in {tariff.currency}: the draft has to be so, too."
        raise Invalid(sentence, field="currency")
    ids, found = _sample(db, tenant_id, draft.currency, period, tariff, min(max(1, most), MOST))
    bench = Bench(period, draft.currency, found, len(ids))
    for place in range(0, len(ids), _PIECE):
        for row in _compared(db, draft, ids[place : place + _PIECE], now):
            bench.add(row)
        let_others_run()
    return bench


def _sample(
    db: Session, tenant_id: int, currency: str, period: Period, tariff: Tariff | None, most: int
) -> tuple[list[int], int]:
    """The ids of those that are looked at, evenly over the period, and how many there are."""
    began = ChargingSession.started_at
    conditions = [
        ChargingSession.tenant_id == tenant_id,
        ChargingSession.state.in_((SessionState.ENDED, SessionState.NO_SHOW)),
        ChargingSession.currency == currency,
    ]
    if tariff is not None:
        own = [version.id for version in tariff.versions]
        conditions.append(ChargingSession.tariff_version_id.in_(own))
    zones = select(ChargingSession.timezone).where(*conditions, period.around(began)).distinct()
    names = list(db.scalars(zones))
    if not names:
        return [], 0
    conditions.append(period.on(began, ChargingSession.timezone, names))
    found = db.scalar(select(func.count(ChargingSession.id)).where(*conditions)) or 0
    order = (began, ChargingSession.id)
    numbered = select(
        ChargingSession.id, func.row_number().over(order_by=order).label("number")
    ).where(*conditions)
    rows = numbered.subquery()
    step = -(-found // most)
    chosen = select(rows.c.id).where(rows.c.number % step == 0) if step > 1 else select(rows.c.id)
    return list(db.scalars(chosen.order_by(rows.c.number))), found


def _compared(db: Session, draft: Prices, ids: Sequence[int], now: datetime) -> Iterator[Compared]:
    standing = and_(Bill.session_id == ChargingSession.id, Bill.sequence == _LAST)
    found = db.execute(
        select(
            *_OF_SESSION,
            Bill.gross_minor.label("billed_minor"),
            Bill.energy_wh.label("billed_wh"),
            Bill.currency.label("billed_in"),
            Station.identity.label("station"),
            Site.name.label("site"),
        )
        .join(Bill, standing)
        .join(Station, Station.id == ChargingSession.station_id)
        .join(Site, Site.id == ChargingSession.site_id)
        .where(ChargingSession.id.in_(ids), Bill.kind != BillKind.CREDIT)
        .order_by(ChargingSession.started_at, ChargingSession.id)
    )
    rows = [row for row in found if row.billed_in == draft.currency]
    book = book_of(db, rows, now)
    for row in rows:
        usage = _as_billed(book, row, timed=draft.by_flow).usage
        yield Compared(
            session_id=row.id,
            started_at=row.started_at,
            timezone=row.timezone,
            site=row.site,
            station=row.station,
            energy_wh=row.billed_wh,
            minutes=round((usage.ended_at - usage.started_at).total_seconds() / 60),
            old_minor=row.billed_minor,
            new_minor=price(draft, usage).gross_minor,
        )


def _as_billed(book: Book, session: Any, *, timed: bool) -> Measured:
    """A session with the energy of its bill, also where a person decided about it."""
    used = measured(book, session, timed=timed)
    if used.energy.energy_wh.quantize(Decimal("0.001")) == session.billed_wh:
        return used
    return measured(book, session, energy_wh=session.billed_wh, timed=timed)


def columns(currency: str) -> list[tuple[str, Callable[[Compared], Any]]]:
    """What is told of each session in a file: its heading and how it is read; money in full units.

    Times are those of the site's clock, with their offset.
    """

    def money(name: str) -> Callable[[Compared], Decimal]:
        return lambda row: from_minor(getattr(row, name), currency)

    return [
        ("session", lambda row: row.session_id),
        ("started", lambda row: row.started_at.astimezone(ZoneInfo(row.timezone)).isoformat()),
        ("site", lambda row: row.site),
        ("station", lambda row: row.station),
        ("kwh", lambda row: row.energy_wh / 1000),
        ("minutes", lambda row: row.minutes),
        ("currency", lambda row: currency),
        ("billed", money("old_minor")),
        ("draft", money("new_minor")),
        ("difference", money("difference_minor")),
    ]
