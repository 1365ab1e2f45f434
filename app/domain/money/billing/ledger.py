"""Bills: written out line by line with their evidence, then entered; rows are only ever added.

Numbers have no gaps and each bill is a link of its tenant's chain.  However many are entered at
once, each table is written once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, among, reserve
from app.domain.ground.vocabulary import BillKind, Json
from app.domain.money import receipts
from app.domain.money.billing.assessment import Assessment
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.chain import LINE, Evidence, before, digest_of
from app.domain.money.billing.usage import Measured, seconds_of
from app.domain.money.tariffs import Line, Part
from app.domain.money.tariffs.document import plain
from app.models import Bill, BillLine, ChargingSession, Station

#: What of a bill its digest covers is as the database keeps it: to the thousandth of a watt-hour.
_THOUSANDTH = Decimal("0.001")
#: What a credit turns round on each line.
_AMOUNTS = ("quantity", "net_minor", "tax_minor", "gross_minor")

_BILL = Bill.__table__
_LINE = BillLine.__table__
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


def standing(db: Session, session: ChargingSession) -> Bill | None:
    """The bill of a session that counts now: the last one, unless it is a credit."""
    last = db.scalar(
        select(Bill).where(Bill.session_id == session.id).order_by(Bill.sequence.desc()).limit(1)
    )
    return None if last is None or last.kind is BillKind.CREDIT else last


def written(
    assessment: Assessment,
    *,
    by: str = "",
    now: datetime | None = None,
    corrects: int | None = None,
    reason: str | None = None,
) -> Bill | None:
    """The bill as it would be entered, for entering or for showing; None without a price.

    It has no number and is not added.  `corrects` is the credit before a correction.
    """
    session, quote = assessment.session, assessment.quote
    if quote is None:
        return None
    measured = assessment.measured
    took = (measured.energy.started_at, measured.energy.ended_at)
    return Bill(
        **_head(session, by, now, reason),
        kind=BillKind.BILL if corrects is None else BillKind.CORRECTION,
        corrects_id=corrects,
        tariff_version_id=session.tariff_version_id,
        currency=quote.currency,
        energy_wh=assessment.energy_wh,
        net_minor=quote.net_minor,
        tax_minor=quote.tax_minor,
        gross_minor=quote.gross_minor,
        duration_s=0 if measured.usage.no_show else seconds_of([took]),
        facts=_facts(assessment),
        lines=_lines(quote.lines, measured),
    )


def to_enter(assessment: Assessment, **given: Any) -> Bill:
    """A bill as `written`; the price must be known."""
    bill = written(assessment, **given)
    if bill is None:
        raise ValueError("a session without a price cannot be billed")
    return bill


def add_correction(
    assessment: Assessment, credit: Bill, *, by: str, reason: str, now: datetime
) -> Bill:
    """Add the bill that takes the place of one that was taken back; the price must be known."""
    bill = to_enter(assessment, by=by, now=now, corrects=credit.id, reason=reason)
    return _entered(assessment.book, bill)


def add_credit(db: Session, bill: Bill, *, by: str, reason: str, now: datetime) -> Bill:
    """Add the credit that takes a whole bill back, line by line."""
    session = bill.session
    credit = Bill(
        **_head(session, by, now, reason) | {"driver_id": bill.driver_id},
        kind=BillKind.CREDIT,
        corrects_id=bill.id,
        tariff_version_id=bill.tariff_version_id,
        currency=bill.currency,
        energy_wh=-bill.energy_wh,
        net_minor=-bill.net_minor,
        tax_minor=-bill.tax_minor,
        gross_minor=-bill.gross_minor,
        duration_s=None if bill.duration_s is None else -bill.duration_s,
        facts={**bill.facts, "credits": bill.number},
        lines=[_negated(line) for line in bill.lines],
    )
    return _entered(book_of(db, [session], now), credit)


def _head(session: ChargingSession, by: str, now: datetime | None, reason: str | None) -> Json:
    """What every kind of bill has."""
    return {
        "tenant_id": session.tenant_id,
        "site_id": session.site_id,
        "session_id": session.id,
        "driver_id": session.driver_id,
        "number": "",
        "reason": reason,
        "issued_at": now,
        "issued_by": by,
    }


def _entered(book: Book, bill: Bill) -> Bill:
    enter(book, [bill])
    return book.db.get_one(Bill, bill.id)


def _negated(line: BillLine) -> BillLine:
    same = {name: getattr(line, name) for name in LINE}
    return BillLine(**same | {name: -same[name] for name in _AMOUNTS})


def _lines(lines: Sequence[Line], measured: Measured) -> list[BillLine]:
    register = _register(measured)
    return [
        BillLine(
            position=position,
            kind=line.kind,
            label=line.label[0],
            parameters=dict(line.label[1]),
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            tax_percent=line.tax_percent,
            net_minor=line.net_minor,
            tax_minor=line.tax_minor,
            gross_minor=line.gross_minor,
            evidence={"parts": [_evidence(part, register) for part in line.evidence]},
        )
        for position, line in enumerate(lines, 1)
    ]


def _evidence(part: Part, register: Callable[[Decimal], Decimal] | None) -> Json:
    found: Json = {
        "from_at": part.from_at.isoformat(),
        "to_at": part.to_at.isoformat(),
        "from_wh": plain(part.from_wh),
        "to_wh": plain(part.to_wh),
    }
    if register is not None:
        found["from_register_wh"] = plain(register(part.from_wh))
        found["to_register_wh"] = plain(register(part.to_wh))
    for end in ("from", "to"):
        between = getattr(part, f"{end}_between")
        if between is not None:
            found[f"{end}_between"] = [at.isoformat() for at in between]
    return found


def _register(measured: Measured) -> Callable[[Decimal], Decimal] | None:
    """Where the meter stood after so much energy; None if energy and register differ.

    At the end it is the register that was read: energy is billed in whole watt-hours.
    """
    energy = measured.energy
    whole = energy.basis == "register" and len(energy.segments) == 1 and not measured.corrected
    first, last = energy.initial_wh, energy.final_wh
    if not whole or first is None or last is None or last - first != energy.energy_wh:
        return None
    return lambda wh: last if wh and abs(first + wh - last) < 1 else first + wh


def _facts(assessment: Assessment) -> Json:
    """All that a receipt says beside its lines, so that it can be written again word for word."""
    session, measured, quote = assessment.session, assessment.measured, assessment.quote
    energy, version = measured.energy, session.tariff_version
    station: Station | None = session.station
    return {
        "started_at": energy.started_at.isoformat(),
        "ended_at": energy.ended_at.isoformat(),
        "timezone": session.timezone,
        "station": station.label if station else "",
        "evse": session.evse,
        "site": session.site.name,
        "address": session.site.address or "",
        "seller": receipts.seller_of(assessment.book.tenant(session), session.site),
        "register_from_wh": _or_none(energy.initial_wh),
        "register_to_wh": _or_none(energy.final_wh),
        "measured_wh": plain(energy.measured_wh),
        "corrected": measured.corrected,
        "basis": energy.basis,
        "flags": sorted(flag.value for flag in energy.flags),
        "charging_s": seconds_of(measured.usage.charging),
        "idle_s": seconds_of(measured.usage.idle),
        "idle_by_meter_s": seconds_of(measured.usage.idle_by_meter),
        "tariff": version.tariff.name if version else "",
        "tariff_version": version.number if version else None,
        "tariff_why": session.tariff_why or "",
        "tax_mode": quote.tax_mode.value if quote else "",
        "taxes": [
            [plain(tax.percent), tax.net_minor, tax.tax_minor, tax.gross_minor]
            for tax in (quote.taxes if quote else ())
        ],
        "explanation": [
            [key, dict(values)] for key, values in (quote.explanation if quote else ())
        ],
        "payments": [
            [paid.reference, paid.minor, paid.receipt_number] for paid in assessment.told.payments
        ],
        "provisional": session.provisional,
        "incomplete": session.bill_after is not None,
        **({"reservation": session.reservation_id} if measured.usage.no_show else {}),
    }


def _or_none(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


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
        for (tenant_id, year), count in sorted(
            wanted.items(), key=lambda each: (each[0][0], -each[0][1])
        )
    }
    for bill, year in zip(bills, years, strict=True):
        number, place = next(taken[bill.tenant_id, year]), next(taken[bill.tenant_id, _CHAIN])
        yield Bill.number_of(year, number), place


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
