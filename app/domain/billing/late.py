"""What a charger tells after the bill: its own stop (FIELD 3.4), or a payment at it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import audit
from app.domain.billing.assessment import Assessment, assess, locked
from app.domain.billing.corrections import replace
from app.domain.billing.doubts import LATE_STOP, SETTLED_DIFFERS
from app.domain.billing.issue import hold, note_energy, put_bill
from app.domain.billing.rows import standing
from app.domain.billing.told import Payment, payments_of
from app.domain.sessions.doubts import flag
from app.domain.vocabulary import SYSTEM, BillingState
from app.models import Bill, ChargingSession, Review

#: Differences below this many minor units are noted, not charged or paid back.
THRESHOLD_MINOR = 10
#: Marks a session whose late stop has been looked at and left the bill as it is.
NOTED = "late_stop_noted"


def _(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


REASON = _("The charger's own stop arrived late.")


def apply_late_stop(
    db: Session,
    session: ChargingSession,
    *,
    now: datetime,
    threshold_minor: int = THRESHOLD_MINOR,
) -> Bill | Review | None:
    """Bring a decided session in line with the charger's own stop, once.

    Nothing happens unless an assumed end has been replaced.  A waiting review is
    weighed again; a bill is replaced by a credit and a correction, unless the
    difference is below `threshold_minor`.  What a person decided is not
    overturned by a machine: it goes back to the inbox.
    """
    if session.provisional or "late_stop" not in (session.flags or ()):
        return None
    if session.billing is BillingState.HELD:
        return _weigh_again(db, session, now)
    bill = standing(db, session)
    assumed = bill is not None and (bill.facts.get("provisional") or bill.facts.get("incomplete"))
    if bill is None or not assumed or NOTED in session.flags:
        return None
    assessment = assess(db, session, now)
    if not _matters(bill, assessment, threshold_minor):
        before = audit.snapshot(session)
        flag(session, NOTED)
        remark = f"{REASON} The difference is too small to correct bill {bill.number}."
        audit.note(db, SYSTEM, "session.late_stop", session, now=now, before=before, remark=remark)
        return None
    if assessment.doubts or bill.facts.get("corrected"):
        note_energy(assessment)
        return hold(db, assessment, now=now, more=(LATE_STOP,))
    return replace(db, SYSTEM, bill, assessment, reason=REASON, now=now)


def apply_payment(db: Session, session_id: int, *, now: datetime) -> Review | None:
    """Look at a decided session again whose payment at the charger is told, or taken back.

    One of the whole total is shown beside the bill; any other amount, and any
    for a session that was to cost nothing, goes to review.
    """
    session = locked(db, session_id)
    if session is None or session.billing is BillingState.OPEN:
        return None
    bill, assessment = standing(db, session), assess(db, session, now)
    total = known = 0
    if bill is not None:
        total, known = bill.gross_minor, sum(paid[1] for paid in bill.facts.get("payments", ()))
    elif session.billing is BillingState.HELD and assessment.quote is not None:
        total = assessment.quote.gross_minor
    if assessment.told.paid_minor in (known, total):
        return None
    return hold(db, assessment, now=now, more=(SETTLED_DIFFERS,))


def late_payments(db: Session, bill: Bill) -> tuple[Payment, ...]:
    """What was paid at the charger for a bill's session, and the bill does not say."""
    said = {paid[0] for paid in bill.facts.get("payments", ())}
    return tuple(paid for paid in payments_of(db, bill.session) if paid.reference not in said)


def _matters(bill: Bill, assessment: Assessment, threshold_minor: int) -> bool:
    quote = assessment.quote
    return quote is None or abs(quote.gross_minor - bill.gross_minor) >= threshold_minor


def _weigh_again(db: Session, session: ChargingSession, now: datetime) -> Bill | Review | None:
    """A held session whose stop has come: billed if nothing else speaks against it."""
    review = db.scalar(
        select(Review).where(Review.session_id == session.id, Review.decided_at.is_(None))
    )
    if review is None or session.stop_received_at is None:
        return None
    if session.stop_received_at <= review.opened_at or LATE_STOP in review.reasons:
        return None
    assessment = assess(db, session, now)
    note_energy(assessment)
    if assessment.doubts or standing(db, session) is not None:
        return hold(db, assessment, now=now)
    review.decision, review.note = "settled", REASON
    review.decided_at, review.decided_by = now, SYSTEM.name
    return put_bill(db, assessment, by=SYSTEM.name, now=now)
