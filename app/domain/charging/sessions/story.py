"""What a transaction's events tell together, in whatever order they came.  Pure.

The same events give the same story: each is placed by the station's own clock
and numbering, never by when it was heard (FIELD X17).  Events are rows of either kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.energy import billing_register
from app.domain.charging.energy.readings import REGISTER
from app.domain.charging.sessions.transaction_events import (
    ENDED,
    STARTED,
    STOP_AUTHORISED,
    AnyEvent,
)
from app.domain.ground.vocabulary import IDLING, Activity, Facts, Sample
from app.models import ChargingSession, StrayStop, TransactionEvent


@dataclass(frozen=True, slots=True)
class Story:
    """A transaction as its events tell it; None is what none of them told.

    `holder` is the event whose tag began it, `place` the one that named the
    plug.  `complete`: its start and its end are known, and no number between
    them is missing.
    """

    first: AnyEvent
    last: AnyEvent
    started: AnyEvent | None
    ended: AnyEvent | None
    holder: AnyEvent | None
    place: AnyEvent | None
    complete: bool
    last_seq_no: int
    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    idle_since: datetime | None
    ends: tuple[AnyEvent, ...]


def story_of(events: Sequence[AnyEvent]) -> Story:
    """Put the events of one transaction (at least one) together."""
    ordered = sorted(events, key=by_clock)
    started = next((event for event in ordered if event.kind == STARTED), None)
    ended = next((event for event in ordered if event.kind == ENDED), None)
    numbers = {event.seq_no for event in ordered}
    gaps = max(numbers) - min(numbers) + 1 != len(numbers)
    return Story(
        first=started or ordered[0],
        last=ordered[-1],
        started=started,
        ended=ended,
        holder=_holder(ordered),
        place=next((event for event in ordered if event.evse), None),
        complete=started is not None and ended is not None and not gaps,
        last_seq_no=max(numbers),
        meter_start_wh=meter_start_of(ordered),
        meter_stop_wh=_closing(ordered, ended),
        idle_since=_idle_since(ordered),
        ends=tuple(event for event in ordered if event.kind == ENDED),
    )


def claimed_at(event: AnyEvent) -> datetime | None:
    """The station's own time of an event where another one is used."""
    text = event.facts.get("claimed")
    return datetime.fromisoformat(text) if text else None


def by_clock(event: AnyEvent) -> tuple[datetime, int, str]:
    """The order of the station's own clock and numbering."""
    return event.at, event.seq_no, event.digest


def _holder(ordered: Sequence[AnyEvent]) -> AnyEvent | None:
    """The first tag that was not shown to end it; failing that, the first of all."""
    named = [event for event in ordered if event.token is not None]
    starting = (
        event for event in named if event.kind != ENDED and event.trigger != STOP_AUTHORISED
    )
    return next(starting, named[0] if named else None)


def _idle_since(ordered: Sequence[AnyEvent]) -> datetime | None:
    since = None
    for event in ordered:
        since = idle_after(since, event)
    return since


def idle_after(since: datetime | None, event: AnyEvent) -> datetime | None:
    """Since when the car stands after one more event."""
    if event.activity in IDLING:
        return since or event.at
    return None if event.activity is Activity.CHARGING else since


def _closing(ordered: Sequence[AnyEvent], ended: AnyEvent | None) -> Decimal | None:
    if ended is None:
        return None
    at_end = _register((event.facts for event in ordered), "end", last=True)
    return register_at_end(ended.facts) if at_end is None else at_end


def meter_start_of(events: Sequence[AnyEvent]) -> Decimal | None:
    """The first register of the beginning that events tell."""
    return _register((event.facts for event in events), "begin", last=False)


def register_at_end(told: Facts) -> Decimal | None:
    """The register that the facts of one Ended event tell, by themselves."""
    at_end = _register([told], "end", last=True)
    return _register([told], "last", last=True) if at_end is None else at_end


def _register(told: Iterable[Facts], name: str, *, last: bool) -> Decimal | None:
    """The first or last register of a kind, its phases added where it has no whole value."""
    frames: dict[datetime, list[Sample]] = {}
    for facts in told:
        for at, phase, location, value in facts.get(name) or ():
            sample = Sample(REGISTER, Decimal(value), "Wh", phase, location)
            frames.setdefault(datetime.fromisoformat(at), []).append(sample)
    known = {
        at: register
        for at, samples in frames.items()
        if (register := billing_register(samples)) is not None
    }
    return known[max(known) if last else min(known)] if known else None


# All ends that a charger told of one session, the one in use among them.

End = tuple[datetime, Decimal | None]

#: Ends this close together, with one register, are one end told twice.
NEAR = timedelta(minutes=1)
#: A stop that ended a session, or repeats its end.
_OF_SESSION = ("duplicate", "matched")
_MOST = 5


def reported_ends(db: Session, session: ChargingSession) -> list[End]:
    """The ends told beside each other, oldest first: of stops, and of 2.x events."""
    stops = select(StrayStop.ended_at, StrayStop.meter_stop_wh).where(
        StrayStop.session_id == session.id, StrayStop.outcome.in_(_OF_SESSION)
    )
    found: list[End] = [(at, wh) for at, wh in db.execute(stops.order_by(StrayStop.id))]
    if session.last_seq_no is not None:
        ends = select(TransactionEvent).where(
            TransactionEvent.session_id == session.id, TransactionEvent.kind == ENDED
        )
        found += [(event.at, register_at_end(event.facts)) for event in db.scalars(ends)]
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
