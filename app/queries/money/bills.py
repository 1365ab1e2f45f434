"""Bills for the pages: the list with its sums, and one with its chain and its receipt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground.vocabulary import BillKind, ReceiptState
from app.models import (
    Bill,
    ChargingSession,
    Driver,
    Receipt,
    Review,
    Site,
    Station,
    TariffVersion,
)
from app.queries.ground.paging import Page, Wish, fetch, like

SORTS: Mapping[str, Any] = {
    "issued": Bill.issued_at,
    "number": Bill.number,
    "session": Bill.session_id,
    "driver": func.lower(func.coalesce(Driver.name, ChargingSession.token)),
    "energy": Bill.energy_wh,
    "gross": Bill.gross_minor,
}

_LISTED = (
    joinedload(Bill.session).joinedload(ChargingSession.driver),
    joinedload(Bill.session).joinedload(ChargingSession.station),
    joinedload(Bill.receipt),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `kind` and `receipt` are words of the vocabulary."""

    q: str = ""
    kind: str = ""
    receipt: str = ""
    site_id: int | None = None
    driver_id: int | None = None
    session_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def select(self) -> Select[Any]:
        """Select the bills with what the list shows of them, in no order yet."""
        return (
            select(Bill)
            .join(ChargingSession, ChargingSession.id == Bill.session_id)
            .join(Station, Station.id == ChargingSession.station_id)
            .outerjoin(Driver, Driver.id == ChargingSession.driver_id)
            .outerjoin(Receipt, Receipt.bill_id == Bill.id)
            .where(*self._conditions())
        )

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        for column, value in (
            (Bill.site_id, self.site_id),
            (ChargingSession.driver_id, self.driver_id),
            (Bill.session_id, self.session_id),
        ):
            if value is not None:
                yield column == value
        if self.kind in list(BillKind):
            yield Bill.kind == BillKind(self.kind)
        if self.receipt in list(ReceiptState):
            yield Receipt.state == ReceiptState(self.receipt)
        elif self.receipt == "trouble":
            yield Receipt.state.in_((ReceiptState.FAILED, ReceiptState.UNKNOWN))
        if self.since:
            yield Bill.issued_at >= self.since
        if self.until:
            yield Bill.issued_at < self.until
        if self.q:
            yield _named(self.q)


def _named(q: str) -> ColumnElement[bool]:
    pattern = like(q)
    columns = (
        Bill.number,
        Driver.name,
        Driver.email,
        Receipt.recipient,
        ChargingSession.token,
        Station.identity,
    )
    found: list[ColumnElement[bool]] = [column.ilike(pattern, escape="\\") for column in columns]
    number = "".join(q.split())
    if number.isascii() and number.isdigit() and len(number) < 18:
        found.append(Bill.session_id == int(number))
    return or_(*found)


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    """Return the wished page of the list."""
    query = wanted.select().options(*_LISTED)
    return fetch(db, query, wish, SORTS, default="-issued", noun="bills")


@dataclass(frozen=True, slots=True)
class Sum:
    """The sums of a filter in one currency; credits count against their bills."""

    currency: str
    bills: int
    energy_wh: Decimal
    net_minor: int
    tax_minor: int
    gross_minor: int


def totals(db: Session, wanted: Filter) -> list[Sum]:
    """Sum up all bills of a filter, not just those of a page: one row for each currency."""
    found = wanted.select().with_only_columns(Bill.id).subquery()
    query = (
        select(
            Bill.currency,
            func.count(Bill.id),
            func.sum(Bill.energy_wh),
            func.sum(Bill.net_minor),
            func.sum(Bill.tax_minor),
            func.sum(Bill.gross_minor),
        )
        .where(Bill.id.in_(select(found.c.id)))
        .group_by(Bill.currency)
        .order_by(Bill.currency)
    )
    return [
        Sum(currency, count, energy_wh, int(net), int(tax), int(gross))
        for currency, count, energy_wh, net, tax, gross in db.execute(query)
    ]


def one(db: Session, bill_id: int) -> Bill | None:
    """Return a bill with all that its page shows of it."""
    found: Bill | None = db.scalar(_whole().where(Bill.id == bill_id))
    return found


def by_number(db: Session, tenant_id: int, number: str) -> Bill | None:
    """Return a tenant's bill by its number."""
    named = _whole().where(Bill.tenant_id == tenant_id, Bill.number == number.strip())
    found: Bill | None = db.scalar(named)
    return found


def _whole() -> Select[Bill]:
    return select(Bill).options(
        *_LISTED,
        joinedload(Bill.session)
        .joinedload(ChargingSession.tariff_version)
        .joinedload(TariffVersion.tariff),
        joinedload(Bill.corrects).joinedload(Bill.corrects),
        selectinload(Bill.lines),
        joinedload(Bill.receipt).selectinload(Receipt.deliveries),
    )


def chain(db: Session, session_id: int) -> list[Bill]:
    """Return all bills of a session, the first one first."""
    query = select(Bill).where(Bill.session_id == session_id).order_by(Bill.sequence)
    return list(db.scalars(query.options(joinedload(Bill.receipt))))


def review_of(db: Session, session_id: int) -> Review | None:
    """Return the review of a session, open or decided."""
    return db.scalar(select(Review).where(Review.session_id == session_id))


def sites(db: Session) -> list[tuple[int, str]]:
    """Return the sites that the list can be narrowed to."""
    return [(site.id, site.name) for site in db.scalars(select(Site).order_by(Site.name_key))]
