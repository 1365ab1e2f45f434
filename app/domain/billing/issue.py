"""From an ended session to its one bill, or to the review inbox."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import events, receipts
from app.domain.billing import doubts, history
from app.domain.billing.assessment import Assessment, assess, is_running, locked, remember
from app.domain.billing.rows import add_bill
from app.domain.vocabulary import SYSTEM, BillingState
from app.models import Bill, ChargingSession, Review


def issue(
    db: Session, session_id: int, *, now: datetime, provisional_hold_h: int = 24
) -> Bill | Review | None:
    """Bill an ended session once, or hold it for review; None where there is nothing to do.

    However often and by how many at once this is called, a session gets one
    bill: its row is locked, and the bill's unique sequence is the last guard.
    An assumed end waits `provisional_hold_h` hours for the charger's own, and
    one that lacks events until `bill_after`.  Nobody is billed for a plug that
    was taken and left without a tag and without energy, nor for a failed start.
    """
    session = locked(db, session_id)
    if session is None or is_running(session) or session.billing is not BillingState.OPEN:
        return None
    if session.provisional and now < provisional_until(session, provisional_hold_h):
        return None
    if session.bill_after is not None and now < session.bill_after:
        return None
    assessment = assess(db, session, now)
    note_energy(assessment)
    history.tell_gap(db, session, assessment.measured.plug, assessment.continuity, now=now)
    history.close_gap(db, session, assessment.measured.plug, assessment.measured.energy)
    if _nothing_happened(assessment) or assessment.too_little:
        session.billing = BillingState.WAIVED
        remember(db, assessment, now)
        return None
    if assessment.doubts:
        return hold(db, assessment, now=now)
    history.learn_power(db, session, assessment.measured.energy)
    return put_bill(db, assessment, by=SYSTEM.name, now=now)


def _nothing_happened(assessment: Assessment) -> bool:
    """Whether a 2.x transaction, all of it known, was a plug taken and left without a tag."""
    session = assessment.session
    known = session.last_seq_no is not None and session.bill_after is None
    return known and not session.provisional and not session.token and not assessment.energy_wh


def provisional_until(session: ChargingSession, provisional_hold_h: int) -> datetime:
    """Until when a session with an assumed end waits for the charger's own stop."""
    closed_at = session.stop_received_at or session.ended_at or session.started_at
    return closed_at + timedelta(hours=provisional_hold_h)


def note_energy(assessment: Assessment) -> None:
    """Keep the measured energy and its flags on the session's row."""
    session = assessment.session
    session.energy_wh = assessment.energy_wh
    flags = doubts.merged(session.flags or (), assessment.measured.energy.flags, assessment.remarks)
    session.flags = list(dict.fromkeys(flags))


def put_bill(db: Session, assessment: Assessment, *, by: str, now: datetime) -> Bill:
    """Add the session's first bill and queue its receipt."""
    session = assessment.session
    session.billing = BillingState.BILLED
    bill = add_bill(db, assessment, by=by, now=now)
    remember(db, assessment, now)
    receipts.queue(db, bill, now=now)
    return bill


def hold(
    db: Session, assessment: Assessment, *, now: datetime, more: tuple[str, ...] = ()
) -> Review:
    """Put a session into the review inbox with its reasons; an older review is opened again."""
    session = assessment.session
    session.billing = BillingState.HELD
    session.late_evidence_at = None
    review = db.scalar(select(Review).where(Review.session_id == session.id))
    if review is None:
        review = Review(tenant_id=session.tenant_id, site_id=session.site_id, session_id=session.id)
        db.add(review)
    review.reasons = list(dict.fromkeys([*assessment.doubts, *more]))
    review.opened_at = now
    review.decision = review.note = review.corrected_energy_wh = None
    review.decided_at = review.decided_by = None
    db.flush()
    events.record(db, events.BillHeld(session.tenant_id, session.id))
    return review
