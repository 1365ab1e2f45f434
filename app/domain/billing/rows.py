"""Writing bills: numbers without gaps, lines with their evidence; rows are only ever added."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain import events, sellers
from app.domain.billing.assessment import Assessment
from app.domain.billing.chain import seal
from app.domain.billing.usage import Measured, seconds_of
from app.domain.tariffs import Evidence, Line
from app.domain.vocabulary import BillKind
from app.models import Bill, BillLine, ChargingSession, Station, Tenant

_NEXT_NUMBER = text(
    "INSERT INTO bill_counters (tenant_id, year, last) VALUES (:tenant_id, :year, 1) "
    "ON CONFLICT (tenant_id, year) DO UPDATE SET last = bill_counters.last + 1 RETURNING last"
)


def next_number(db: Session, tenant_id: int, year: int) -> str:
    """Take the tenant's next bill number of a year.

    The counter's row stays locked until the unit of work ends, so a number that
    is rolled back is given again: no gaps, no doubles.
    """
    last = db.execute(_NEXT_NUMBER, {"tenant_id": tenant_id, "year": year}).scalar_one()
    return f"{year}-{last:06d}"


def standing(db: Session, session: ChargingSession) -> Bill | None:
    """The bill of a session that counts now: the last one, unless it is a credit."""
    last = db.scalar(
        select(Bill).where(Bill.session_id == session.id).order_by(Bill.sequence.desc()).limit(1)
    )
    return None if last is None or last.kind is BillKind.CREDIT else last


def add_bill(
    db: Session,
    assessment: Assessment,
    *,
    by: str,
    now: datetime,
    corrects: Bill | None = None,
    reason: str | None = None,
) -> Bill:
    """Add the bill of an assessed session, or its correction; the price must be known."""
    session, quote = assessment.session, assessment.quote
    if quote is None:
        raise ValueError("a session without a price cannot be billed")
    bill = Bill(
        **_head(db, session, now, by, reason),
        kind=BillKind.BILL if corrects is None else BillKind.CORRECTION,
        corrects_id=None if corrects is None else corrects.id,
        tariff_version_id=session.tariff_version_id,
        currency=quote.currency,
        energy_wh=assessment.energy_wh,
        net_minor=quote.net_minor,
        tax_minor=quote.tax_minor,
        gross_minor=quote.gross_minor,
        facts=_facts(db, assessment),
        lines=_lines(quote.lines, assessment.measured),
    )
    return _added(db, bill)


def draft(db: Session, assessment: Assessment) -> Bill | None:
    """The bill as it would be written now, for showing: it has no number and is not added."""
    quote = assessment.quote
    if quote is None:
        return None
    return Bill(
        session_id=assessment.session.id,
        number="",
        kind=BillKind.BILL,
        currency=quote.currency,
        energy_wh=assessment.energy_wh,
        net_minor=quote.net_minor,
        tax_minor=quote.tax_minor,
        gross_minor=quote.gross_minor,
        facts=_facts(db, assessment),
        lines=_lines(quote.lines, assessment.measured),
    )


def add_credit(db: Session, bill: Bill, *, by: str, reason: str, now: datetime) -> Bill:
    """Add the credit that takes a whole bill back, line by line."""
    session = bill.session
    credit = Bill(
        **_head(db, session, now, by, reason),
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
    return _added(db, credit)


def _head(
    db: Session, session: ChargingSession, now: datetime, by: str, reason: str | None
) -> dict[str, Any]:
    """What every kind of bill has; the number's year is that of the site's calendar."""
    last = db.scalar(select(func.max(Bill.sequence)).where(Bill.session_id == session.id)) or 0
    year = now.astimezone(ZoneInfo(session.timezone)).year
    return {
        "tenant_id": session.tenant_id,
        "site_id": session.site_id,
        "session_id": session.id,
        "sequence": last + 1,
        "number": next_number(db, session.tenant_id, year),
        "reason": reason,
        "issued_at": now,
        "issued_by": by,
    }


def _added(db: Session, bill: Bill) -> Bill:
    seal(db, bill)
    db.add(bill)
    db.flush()
    events.record(db, events.BillIssued(bill.tenant_id, bill.id, bill.session_id))
    return bill


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


def _facts(db: Session, assessment: Assessment) -> dict[str, Any]:
    """All that a receipt says beside its lines, so that it can be written again word for word."""
    session, measured, quote = assessment.session, assessment.measured, assessment.quote
    energy, version = measured.energy, assessment.version
    station: Station | None = session.station
    return {
        "started_at": instant(energy.started_at),
        "ended_at": instant(energy.ended_at),
        "timezone": session.timezone,
        "station": station.label if station else "",
        "evse": session.evse,
        "site": station.site.name if station else "",
        "address": (station.site.address or "") if station else "",
        "seller": sellers.of(
            db.get_one(Tenant, session.tenant_id), station.site if station else None
        ),
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
