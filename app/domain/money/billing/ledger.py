"""Entering bills: numbers without gaps, places in the chain, digests; rows are only ever added.

However many bills are entered at once, each table is written once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, among, reserve
from app.domain.money.billing.book import Book
from app.domain.money.billing.chain import Evidence, before, digest_of
from app.models import Bill, BillLine

#: What of a bill its digest covers is as the database keeps it: to the thousandth of a watt-hour.
_THOUSANDTH = Decimal("0.001")

_BILL: Any = Bill.__table__
_LINE: Any = BillLine.__table__
_OF_BILL = tuple(column.name for column in _BILL.columns)
_OF_LINE = tuple(column.name for column in _LINE.columns if column.name != "id")
_BILLS = BulkInsert(_BILL, _OF_BILL)
_LINES = BulkInsert(_LINE, _OF_LINE)

#: Year 0 counts the places in the chain.
_CHAIN = 0
_TAKE = text(
    "INSERT INTO bill_counters (tenant_id, year, last) VALUES (:tenant_id, :year, :count) "
    "ON CONFLICT (tenant_id, year) DO UPDATE SET last = bill_counters.last + :count RETURNING last"
)
_SEQUENCES = (
    select(_BILL.c.session_id, func.max(_BILL.c.sequence))
    .where(among(_BILL.c.session_id, "ids"))
    .group_by(_BILL.c.session_id)
)


def take(db: Session, tenant_id: int, year: int, count: int) -> range:
    """Take the tenant's next bill numbers of a year.

    The counter's row stays locked until the unit of work ends, so a number that
    is rolled back is given again: no gaps, no doubles.
    """
    given = {"tenant_id": tenant_id, "year": year, "count": count}
    last: int = db.execute(_TAKE, given).scalar_one()
    return range(last - count + 1, last + 1)


def enter(book: Book, bills: Sequence[Bill]) -> None:
    """Give bills that are written out all that makes them bills, and add their rows.

    Whoever issues another bill of the tenant waits until this unit of work
    ends, so each bill follows one that is there.
    """
    if not bills:
        return
    db, evidence = book.db, book.evidence()
    last: dict[int, int] = dict(
        db.execute(_SEQUENCES, {"ids": [bill.session_id for bill in bills]}).all()
    )
    ids = iter(reserve(db, _BILL, len(bills)))
    for bill, (number, place) in zip(bills, _numbers(book, bills), strict=True):
        bill.id = next(ids)
        bill.number, bill.place = number, place
        bill.sequence = last[bill.session_id] = last.get(bill.session_id, 0) + 1
        bill.energy_wh = bill.energy_wh.quantize(_THOUSANDTH, ROUND_HALF_EVEN)
    _seal(db, bills, evidence)
    _BILLS(db, [[getattr(bill, name) for name in _OF_BILL] for bill in bills])
    lines = [
        [bill.id, *(getattr(line, name) for name in _OF_LINE[1:])]
        for bill in bills
        for line in bill.lines
    ]
    _LINES(db, lines)
    for bill in bills:
        events.record(db, events.BillIssued(bill.tenant_id, bill.id, bill.session_id))


def _numbers(book: Book, bills: Sequence[Bill]) -> Iterator[tuple[str, int]]:
    """The number and the place of each bill; the year is that of the site's calendar."""
    years = [
        bill.issued_at.astimezone(ZoneInfo(book.sessions[bill.session_id].timezone)).year
        for bill in bills
    ]
    wanted = Counter((bill.tenant_id, year) for bill, year in zip(bills, years, strict=True))
    wanted += Counter((bill.tenant_id, _CHAIN) for bill in bills)
    # In one order, so that two who bill at once never wait for each other.
    taken = {
        (tenant_id, year): iter(take(book.db, tenant_id, year, count))
        for (tenant_id, year), count in sorted(wanted.items(), key=lambda each: _order(each[0]))
    }
    for bill, year in zip(bills, years, strict=True):
        number, place = next(taken[bill.tenant_id, year]), next(taken[bill.tenant_id, _CHAIN])
        yield f"{year}-{number:06d}", place


def _order(counter: tuple[int, int]) -> tuple[int, int]:
    tenant_id, year = counter
    return tenant_id, -year


def _seal(db: Session, bills: Sequence[Bill], evidence: Evidence) -> None:
    """Give each bill its proof and the digests that make it a link of its tenant's chain."""
    previous: dict[int, str | None] = {}
    for bill in bills:
        tenant_id, place = bill.tenant_id, bill.place or 0
        if tenant_id not in previous:
            previous[tenant_id] = before(db, tenant_id, place)
        bill.previous_digest = previous[tenant_id]
        bill.proof = evidence.now(bill.session_id, bill.tariff_version_id)
        bill.digest = previous[tenant_id] = digest_of(bill, bill.lines)
