"""Changing what a session cost: a credit of the whole bill, then a new one beside it."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, BillingState
from app.domain.money import receipts
from app.domain.money.billing.assessment import Assessment, assess, locked, remember
from app.domain.money.billing.issue import note_energy
from app.domain.money.billing.rows import add_correction, add_credit, standing
from app.domain.office import audit
from app.models import Bill, ChargingSession

#: No session on a road vehicle's plug holds more.
ENERGY_MOST_WH = Decimal(2_000_000)


def correct(
    db: Session,
    actor: Actor,
    session: ChargingSession,
    *,
    reason: str,
    now: datetime,
    energy_wh: Decimal | None = None,
    named: Bill | None = None,
) -> Bill:
    """Replace a session's bill by one with this energy, or (None) by what its rows say now.

    `named` is the bill that is meant.  Returns the correction; its credit is
    `corrects` of the chain.  Raises Invalid without a reason, and Conflict where
    there is no bill, no price, nothing would change, or another bill stands.
    """
    reason = reason_text(reason)
    locked_session, bill = _billed(db, session, named)
    assessment = assess(db, locked_session, now, energy_wh=checked_energy(energy_wh))
    if assessment.quote is None:
        raise Conflict("This session has no price, so it cannot be billed anew.")
    if not differs(bill, assessment):
        raise Conflict(f"Bill {bill.number} would not change.")
    return replace(db, actor, bill, assessment, reason=reason, now=now)


def refund(
    db: Session,
    actor: Actor,
    session: ChargingSession,
    *,
    reason: str,
    now: datetime,
    named: Bill | None = None,
) -> Bill:
    """Take a session's bill back whole, without another in its place; raises as `correct`."""
    reason = reason_text(reason)
    locked_session, bill = _billed(db, session, named)
    credit = add_credit(db, bill, by=actor.name, reason=reason, now=now)
    receipts.queue(db, credit, now=now)
    locked_session.billing = BillingState.WAIVED
    remember(db, assess(db, locked_session, now), now)
    audit.note(db, actor, "bill.refund", credit, now=now, remark=reason)
    db.flush()
    return credit


def replace(
    db: Session,
    actor: Actor,
    bill: Bill,
    assessment: Assessment,
    *,
    reason: str,
    now: datetime,
) -> Bill:
    """Add the credit and the correction of a bill; the two are told in one mail."""
    session = assessment.session
    credit = add_credit(db, bill, by=actor.name, reason=reason, now=now)
    receipts.skip(db, credit, "told in the mail of the correction", now=now)
    correction = add_correction(assessment, credit, by=actor.name, reason=reason, now=now)
    receipts.queue(db, correction, now=now)
    session.billing = BillingState.BILLED
    remember(db, assessment, now)
    note_energy(assessment)
    audit.note(db, actor, "bill.correct", correction, now=now, remark=reason)
    db.flush()
    return correction


def differs(bill: Bill, assessment: Assessment) -> bool:
    """Tell whether a bill is not what would be billed now."""
    quote = assessment.quote
    if quote is None:
        return True
    now = (quote.net_minor, quote.tax_minor, quote.gross_minor, assessment.energy_wh)
    return (bill.net_minor, bill.tax_minor, bill.gross_minor, bill.energy_wh) != now


def reason_text(reason: str, *, field: str = "reason") -> str:
    """A reason that a person gave; raises Invalid when it says nothing."""
    return texts.line(reason, "The reason", 300, field=field, required=True)


def checked_energy(energy_wh: Decimal | None) -> Decimal | None:
    """An energy that a person gave, in Wh to the thousandth; raises Invalid beyond reason."""
    if energy_wh is None:
        return None
    if not energy_wh.is_finite() or not 0 <= energy_wh <= ENERGY_MOST_WH:
        raise Invalid("The energy lies between 0 and 2000 kWh.", field="energy_kwh")
    return energy_wh.quantize(Decimal("0.001"))


def check_named(named: Bill | None, standing_bill: Bill | None) -> None:
    """Raise Conflict where the bill that was named is not the one that stands."""
    if named is None or (standing_bill is not None and named.id == standing_bill.id):
        return
    if standing_bill is None:
        raise Conflict(f"Bill {named.number} does not stand; its session has no bill that does.")
    raise Conflict(f"Bill {named.number} does not stand; bill {standing_bill.number} does.")


def _billed(
    db: Session, session: ChargingSession, named: Bill | None
) -> tuple[ChargingSession, Bill]:
    """The session, locked, and its standing bill; raises NotFound or Conflict."""
    found = locked(db, session.id)
    if found is None:
        raise NotFound("There is no such session.")
    bill = standing(db, found)
    check_named(named, bill)
    if bill is None or found.billing is not BillingState.BILLED:
        raise Conflict("This session has no bill that stands.")
    return found, bill
