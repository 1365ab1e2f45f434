"""The review inbox: sessions whose bill waits until a person has decided, with a reason."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.charging.sessions.row import compare
from app.domain.ground import events, many
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor, BillingState
from app.domain.money import receipts
from app.domain.money.billing.assessment import Assessment, assess, locked, remember
from app.domain.money.billing.corrections import (
    checked_energy,
    correct_differences,
    differs,
    reason_text,
    replace,
)
from app.domain.money.billing.issue import hold, note_energy, put_bill
from app.domain.money.billing.ledger import add_credit, standing
from app.domain.money.tariff_choice import misfit
from app.domain.office import audit
from app.models import Bill, ChargingSession, Review, Station, StrayStop, Tariff, TariffVersion


class Decided(StrEnum):
    """What somebody decided about a bill that was held; kept: the one that stood."""

    APPROVED = "approved"
    CORRECTED = "corrected"
    WAIVED = "waived"
    KEPT = "kept"


#: What somebody accepts who bills a session that he knows to have no stop.
ACCEPTED = frozenset({"stop_missing", "estimated_end"})


def approve(
    db: Session,
    actor: Actor,
    review: Review,
    *,
    note: str,
    now: datetime,
    energy_wh: Decimal | None = None,
    tariff_version_id: int | None = None,
) -> Bill:
    """Bill the energy as it was measured, or another one that is right; the standing bill if equal.

    A session without a price needs a tariff version, one that claims more than the plug can give
    an energy.  Raises Conflict when somebody has decided already and Invalid without a reason.
    """
    note, energy_wh = reason_text(note, field="note"), checked_energy(energy_wh)
    review, session = _open(db, review)
    if tariff_version_id is not None and session.tariff_version_id is None:
        _choose_tariff(db, actor, session, tariff_version_id)
    assessment = assess(db, session, now, energy_wh=energy_wh)
    if energy_wh is None and assessment.is_capped:
        sentence = "The plug cannot give so much in that time: name the right energy, or waive it."
        raise Invalid(sentence, field="energy_kwh")
    if assessment.quote is None:
        raise Invalid("The session has no price: choose a tariff, or waive it.", field="tariff")
    bill = _put(db, actor, session, assessment, note, now)
    decided = Decided.APPROVED if energy_wh is None else Decided.CORRECTED
    _decide(db, actor, review, decided, note, now, energy_wh)
    return bill


def approve_all(
    db: Session, actor: Actor, held: Sequence[Review], *, note: str, now: datetime
) -> Tally:
    """Bill many held sessions as measured, for one reason; raises `Invalid` without it."""
    note = reason_text(note, field="note")
    return many.apart(
        db,
        held,
        lambda review: approve(db, actor, review, note=note, now=now),
        lambda review: _name(review.session),
    )


def waive(db: Session, actor: Actor, review: Review, *, note: str, now: datetime) -> None:
    """Charge nothing for the session; a bill that stands is credited.  Raises as `approve`."""
    note = reason_text(note, field="note")
    review, session = _open(db, review)
    session.billing = BillingState.WAIVED
    bill = standing(db, session)
    if bill is not None:
        credit = add_credit(db, bill, by=actor.name, reason=note, now=now)
        receipts.queue(db, credit, now=now)
    remember(db, assess(db, session, now), now)
    _decide(db, actor, review, Decided.WAIVED, note, now)


def keep(db: Session, actor: Actor, review: Review, *, note: str, now: datetime) -> Bill:
    """Leave the bill that stands, and its energy, whatever was told later.  Raises as `approve`."""
    note = reason_text(note, field="note")
    review, session = _open(db, review)
    bill = standing(db, session)
    if bill is None:
        raise Conflict("This session has no bill that stands.")
    session.billing, session.energy_wh = BillingState.BILLED, bill.energy_wh
    remember(db, assess(db, session, now), now)
    _decide(db, actor, review, Decided.KEPT, note, now)
    return bill


def bill_now(
    db: Session, actor: Actor, session: ChargingSession, *, note: str, now: datetime
) -> Bill | Review | None:
    """Bill a session with an assumed end without waiting longer for the charger's own stop.

    The person takes the assumed end upon himself; any other doubt still holds
    the bill, and then its review is returned.  Raises Invalid without a reason
    or a price, and Conflict where the session does not wait for its stop.
    """
    note = reason_text(note, field="note")
    found = locked(db, session.id)
    if found is None:
        raise NotFound("There is no such session.")
    if found.billing is not BillingState.OPEN or not found.provisional:
        raise Conflict(f"Session {found.id} does not wait for its stop.")
    if compare(db, [found], now=now):
        raise Conflict("Another session of this plug is being billed; try again.")
    assessment = assess(db, found, now)
    note_energy(assessment)
    review = hold(db, assessment, now=now)
    if set(assessment.doubts) - ACCEPTED:
        audit.note(db, actor, "session.bill", found, now=now, remark=note)
        return review
    return approve(db, actor, review, note=note, now=now)


def bill_all_now(
    db: Session, actor: Actor, waiting: Sequence[ChargingSession], *, note: str, now: datetime
) -> Tally:
    """Bill many sessions that wait for their stop as `bill_now` does; what it refuses is told."""
    note = reason_text(note, field="note")
    held: list[tuple[str, str]] = []

    def bill(session: ChargingSession) -> bool:
        made = bill_now(db, actor, session, note=note, now=now)
        if not isinstance(made, Bill):
            held.append((_name(session), "Other doubts hold its bill."))
        return isinstance(made, Bill)

    tally = many.apart(db, waiting, bill, _name)
    tally.refused += held
    return tally


#: What may be done to many held sessions, and to many others.
MANY = Many(Review, {"approve": approve_all}, [joinedload(Review.session)], weighed=True)
SESSIONS = Many(
    ChargingSession, {"bill": bill_all_now, "recount": correct_differences}, weighed=True
)


def _name(session: ChargingSession) -> str:
    return f"Session {session.id}"


def _put(
    db: Session,
    actor: Actor,
    session: ChargingSession,
    assessment: Assessment,
    note: str,
    now: datetime,
) -> Bill:
    """The first bill of the session, or what replaces the one that stands."""
    note_energy(assessment)
    bill = standing(db, session)
    if bill is None:
        return put_bill(db, assessment, by=actor.name, now=now)
    session.billing = BillingState.BILLED
    if not differs(bill, assessment):
        remember(db, assessment, now)
        return bill
    return replace(db, actor, bill, assessment, reason=note, now=now)


def _open(db: Session, review: Review) -> tuple[Review, ChargingSession]:
    """The review and its session, both locked; raises Conflict once it is decided."""
    session = locked(db, review.session_id)
    if session is None:
        raise NotFound("There is no such session.")
    db.refresh(review)
    if review.decided_at is not None:
        who = review.decided_by or "somebody"
        raise Conflict(f"{who} has decided this already: {review.decision}.")
    return review, session


def _choose_tariff(db: Session, actor: Actor, session: ChargingSession, version_id: int) -> None:
    found = db.execute(
        select(TariffVersion, Tariff)
        .join(Tariff)
        .where(TariffVersion.id == version_id, Tariff.tenant_id == session.tenant_id)
    ).first()
    if found is None:
        raise Invalid("There is no such tariff.", field="tariff")
    version, tariff = found
    reason = misfit(tariff, session.tenant_id, (session.currency,))
    if reason is not None:
        raise Invalid(reason, field="tariff")
    session.tariff_version = version
    session.tariff_why = (
        f"“{tariff.name}” version {version.number} was chosen in review by {actor.name}."
    )[:300]
    db.flush()


def _decide(
    db: Session,
    actor: Actor,
    review: Review,
    decision: Decided,
    note: str,
    now: datetime,
    energy_wh: Decimal | None = None,
) -> None:
    before = audit.snapshot(review)
    review.decision, review.note, review.corrected_energy_wh = decision, note, energy_wh
    review.decided_at, review.decided_by = now, actor.name
    db.flush()
    audit.note(db, actor, "review.decide", review, now=now, before=before, remark=note)
    events.record(db, events.BillHeld(review.tenant_id, review.session_id))


def dismiss_stray(db: Session, actor: Actor, stray: StrayStop, *, note: str, now: datetime) -> None:
    """Put a stop that matches no session aside; raises Conflict when that was done before."""
    note = reason_text(note, field="note")
    station = db.get(Station, stray.station_id)
    if station is None:
        raise NotFound("There is no such stop.")
    db.refresh(stray, with_for_update=True)
    if stray.outcome != "unmatched":
        raise Conflict(f"This stop is {stray.outcome} already.")
    before = audit.snapshot(stray)
    stray.outcome = "dismissed"
    db.flush()
    audit.note(
        db, actor, "stray_stop.dismiss", stray, now=now, before=before, remark=note,
        tenant_id=station.tenant_id,
    )  # fmt: skip
    events.record(db, events.StationChanged(station.tenant_id, station.id))
