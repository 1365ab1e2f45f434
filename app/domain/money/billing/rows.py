"""Writing bills out: what they say of their session, line by line, with the evidence."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillKind
from app.domain.money import sellers
from app.domain.money.billing import ledger
from app.domain.money.billing.assessment import Assessment
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.usage import Measured, seconds_of
from app.domain.money.tariffs import Evidence, Line
from app.models import Bill, BillLine, ChargingSession, Station


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
        facts=_facts(assessment),
        lines=_lines(quote.lines, assessment.measured),
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
        **_head(session, by, now, reason),
        kind=BillKind.CREDIT,
        corrects_id=bill.id,
        tariff_version_id=bill.tariff_version_id,
        currency=bill.currency,
        energy_wh=-bill.energy_wh,
        net_minor=-bill.net_minor,
        tax_minor=-bill.tax_minor,
        gross_minor=-bill.gross_minor,
        facts={**bill.facts, "credits": bill.number},
        lines=[_negated(line) for line in bill.lines],
    )
    return _entered(book_of(db, [session], now), credit)


def _head(
    session: ChargingSession, by: str, now: datetime | None, reason: str | None
) -> dict[str, Any]:
    """What every kind of bill has."""
    return {
        "tenant_id": session.tenant_id,
        "site_id": session.site_id,
        "session_id": session.id,
        "number": "",
        "reason": reason,
        "issued_at": now,
        "issued_by": by,
    }


def _entered(book: Book, bill: Bill) -> Bill:
    ledger.enter(book, [bill])
    return book.db.get_one(Bill, bill.id)


def _negated(line: BillLine) -> BillLine:
    return BillLine(
        position=line.position,
        kind=line.kind,
        label=line.label,
        parameters=line.parameters,
        quantity=-line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        tax_percent=line.tax_percent,
        net_minor=-line.net_minor,
        tax_minor=-line.tax_minor,
        gross_minor=-line.gross_minor,
        evidence=line.evidence,
    )


def _lines(lines: Sequence[Line], measured: Measured) -> list[BillLine]:
    base = _register_base(measured)
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
            evidence={"parts": [_evidence(part, base) for part in line.evidence]},
        )
        for position, line in enumerate(lines, 1)
    ]


def _evidence(part: Evidence, base: Decimal | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "from_at": instant(part.from_at),
        "to_at": instant(part.to_at),
        "from_wh": plain(part.from_wh),
        "to_wh": plain(part.to_wh),
    }
    if base is not None:
        found["from_register_wh"] = plain(base + part.from_wh)
        found["to_register_wh"] = plain(base + part.to_wh)
    for end in ("from", "to"):
        between = getattr(part, f"{end}_between")
        if between is not None:
            found[f"{end}_between"] = [instant(at) for at in between]
    return found


def _register_base(measured: Measured) -> Decimal | None:
    """What to add to the energy since the start to get the register; None if that is not true."""
    energy = measured.energy
    whole = energy.basis == "register" and len(energy.segments) == 1 and not measured.corrected
    if not whole or energy.initial_wh is None or energy.final_wh is None:
        return None
    return energy.initial_wh if energy.final_wh - energy.initial_wh == energy.energy_wh else None


def _facts(assessment: Assessment) -> dict[str, Any]:
    """All that a receipt says beside its lines, so that it can be written again word for word."""
    session, measured, quote = assessment.session, assessment.measured, assessment.quote
    energy, version = measured.energy, session.tariff_version
    station: Station | None = session.station
    return {
        "started_at": instant(energy.started_at),
        "ended_at": instant(energy.ended_at),
        "timezone": session.timezone,
        "station": station.label if station else "",
        "evse": session.evse,
        "site": station.site.name if station else "",
        "address": (station.site.address or "") if station else "",
        "seller": sellers.of(assessment.book.tenant(session), station.site if station else None),
        "register_from_wh": optional(energy.initial_wh),
        "register_to_wh": optional(energy.final_wh),
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
    }


def instant(at: datetime) -> str:
    """An instant as JSON keeps it."""
    return at.isoformat()


def plain(number: Decimal) -> str:
    """A decimal as JSON keeps it."""
    return format(number, "f")


def optional(number: Decimal | None) -> str | None:
    """A decimal or nothing, as JSON keeps it."""
    return None if number is None else plain(number)
