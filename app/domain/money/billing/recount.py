"""Counting bills again: would today's program, from the same rows, bill the same?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Actor, BillingState
from app.domain.ground.vocabulary.doubts import sentence
from app.domain.money.billing.assessment import assess, locked
from app.domain.money.billing.corrections import differs, reason_text, replace
from app.domain.money.billing.rows import standing
from app.models import Bill, ChargingSession


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
    session_ids: tuple[int, ...] = (),
) -> Iterator[Difference]:
    """Yield every billed session whose recount differs; changes nothing."""
    query = select(ChargingSession).where(
        ChargingSession.tenant_id == tenant_id, ChargingSession.billing == BillingState.BILLED
    )
    if since is not None:
        query = query.where(ChargingSession.ended_at >= since)
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
        _unseen(bill, assessment.doubts),
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


def _decided(bill: Bill) -> Decimal | None:
    return bill.energy_wh if bill.facts.get("corrected") else None


def _unseen(bill: Bill, doubts: tuple[str, ...]) -> tuple[str, ...]:
    """Doubts that nobody has looked at: all of them, unless a person let the bill go."""
    return () if bill.issued_by != "system" else doubts
