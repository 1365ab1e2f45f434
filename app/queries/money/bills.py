"""Bills: the list with its sums, one with its chain and its receipt, and all as rows of a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, false, func, or_, select, union
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from app.domain.ground.vocabulary import ReceiptState
from app.models import (
    Bill,
    BillCounter,
    ChargingSession,
    Driver,
    DriverQuestion,
    Receipt,
    Site,
    Station,
    TariffVersion,
)
from app.queries.charging.session_rows import OF_SESSION, as_named, on_clock
from app.queries.charging.sessions import MOST_NAMED, meant
from app.queries.ground.filters import fitting
from app.queries.ground.names import by_name
from app.queries.ground.paging import (
    MOST_COUNTED,
    Page,
    Wish,
    count_up_to,
    fetch,
    in_pieces,
    like,
    narrowed,
)

#: No year has bills whose numbers are longer.
LONGEST_NUMBER = 12
SORTS: Mapping[str, Any] = {
    "issued": Bill.issued_at,
    "number": Bill.number,
    "session": Bill.session_id,
    "driver": by_name(func.coalesce(Driver.name, ChargingSession.token)),
    "energy": Bill.energy_wh,
    "gross": Bill.gross_minor,
    "duration": Bill.duration_s,
}

_LISTED = (
    joinedload(Bill.driver),
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
    #: Only these.
    ids: frozenset[int] | None = None
    #: The ids of what was looked for by its name: the same for all that is asked of a filter.
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def select(self, db: Session) -> Select[Any]:
        """Select the bills, in no order yet."""
        return self._meant(db).where(*fitting(self, kind=Bill.kind))

    def is_long(self, db: Session) -> bool:
        """Tell whether more are found in all time than a list counts."""
        return count_up_to(db, self._meant(db), MOST_COUNTED) > MOST_COUNTED

    def _meant(self, db: Session) -> Select[Any]:
        query = select(Bill).where(*self._indexed())
        return query.where(_named(db, self.q, self.known)) if self.q else query

    def _indexed(self) -> Iterator[ColumnElement[bool]]:
        own = {"site_id": Bill.site_id, "ids": Bill.id, "session_id": Bill.session_id}
        yield from fitting(self, Bill.issued_at, **own, driver_id=Bill.driver_id)
        if self.receipt in list(ReceiptState):
            yield _received(ReceiptState(self.receipt))
        elif self.receipt == "trouble":
            yield _received(ReceiptState.FAILED, ReceiptState.UNKNOWN)


def _received(*states: ReceiptState) -> ColumnElement[bool]:
    """Bills whose receipts are in one of these states: listed where those are few."""
    of_bills = select(Receipt.bill_id).where(Receipt.state.in_(states))
    if {ReceiptState.SENT, ReceiptState.SKIPPED}.intersection(states):
        return of_bills.where(Receipt.bill_id == Bill.id).correlate(Bill).exists()
    return Bill.id.in_(of_bills)


def _named(db: Session, q: str, known: dict[str, Any]) -> ColumnElement[bool]:
    """The bills of whom or what a text names: a number, a session, a driver, a station, a card.

    It names a driver by a part of their address, too, and a receipt by the whole of the one that it
    went to: within the addresses of all receipts nothing is looked for.
    """
    other, text = aliased(Bill), q.strip().casefold()
    if (whose := known.get("address")) is None:
        address = select(Driver.id).where(Driver.email_key.like(like(text), escape="\\"))
        ids = list(db.scalars(address.limit(MOST_NAMED + 1)))
        # A word that is in so many addresses, as their provider's name, names nobody.
        whose = known["address"] = ids if len(ids) <= MOST_NAMED else []
    sessions = meant(db, q, known, apart="driver_id")
    named = [ids for ids in (known.get("driver_id"), whose) if ids is not None and ids != []]
    theirs = or_(false(), *(other.driver_id.in_(ids) for ids in named))
    # One set of ids: of several conditions PostgreSQL would ask each bill there is.
    return Bill.id.in_(
        union(
            select(other.id).where(other.number.in_(numbered(db, q))),
            select(other.id).join(other.session).where(sessions),
            select(other.id).where(theirs),
            select(Receipt.bill_id).where(Receipt.recipient.in_([q.strip(), text])),
        )
    )


def numbered(db: Session, text: str) -> list[str]:
    """The numbers that a text may stand for: as it is written, or without year or leading zeros.

    Each is looked up whole; within the numbers of all time nothing is looked for.
    """
    plain = "".join(text.split())
    year, _, last = plain.rpartition("-")
    if not (last.isascii() and last.isdigit() and len(last) < LONGEST_NUMBER):
        return [plain]
    if year:
        known = [int(year)] if year.isascii() and year.isdigit() and len(year) == 4 else []
    else:
        known = list(db.scalars(select(BillCounter.year).where(BillCounter.year > 0).distinct()))
    return [plain, *(Bill.number_of(each, int(last)) for each in sorted(known))]


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    query = _sortable(wanted.select(db), wish.sort).options(*_LISTED)
    return fetch(db, query, wish, SORTS, default="-issued", noun="bills")


def _sortable(query: Select[Any], sort: str) -> Select[Any]:
    """Join what the order asks for, and nothing else: joins may lead a database astray."""
    if sort.lstrip("-") != "driver":
        return query
    return query.join(ChargingSession, ChargingSession.id == Bill.session_id).outerjoin(Bill.driver)


@dataclass(frozen=True, slots=True)
class Sum:
    """The sums of a filter in one currency; credits count against their bills.

    `duration_s` is what the billed sessions took.
    """

    currency: str
    bills: int
    energy_wh: Decimal
    net_minor: int
    tax_minor: int
    gross_minor: int
    duration_s: int


def totals(db: Session, wanted: Filter) -> list[Sum]:
    """Sum up all bills of a filter, not just those of a page: one row for each currency."""
    query = (
        wanted.select(db)
        .with_only_columns(
            Bill.currency,
            func.count(Bill.id),
            func.sum(Bill.energy_wh),
            func.sum(Bill.net_minor),
            func.sum(Bill.tax_minor),
            func.sum(Bill.gross_minor),
            func.sum(Bill.duration_s),
        )
        .group_by(Bill.currency)
        .order_by(Bill.currency)
    )
    return [
        Sum(currency, count, energy_wh, int(net), int(tax), int(gross), int(seconds or 0))
        for currency, count, energy_wh, net, tax, gross, seconds in db.execute(query)
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


def questions(db: Session, wish: Wish, *, closed: bool) -> Page:
    """Return the wished page of what drivers asked: what waits, or (`closed`) all of it."""
    query = select(DriverQuestion).options(joinedload(DriverQuestion.bill))
    if not closed:
        query = query.where(DriverQuestion.closed_at.is_(None))
    sorts = {"asked": DriverQuestion.asked_at}
    return fetch(db, query, wish, sorts, default="-asked", noun="questions")


class BillRow(NamedTuple):
    """One bill; `duration_s` is that of its session, `site_…` is on its site's clock."""

    number: str
    kind: str
    issued_at: datetime
    site_issued_at: str
    issued_by: str
    session: int
    driver: str | None
    station: str
    site: str
    site_started: str
    site_ended: str | None
    duration_s: int | None
    idle_s: int | None
    energy_wh: Decimal
    currency: str
    net_minor: int
    tax_minor: int
    gross_minor: int
    reason: str | None
    receipt: str | None
    sent_at: datetime | None
    digest: str | None


_OWN = (
    *("number", "kind", "issued_at", "issued_by", "energy_wh", "currency"),
    *("net_minor", "tax_minor", "gross_minor", "reason", "digest"),
)
_COLUMNS: dict[str, Any] = {
    **{name: getattr(Bill, name) for name in _OWN},
    "session": Bill.session_id,
    "receipt": Receipt.state,
    "sent_at": Receipt.sent_at,
    **OF_SESSION,
}


def rows(db: Session, wanted: Filter) -> Iterator[BillRow]:
    """Yield the bills of a filter, the newest first."""
    query = (
        select(*(column.label(name) for name, column in _COLUMNS.items()))
        .select_from(Bill)
        .join(ChargingSession, ChargingSession.id == Bill.session_id)
        .join(Station, Station.id == ChargingSession.station_id)
        .join(Site, Site.id == Bill.site_id)
        .outerjoin(Driver, Driver.id == Bill.driver_id)
        .outerjoin(Receipt, Receipt.bill_id == Bill.id)
        .where(narrowed(wanted.select(db)))
    )
    for row in in_pieces(db, query, (Bill.issued_at, Bill.id)):
        issued = on_clock(row.issued_at, row.timezone)
        yield as_named(BillRow, row, site_issued_at=issued)
