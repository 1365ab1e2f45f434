"""Changing what a session cost: a credit of the whole bill, then a new one beside it.

A recount asks of every bill: would today's program, from the same rows, bill the same?
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import many, texts
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.many import Tally
from app.domain.ground.vocabulary import Actor, BillingState
from app.domain.ground.vocabulary.doubts import sentence
from app.domain.money import receipts
from app.domain.money.billing.assessment import Assessment, assess, locked, remember
from app.domain.money.billing.issue import note_energy
from app.domain.money.billing.ledger import add_correction, add_credit, standing
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
    db: Session, actor: Actor, bill: Bill, assessment: Assessment, *, reason: str, now: datetime
) -> Bill:
    """Add the credit and the correction of a bill; the two are told in one mail."""
    session = assessment.session
    credit = add_credit(db, bill, by=actor.name, reason=reason, now=now)
    why = "told in the mail of the correction"
    receipts.put(db, [(credit, credit.driver)], now=now, why=why)
    correction = add_correction(assessment, credit, by=actor.name, reason=reason, now=now)
    receipts.queue(db, correction, now=now)
    session.billing = BillingState.BILLED
    remember(db, assessment, now)
    note_energy(assessment)
    audit.note(db, actor, "bill.correct", correction, now=now, remark=reason)
    db.flush()
    return correction


def differs(bill: Bill, assessment: Assessment) -> bool:
    """Tell whether a bill is not what would be billed now, or not to whom."""
    quote = assessment.quote
    if quote is None or bill.driver_id != assessment.session.driver_id:
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
        raise Invalid("The energy must be between 0 and 2000 kWh.", field="energy_kwh")
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


@dataclass(frozen=True, slots=True)
class Difference:
    """A bill that a recount does not confirm; money in minor units, energy in Wh.

    `gross_minor` None: the recount finds no price.  `doubts` would hold it now.
    """

    session_id: int
    number: str
    currency: str
    billed_wh: Decimal
    energy_wh: Decimal
    billed_minor: int
    gross_minor: int | None
    doubts: tuple[str, ...]

    @property
    def correctable(self) -> bool:
        """Whether it may be corrected without a person looking at the session."""
        return self.gross_minor is not None and not self.doubts

    @property
    def sentences(self) -> list[str]:
        """The doubts in plain words."""
        return [sentence(code) for code in self.doubts]


def recompute(
    db: Session,
    *,
    tenant_id: int,
    now: datetime,
    since: datetime | None = None,
    began_since: datetime | None = None,
    session_ids: tuple[int, ...] = (),
) -> Iterator[Difference]:
    """Yield every billed session that ended `since` then, or began, and whose recount differs;
    changes nothing.
    """
    query = select(ChargingSession).where(
        ChargingSession.tenant_id == tenant_id, ChargingSession.billing == BillingState.BILLED
    )
    if since is not None:
        query = query.where(ChargingSession.ended_at >= since)
    if began_since is not None:
        query = query.where(ChargingSession.started_at >= began_since)
    if session_ids:
        query = query.where(ChargingSession.id.in_(session_ids))
    last = 0
    while chunk := db.scalars(
        query.where(ChargingSession.id > last).order_by(ChargingSession.id).limit(200)
    ).all():
        for session in chunk:
            if found := difference_of(db, session, now):
                yield found
        last = chunk[-1].id


def difference_of(db: Session, session: ChargingSession, now: datetime) -> Difference | None:
    """How a session's bill differs from its recount; None where it does not.

    What a person decided the energy to be stays decided.
    """
    bill = standing(db, session)
    if bill is None:
        return None
    assessment = assess(db, session, now, energy_wh=_decided(bill))
    if not differs(bill, assessment):
        return None
    quote = assessment.quote
    return Difference(
        session.id,
        bill.number,
        bill.currency,
        bill.energy_wh,
        assessment.energy_wh,
        bill.gross_minor,
        quote.gross_minor if quote else None,
        # Where a person let the bill go, somebody has looked at its doubts.
        assessment.doubts if bill.issued_by == "system" else (),
    )


def correct_difference(
    db: Session, actor: Actor, session_id: int, *, reason: str, now: datetime
) -> Bill | None:
    """Replace a bill by its recount, if it still differs and nothing speaks against it."""
    reason = reason_text(reason)
    session = locked(db, session_id)
    found = difference_of(db, session, now) if session is not None else None
    bill = standing(db, session) if session is not None else None
    if session is None or bill is None or found is None or not found.correctable:
        return None
    assessment = assess(db, session, now, energy_wh=_decided(bill))
    return replace(db, actor, bill, assessment, reason=reason, now=now)


def correct_differences(
    db: Session, actor: Actor, sessions: Sequence[ChargingSession], *, note: str, now: datetime
) -> Tally:
    """Replace many bills by their recounts where they differ; those in doubt are refused."""
    reason = reason_text(note)

    def correct_one(session: ChargingSession) -> Bill | None:
        found = difference_of(db, session, now)
        if found is not None and not found.correctable:
            raise Conflict(" ".join(found.sentences) or "There is no price for it any more.")
        if found is None:
            return None
        return correct_difference(db, actor, session.id, reason=reason, now=now)

    return many.apart(db, sessions, correct_one, lambda session: f"Session {session.id}")


def _decided(bill: Bill) -> Decimal | None:
    return bill.energy_wh if bill.facts.get("corrected") else None
