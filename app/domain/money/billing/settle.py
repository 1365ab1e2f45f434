"""What ended sessions are due: their bill, or what arrives later weighed, told and never dropped.

A difference goes to a person, who sees both; below the tenant's amount it is
noted on the session.  Only an end that we had assumed, and billed, gives way to
the charger's own stop without a person (FIELD 3.4).  A payment at the charger
that becomes known later counts as well.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.charging.sessions import row, unused
from app.domain.charging.sessions.provisional import follow_readings
from app.domain.ground.texts import N_ as _
from app.domain.ground.vocabulary import SYSTEM, BillingState, SessionState
from app.domain.money.billing.assessment import (
    ENDS_CONTRADICT,
    LATE_STOP,
    SETTLED_DIFFERS,
    Assessment,
    Payment,
    assess,
    is_running,
    other_ends,
    payments_of,
    remember,
)
from app.domain.money.billing.corrections import replace
from app.domain.money.billing.issue import hold, issue_all, note_energy, put_bill
from app.domain.money.billing.ledger import standing
from app.domain.money.tariffs import from_minor
from app.domain.office import audit
from app.models import Bill, ChargingSession, Review, TariffVersion

#: What a set's bills name, read once for all of them.
_NAMED = (
    selectinload(ChargingSession.station),
    selectinload(ChargingSession.site),
    selectinload(ChargingSession.driver),
    selectinload(ChargingSession.tariff_version).selectinload(TariffVersion.tariff),
)


#: Marks a session of which more was told later that left the bill as it is.
NOTED = "late_stop_noted"


REASON = _("The charger's own stop arrived late.")


def settle_all(
    db: Session, session_ids: Collection[int], *, now: datetime, provisional_hold_h: int = 24
) -> dict[int, Bill | Review]:
    """Do what ended sessions are due: their bill, or what arrived later changes about it.

    First those that wait for their bill, then those of which more is known, both by their ids;
    one that somebody else has locked is left to a later round.  So is the one with the
    higher number of two that overlap, while the other is locked; that one is held and compared
    once more, so that two rounds never put off both.  Returns what came of each.
    """
    query = select(ChargingSession).where(ChargingSession.id.in_(session_ids)).options(*_NAMED)
    query = query.order_by(ChargingSession.id).with_for_update(skip_locked=True, of=ChargingSession)
    sessions = db.scalars(query.execution_options(populate_existing=True)).all()
    ended = [session for session in sessions if not is_running(session)]
    charged = [each for each in ended if each.state is SessionState.ENDED]
    locked = row.compare(db, charged, now=now)
    later = {own for other, numbers in locked.items() for own in numbers if other < own}
    ended = [session for session in ended if session.id not in later]
    unused.look_again(db, charged, now=now)
    unbilled = [session for session in ended if session.billing is BillingState.OPEN]
    decided = [session for session in ended if session.billing is not BillingState.OPEN]
    found = issue_all(db, unbilled, now=now, provisional_hold_h=provisional_hold_h)
    for session in decided:
        if late := apply_late(db, session, now=now):
            found[session.id] = late
    again = set[int]().union(*locked.values())
    for session in ended:
        if session.id in again:
            row.mark_late(db, session, now)
    return found


def apply_late(db: Session, session: ChargingSession, *, now: datetime) -> Bill | Review | None:
    """Weigh what arrived for a session after it was billed, waived or held.

    Nothing happens unless something did arrive.  What a person decided is not
    overturned by a machine: it goes back to the inbox.
    """
    if session.late_evidence_at is None:
        return None
    follow_readings(db, session)
    if session.billing is BillingState.HELD:
        return _weigh_again(db, session, now)
    bill, assessment = standing(db, session), assess(db, session, now)
    if _paid_otherwise(bill, assessment):
        return hold(db, assessment, now=now, more=(SETTLED_DIFFERS,))
    news = _news(db, assessment)
    same = not news and not _changed(bill, assessment)
    if same or (not news - {ENDS_CONTRADICT} and not _matters(db, bill, assessment, now)):
        _leave(db, bill, assessment, now, noted=not same)
        return None
    if bill is not None and _gives_way(bill, assessment):
        return replace(db, SYSTEM, bill, assessment, reason=REASON, now=now)
    note_energy(assessment)
    return hold(db, assessment, now=now, more=(LATE_STOP,))


def _paid_otherwise(bill: Bill | None, assessment: Assessment) -> bool:
    """Whether another amount was paid at the charger than the bill says, or than it comes to.

    A payment of the whole total is shown beside the bill; any for a session that
    was to cost nothing is another amount.
    """
    total = known = 0
    if bill is not None:
        total, known = bill.gross_minor, sum(paid[1] for paid in bill.facts.get("payments", ()))
    return assessment.told.paid_minor not in (known, total)


def late_payments(db: Session, bill: Bill) -> tuple[Payment, ...]:
    """What was paid at the charger for a bill's session, and the bill does not say."""
    said = {paid[0] for paid in bill.facts.get("payments", ())}
    return tuple(paid for paid in payments_of(db, bill.session) if paid.reference not in said)


def _news(db: Session, assessment: Assessment) -> set[str]:
    """Doubts that nobody has looked at."""
    seen = db.scalar(select(Review.reasons).where(Review.session_id == assessment.session.id))
    return set(assessment.doubts) - set(seen or ())


def _changed(bill: Bill | None, assessment: Assessment) -> bool:
    """Whether the evidence comes to something else than when it was weighed last."""
    session = assessment.session
    known = (session.decided_wh, session.decided_minor)
    if known == (None, None) and bill is not None and not bill.facts.get("corrected"):
        known = (bill.energy_wh, bill.gross_minor)
    quote = assessment.quote
    return known != (assessment.energy_wh, quote.gross_minor if quote else None)


def _matters(db: Session, bill: Bill | None, assessment: Assessment, now: datetime) -> bool:
    """Whether a figure that it could be now lies too far from what was billed."""
    billed = bill.gross_minor if bill else 0
    if assessment.quote is None:
        return True
    figures = [assessment.quote.gross_minor]
    for other in other_ends(db, assessment.session, now):
        if other.gross_minor is None:
            return True
        figures.append(other.gross_minor)
    least = assessment.book.rules(assessment.session).late_below_minor
    return any(figure != billed and abs(figure - billed) >= least for figure in figures)


def _gives_way(bill: Bill, assessment: Assessment) -> bool:
    """Whether a bill rests on an assumed end that the charger's own stop has replaced.

    What a 2.x transaction tells later, a person decides about, always.
    """
    assumed = bill.facts.get("provisional") and not bill.facts.get("corrected")
    session = assessment.session
    own = not session.provisional and session.last_seq_no is None
    return bool(assumed) and own and not assessment.doubts


def _leave(
    db: Session, bill: Bill | None, assessment: Assessment, now: datetime, *, noted: bool
) -> None:
    """Let the bill and its energy stand; a difference is noted on the session and in the audit."""
    session = assessment.session
    before = audit.snapshot(session)
    session.energy_wh = bill.energy_wh if bill else assessment.energy_wh
    remember(db, assessment, now)
    if noted:
        row.flag(session, NOTED)
        remark = f"{difference(bill, session)} That is too little to correct it."
        audit.note(db, SYSTEM, "session.late_stop", session, now=now, before=before, remark=remark)


def difference(bill: Bill | None, session: ChargingSession) -> str:
    """How far what is known now lies from what was billed, as a sentence."""
    wh = (session.decided_wh or 0) - (bill.energy_wh if bill else 0)
    minor = (session.decided_minor or 0) - (bill.gross_minor if bill else 0)
    amount = from_minor(minor, session.currency)
    told = f"{wh / 1000:+.3f} kWh and {amount:+} {session.currency}"
    what = f"bill {bill.number}" if bill else "what was decided"
    return f"What was told later differs from {what} by {told}."


def _weigh_again(db: Session, session: ChargingSession, now: datetime) -> Bill | Review | None:
    """A held session of which more is known: billed if nothing speaks against it any more."""
    review = db.scalar(
        select(Review).where(Review.session_id == session.id, Review.decided_at.is_(None))
    )
    session.late_evidence_at = None
    if review is None:
        return None
    assessment = assess(db, session, now)
    note_energy(assessment)
    decided = LATE_STOP in review.reasons or standing(db, session) is not None
    if assessment.doubts or decided:
        return hold(db, assessment, now=now, more=(LATE_STOP,) if decided else ())
    review.decision, review.note = "settled", REASON
    review.decided_at, review.decided_by = now, SYSTEM.name
    return put_bill(db, assessment, by=SYSTEM.name, now=now)
