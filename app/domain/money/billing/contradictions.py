"""The other ends that a charger told of a session, and what each would come to."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.domain.charging.sessions.story import told_ends
from app.domain.money.billing.assessment import assess
from app.models import ChargingSession


@dataclass(frozen=True, slots=True)
class OtherEnd:
    """An end that was not used; `gross_minor` None: it has no price."""

    at: datetime
    register_wh: Decimal | None
    energy_wh: Decimal
    gross_minor: int | None


def other_ends(db: Session, session: ChargingSession, now: datetime) -> list[OtherEnd]:
    """What a session would cost by each end that differs from the one in use."""
    found: list[OtherEnd] = []
    kept = (session.ended_at, session.meter_stop_wh)
    for at, register_wh in told_ends(db, session):
        if (at, register_wh) == kept:
            continue
        with db.no_autoflush:
            # Weighed as if it were the end, and put back: nothing of it is stored.
            session.ended_at, session.meter_stop_wh = at, register_wh
            try:
                weighed = assess(db, session, now)
            finally:
                session.ended_at, session.meter_stop_wh = kept
        quote = weighed.quote
        gross = quote.gross_minor if quote else None
        found.append(OtherEnd(at, register_wh, weighed.energy_wh, gross))
    return found
