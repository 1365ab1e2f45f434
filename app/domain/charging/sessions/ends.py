"""All ends that a charger told of one session, the one in use among them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.report import ENDED
from app.domain.charging.sessions.story import register_at_end
from app.models import ChargingSession, StrayStop, TransactionEvent

End = tuple[datetime, Decimal | None]

#: Ends this close together, with one register, are one end told twice.
NEAR = timedelta(minutes=1)
#: A stop that ended a session, or repeats its end.
_OF_SESSION = ("duplicate", "matched")
_MOST = 5


def told_ends(db: Session, session: ChargingSession) -> list[End]:
    """The ends told beside each other, oldest first: of stops, and of 2.x events."""
    stops = select(StrayStop.ended_at, StrayStop.meter_stop_wh).where(
        StrayStop.session_id == session.id, StrayStop.outcome.in_(_OF_SESSION)
    )
    found: list[End] = [(at, wh) for at, wh in db.execute(stops.order_by(StrayStop.id))]
    if session.last_seq_no is not None:
        ends = select(TransactionEvent).where(
            TransactionEvent.session_id == session.id, TransactionEvent.kind == ENDED
        )
        found += [(event.at, register_at_end(event)) for event in db.scalars(ends)]
    unlike = [end for end in found if contradicts(end, (session.ended_at, session.meter_stop_wh))]
    return sorted(set(unlike), key=lambda end: end[0])[:_MOST]


def contradicts(one: End, other: tuple[datetime | None, Decimal | None]) -> bool:
    """Whether two ends cannot both be true; one without a register says nothing about it."""
    if None not in (one[1], other[1]) and one[1] != other[1]:
        return True
    return other[0] is not None and abs(one[0] - other[0]) > NEAR


def any_contradict(ends: Iterable[End]) -> bool:
    """Whether some ends cannot all be true."""
    found = list(ends)
    return any(contradicts(end, found[0]) for end in found[1:])
