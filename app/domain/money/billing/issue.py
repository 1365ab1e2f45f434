"""From ended sessions to their one bill each, or to the review inbox; and which wait for it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, text, union_all, update
from sqlalchemy.orm import Session

from app.domain.charging.energy import EnergyFlag
from app.domain.ground import events
from app.domain.ground.vocabulary import SYSTEM, BillingState, SessionState
from app.domain.money import receipts
from app.domain.money.billing import history, ledger
from app.domain.money.billing.assessment import (
    UNMEASURED,
    Assessment,
    assessed,
    is_running,
    remember,
)
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.idle import TOLD
from app.models import Bill, ChargingSession, Review, Settlement
from app.models.base import Instant

#: Of bills issued in this time a late row is looked for; units of work are much shorter.
_LATELY = timedelta(minutes=3)
_BEYOND = (
    "EXISTS (SELECT 1 FROM {table} AS told WHERE told.session_id = bills.session_id "
    "AND told.id > CAST(bills.proof ->> '{last}' AS BIGINT))"
)
_SLIPPED = text(
    "SELECT DISTINCT bills.session_id FROM bills "
    "JOIN charging_sessions ON charging_sessions.id = bills.session_id "
    "WHERE bills.tenant_id IN (SELECT id FROM tenants) AND bills.issued_at >= :since "
    "AND bills.sequence = 1 AND charging_sessions.billing = 'billed' "
    "AND charging_sessions.late_evidence_at IS NULL AND ("
    f"{_BEYOND.format(table='meter_readings', last='last_reading')} OR "
    f"{_BEYOND.format(table='transaction_events', last='last_event')})"
).bindparams(bindparam("since", type_=Instant))
_OVER = (SessionState.ENDED, SessionState.NO_SHOW)
_ENERGY = {flag.value for flag in EnergyFlag}


def issue_all(
    db: Session, sessions: Iterable[ChargingSession], *, now: datetime, provisional_hold_h: int
) -> dict[int, Bill | Review]:
    """Bill ended sessions (locked) once each, or hold them; what came of each that was due.

    However often and by how many at once this is called, a session gets one
    bill: its row is locked, and the bill's unique sequence is the last guard.
    An assumed end waits `provisional_hold_h` hours for the charger's own, and
    one that lacks events until `bill_after`.  Nobody is billed for a plug that
    was taken and left without a tag and without energy, nor for a failed start.
    The bills are as `put_bills` returns them.
    """
    due = [each for each in sessions if _is_due(each, now, provisional_hold_h)]
    book = book_of(db, due, now)
    found: dict[int, Bill | Review] = {}
    passed: list[Assessment] = []
    for session in due:
        assessment = assessed(book, session)
        note_energy(assessment)
        history.tell_gap(db, session, assessment.measured.plug, assessment.continuity, now=now)
        history.close_gap(book, session, assessment.measured.plug, assessment.measured.energy)
        if _nothing_happened(assessment) or assessment.too_little:
            session.billing = BillingState.WAIVED
            remember(db, assessment, now)
        elif assessment.doubts:
            found[session.id] = hold(db, assessment, now=now)
        else:
            history.learn_power(book, session, assessment.measured.energy)
            # The next of the set sees it billed, as it would by itself.
            session.billing = BillingState.BILLED
            passed.append(assessment)
    history.keep_power(book)
    for bill in put_bills(book, passed, by=SYSTEM.name, now=now):
        found[bill.session_id] = bill
    return found


def _is_due(session: ChargingSession, now: datetime, provisional_hold_h: int) -> bool:
    if is_running(session) or session.billing is not BillingState.OPEN:
        return False
    if session.provisional and now < provisional_until(session, provisional_hold_h):
        return False
    return session.bill_after is None or now >= session.bill_after


def _nothing_happened(assessment: Assessment) -> bool:
    """Whether a 2.x transaction, all of it known, was a plug taken and left without a tag.

    What flowed is not known where the registers themselves are in doubt.
    """
    session, energy = assessment.session, assessment.measured.energy
    known = session.last_seq_no is not None and session.bill_after is None
    if not known or session.provisional or session.token or energy.energy_wh:
        return False
    return all(flag.value in UNMEASURED for flag in energy.flags if flag.holds)


def provisional_until(session: ChargingSession, provisional_hold_h: int) -> datetime:
    """Until when a session with an assumed end waits for the charger's own stop."""
    closed_at = session.stop_received_at or session.ended_at or session.started_at
    return closed_at + timedelta(hours=provisional_hold_h)


def note_energy(assessment: Assessment) -> None:
    """Keep the measured energy and its flags on the session's row."""
    session = assessment.session
    session.energy_wh = assessment.energy_wh
    # What was found of its energy and its idle time before is found anew, or no more.
    kept = [flag for flag in session.flags or () if flag not in _ENERGY and flag not in TOLD]
    energy = sorted(flag.value for flag in assessment.measured.energy.flags)
    session.flags = list(dict.fromkeys([*kept, *energy, *assessment.remarks]))


def put_bill(db: Session, assessment: Assessment, *, by: str, now: datetime) -> Bill:
    """Add the session's first bill and queue its receipt."""
    (bill,) = put_bills(assessment.book, [assessment], by=by, now=now)
    return db.get_one(Bill, bill.id)


def put_bills(
    book: Book, assessments: Sequence[Assessment], *, by: str, now: datetime
) -> list[Bill]:
    """Add the first bills of sessions of one book and queue their receipts.

    The bills returned say all that their rows say, but are not the database session's.
    """
    bills = []
    for assessment in assessments:
        assessment.session.billing = BillingState.BILLED
        remember(book.db, assessment, now)
        bills.append(ledger.to_enter(assessment, by=by, now=now))
    ledger.enter(book, bills)
    _tie_payments(book.db, assessments)
    drivers = [each.session.driver for each in assessments]
    receipts.put(book.db, list(zip(bills, drivers, strict=True)), now=now)
    return bills


def _tie_payments(db: Session, assessments: Iterable[Assessment]) -> None:
    """A payment that was told before its session is of the one that it was billed with.

    The station may use the transaction's id again.
    """
    for assessment in assessments:
        session, payments = assessment.session, assessment.told.payments
        if payments:
            mine = update(Settlement).where(
                Settlement.station_id == session.station_id,
                Settlement.session_id.is_(None),
                Settlement.psp_reference.in_([paid.reference for paid in payments]),
            )
            db.execute(mine.values(session_id=session.id))


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


def mark_slipped(db: Session, *, now: datetime) -> int:
    """Have sessions weighed again whose bill was written while something of them was stored.

    Whoever stores it sees no bill yet, and whoever bills does not see what is not
    yet committed.  Returns how many there are.
    """
    found = db.scalars(_SLIPPED, {"since": now - _LATELY}).all()
    if found:
        late = update(ChargingSession).where(ChargingSession.id.in_(found))
        db.execute(
            late.values(late_evidence_at=now), execution_options={"synchronize_session": False}
        )
    return len(found)


def unsettled(
    db: Session, *, now: datetime, provisional_hold_h: int = 24, limit: int = 200, after: int = 0
) -> list[int]:
    """Ids of ended sessions without a bill, and of decided ones that more is known of now.

    In their order, those beyond `after`: so all are come to, whatever becomes of the first.
    """
    waits_no_more = now - timedelta(hours=provisional_hold_h)
    unbilled = select(ChargingSession.id).where(
        ChargingSession.state.in_(_OVER),
        ChargingSession.billing == BillingState.OPEN,
        or_(ChargingSession.bill_after.is_(None), ChargingSession.bill_after <= now),
        or_(
            ChargingSession.provisional.is_(False),
            func.coalesce(ChargingSession.stop_received_at, ChargingSession.ended_at)
            <= waits_no_more,
        ),
    )
    late = select(ChargingSession.id).where(
        ChargingSession.late_evidence_at.is_not(None),
        ChargingSession.state.in_(_OVER),
        ChargingSession.billing != BillingState.OPEN,
    )
    both = union_all(*(query.where(ChargingSession.id > after) for query in (unbilled, late)))
    found = both.subquery()
    return list(db.scalars(select(found.c.id).order_by(found.c.id).limit(limit)))
