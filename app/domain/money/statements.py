"""A driver's month: the bills that were issued in it on their sites' clocks, and their sums.

Nothing is reckoned here: the sums are those of the bills, credits taken off, to the cent.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import SYSTEM, Actor
from app.domain.office import audit, outbox
from app.models import Bill, Driver, DriverStatement, Tag, TagGroup

#: No clock is further from UTC than this.
_FURTHEST = timedelta(hours=15)
#: By this time of the first day the month is over everywhere; then statements are mailed, and
#: for so many days it is made up for what could not be done.
_OVER, _DAYS = timedelta(hours=12), 7
#: Drivers that are looked at at once.
_PIECE = 200
#: Bills of a month that are read to find the month.
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Sum:
    """What the bills of a month come to in one currency."""

    currency: str
    bills: int
    energy_wh: Decimal
    net_minor: int
    tax_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A driver's month; `first` is its first day."""

    driver: Driver
    first: date
    bills: Sequence[Bill]
    sums: Sequence[Sum]

    @property
    def month(self) -> str:
        """The month as it is written in addresses: 2026-10."""
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A statement as a mail."""

    subject: str
    text: str


def read_month(text: str) -> date:
    """The first day of a month like 2026-10; raises `Invalid`."""
    if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text, re.ASCII):
        raise Invalid("Name the month like 2026-10.", field="month")
    return date.fromisoformat(f"{text}-01")


def month_of(bill: Bill) -> date:
    """The month in which a bill was issued, on the clock of its site."""
    return _month(bill.issued_at, bill.facts["timezone"])


def _month(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date().replace(day=1)


def of(db: Session, driver: Driver, first: date) -> Statement:
    """The statement of a driver's month."""
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    end = datetime(*_next(first), 1, tzinfo=UTC)
    query = (
        select(Bill)
        .where(
            Bill.driver_id == driver.id,
            Bill.issued_at >= start - _FURTHEST,
            Bill.issued_at < end + _FURTHEST,
        )
        .options(joinedload(Bill.corrects))
        .order_by(Bill.issued_at, Bill.id)
    )
    bills = [bill for bill in db.scalars(query) if month_of(bill) == first]
    return Statement(driver, first, bills, sums_of(bills))


def sums_of(bills: Sequence[Bill]) -> list[Sum]:
    """What bills come to, currency by currency."""
    found = []
    for currency in sorted({bill.currency for bill in bills}):
        own = [bill for bill in bills if bill.currency == currency]
        found.append(
            Sum(
                currency,
                len(own),
                sum((bill.energy_wh for bill in own), Decimal(0)),
                sum(bill.net_minor for bill in own),
                sum(bill.tax_minor for bill in own),
                sum(bill.gross_minor for bill in own),
            )
        )
    return found


def months(db: Session, driver: Driver, most: int) -> list[date]:
    """The newest months in which bills of a driver were issued, the newest first.

    A few bills of each month are read, from its end on; what lies within it is passed over.
    """
    found: set[date] = set()
    query = select(Bill.issued_at, Bill.facts["timezone"].as_string())
    query = query.where(Bill.driver_id == driver.id).order_by(Bill.issued_at.desc())
    rows = db.execute(query.limit(_LOOKED_AT)).all()
    while rows:
        found.update(_month(at, zone) for at, zone in rows)
        if len(rows) < _LOOKED_AT or len(found) > most:
            break
        first = min(found)
        begun = datetime(first.year, first.month, 1, tzinfo=UTC) + _FURTHEST
        older = query.where(Bill.issued_at < min(rows[-1][0], begun))
        rows = db.execute(older.limit(_LOOKED_AT)).all()
    return sorted(found, reverse=True)[:most]


def mail(
    db: Session,
    actor: Actor,
    driver: Driver,
    first: date,
    write: Callable[[Statement], Letter],
    *,
    now: datetime,
) -> Statement:
    """Queue the mail of a month's statement; raises `Conflict` without an address or any bill."""
    found = of(db, driver, first)
    if not driver.email:
        raise Conflict("The driver has no e-mail address.")
    if not found.bills:
        raise Conflict("There are no bills in this month.")
    letter, tenant = write(found), driver.tenant_id
    outbox.queue(
        db, tenant, recipient=driver.email, subject=letter.subject, body=letter.text, now=now
    )
    row = db.scalar(
        select(DriverStatement).where(
            DriverStatement.driver_id == driver.id, DriverStatement.month == found.month
        )
    )
    if row is None:
        row = DriverStatement(tenant_id=tenant, driver_id=driver.id, month=found.month)
        db.add(row)
    row.asked_by, row.asked_at = actor.name, now
    audit.remark(db, actor, "driver.statement", driver, found.month, now=now)
    db.flush()
    return found


def mail_due(
    db: Session,
    driver_id: int,
    first: date,
    write: Callable[[Statement], Letter],
    *,
    now: datetime,
) -> None:
    """Queue the mail of a statement that was `due`, unless it was done since: by another round
    that found it at the same time, or by a person.
    """
    if db.scalar(_sent(driver_id, first)) is None:
        mail(db, SYSTEM, db.get_one(Driver, driver_id), first, write, now=now)


def _sent(driver_id: Any, first: date) -> Select[int]:
    return select(DriverStatement.id).where(
        DriverStatement.driver_id == driver_id, DriverStatement.month == f"{first:%Y-%m}"
    )


def due(db: Session, *, now: datetime) -> tuple[date, Iterator[int]]:
    """The month that is over, and the ids of the drivers who are to be mailed its statement and
    were not, read piece by piece.
    """
    today = now.astimezone(UTC) - _OVER
    last = (today.replace(day=1) - timedelta(days=1)).date().replace(day=1)
    if today.day > _DAYS:
        return last, iter(())
    return last, _waiting(db, last)


def _waiting(db: Session, last: date) -> Iterator[int]:
    grouped = (
        select(Tag.id)
        .join(TagGroup, TagGroup.id == Tag.group_id)
        .where(Tag.driver_id == Driver.id, Tag.archived_at.is_(None), TagGroup.statements)
        .exists()
    )
    begin = datetime(last.year, last.month, 1, tzinfo=UTC) - _FURTHEST
    end = datetime(*_next(last), 1, tzinfo=UTC) + _FURTHEST
    billed = select(Bill.id).where(
        Bill.driver_id == Driver.id, Bill.issued_at >= begin, Bill.issued_at < end
    )
    wanted = (
        or_(Driver.statements, grouped),
        Driver.email.is_not(None),
        Driver.archived_at.is_(None),
    )
    query = select(Driver).where(*wanted, ~_sent(Driver.id, last).exists(), billed.exists())
    query, after = query.order_by(Driver.id).limit(_PIECE), 0
    while found := db.scalars(query.where(Driver.id > after)).all():
        after = found[-1].id
        # Those whose bills are of the first hours of this month, on their clocks, have none in it.
        yield from [driver.id for driver in found if of(db, driver, last).bills]


def _next(first: date) -> tuple[int, int]:
    return (first.year + first.month // 12, first.month % 12 + 1)
