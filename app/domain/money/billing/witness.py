"""Who speaks of a session's flow, read from its rows: the meter, the plug's words, connections."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

from app.domain.charging.energy import (
    EnergyFacts,
    EnergyFlag,
    EnergyResult,
    digits_of,
    on_the_way,
)
from app.domain.charging.energy.plausibility import (
    ABOVE_MEASURED,
    UNSEEN_POWER_W,
    plug_limit,
    seconds_between,
)
from app.domain.charging.energy.readings import EXPORT, Point, points_of, power_of
from app.domain.charging.sessions.row import AnySession
from app.domain.ground.clock import TOLERANCE
from app.domain.ground.vocabulary import Activity, Availability, StopReason
from app.domain.money.billing.book import Book
from app.domain.money.billing.flow import STANDBY_W, Step, joined, mean_w, steps_of, without
from app.domain.money.billing.idle import Says, Witness, Word, carried_over
from app.domain.money.tariffs import Interval

#: What arrives so long after its time comes from a station's offline memory.
LATE = timedelta(minutes=10)
#: A station that was away for less than this has lost no status that matters.
AWAY = timedelta(minutes=2)
#: A clock shows itself where times so far apart were heard with the same delay, but for so much.
_APART, _ALIKE = timedelta(seconds=10), timedelta(seconds=2)

_SAYS = {
    Activity.CHARGING: Says.CHARGING,
    Activity.SUSPENDED_EV: Says.IDLE,
    Activity.FINISHING: Says.IDLE,
    Activity.SUSPENDED_EVSE: Says.WITHHELD,
    Activity.PREPARING: Says.NOTHING,
    Activity.NONE: Says.WITHHELD,  # no car, or a plug that cannot serve
}
_CLOSED = (Availability.RESERVED, Availability.UNAVAILABLE, Availability.FAULTED)
#: With these the curve is no evidence of when energy flowed.
_UNTIMED = (
    EnergyFlag.CLOCK_INCONSISTENT,
    EnergyFlag.IMPLAUSIBLE_POWER,
    EnergyFlag.NO_ENERGY_REPORTED,
)
_OPEN_END = (EnergyFlag.ESTIMATED_END, EnergyFlag.STOP_BELOW_START, EnergyFlag.END_UNEXPLAINED)


def witness_of(
    book: Book,
    session: AnySession,
    facts: EnergyFacts,
    energy: EnergyResult,
    ended_at: datetime,
) -> Witness:
    """Gather all that speaks of when a session's energy flowed.

    A 2.x transaction tells of itself, and queues what it tells; a plug's own
    word says less there, save that it cannot serve.
    """
    span = energy.started_at, ended_at
    power = power_of(facts.readings)
    told_wh = digits_of(on_the_way(energy.used))
    steps, greatest = _steps(facts, energy, power, told_wh), facts.max_power_w
    running, believed = session.ended_at is None, _believed_w(facts, power)
    most = (greatest, running, believed, told_wh)
    back = _given_back(points_of(facts.readings, EXPORT))
    if session.last_seq_no is not None:
        closed = (*back, *_closed(_of_plug(book, session, span), ended_at))
        told = _words_of(book, session)
        dark = _dark(book, session, told, ended_at)
        return Witness(*(*span, steps, told, Says.CHARGING, (), closed, dark, *most))
    events = _of_plug(book, session, span)
    words = [Word(event.at, _SAYS[event.activity]) for event in events]
    before = words.pop(0) if words and words[0].at <= span[0] else None
    blind = _blind(book, session, events, (before.at if before else span[0], ended_at))
    carried = carried_over(before, words, blind, span[0])
    dark = _dark(book, session, words, ended_at)
    return Witness(*(*span, steps, words, carried, blind, back, dark, *most))


def _believed_w(facts: EnergyFacts, power: Sequence[Point]) -> Decimal:
    """The most power to believe of a plug whose owner states none, in W: as its kind and what
    was measured there allow, else that of alternating current.
    """
    measured = [point.value for point in power]
    seen = max([*measured, facts.greatest_power_w or Decimal(0)]) * ABOVE_MEASURED
    of_kind = plug_limit(None, facts.plug_type, None).power_w
    return min(max(seen, UNSEEN_POWER_W), of_kind)


def _steps(
    facts: EnergyFacts, energy: EnergyResult, power: Sequence[Point], told_wh: Decimal
) -> tuple[Step, ...]:
    """The steps that the meter measured; an end that it did not measure is none."""
    if facts.clock_doubtful or not energy.flags.isdisjoint(_UNTIMED):
        return ()
    curve = energy.curve
    if facts.meter_stop_wh is None or not energy.flags.isdisjoint(_OPEN_END):
        last = max((reading.taken_at for reading in energy.used), default=energy.started_at)
        curve = tuple(point for point in curve if point[0] <= last)
    return steps_of(curve, [(point.at, point.value) for point in power], told_wh)


def _given_back(exported: Sequence[Point]) -> tuple[Interval, ...]:
    """When a car gave energy back, by the export register."""
    return joined(
        (before.at, after.at)
        for before, after in pairwise(exported)
        if before.at < after.at
        and mean_w(after.value - before.value, seconds_between(before.at, after.at)) > STANDBY_W
    )


def _of_plug(book: Book, session: AnySession, span: Interval) -> list[Any]:
    """What the plug said within the session, and the last that it said before."""
    book.told_until(session, span[1])
    return [
        event
        for event in book.statuses[session.id]
        if event.at <= session.started_at or event.at < span[1]
    ]


def _words_of(book: Book, session: AnySession) -> list[Word]:
    """What a transaction's events say that went on, by the station's clock and numbering."""
    return [
        Word(event.at, _SAYS[event.activity])
        for event in book.in_time(session)
        if event.activity is not None
    ]


def _closed(events: Sequence[Any], ended_at: datetime) -> tuple[Interval, ...]:
    """When the plug could not serve."""
    times = [*(event.at for event in events), ended_at]
    return tuple(
        (event.at, until)
        for event, until in zip(events, times[1:], strict=True)
        if event.availability in _CLOSED and event.at < until
    )


def _blind(
    book: Book, session: AnySession, events: Sequence[Any], span: Interval
) -> tuple[Interval, ...]:
    """When the station was away: between its connections, and before what came late."""
    heard = [
        (row.taken_at, row.received_at)
        for row in book.readings.get(session.id, ())
        # What a stop tells once more of the whole session was not held back.
        if row.received_at != session.stop_received_at
    ]
    heard.append((session.started_at, session.start_received_at))
    if session.ended_at and session.stop_received_at and not session.provisional:
        heard.append((session.ended_at, session.stop_received_at))
    heard += [(event.at, event.received_at) for event in events]
    return joined([*_between_connections(book, session, span), *_before_late(sorted(heard))])


def _before_late(heard: Iterable[Interval]) -> list[Interval]:
    """From the last that was heard in time until what was taken next arrived."""
    found: list[Interval] = []
    live = None
    for taken, received in heard:
        if received - taken > LATE:
            found.append((taken if live is None else live, received))
        else:
            live = taken
    return found


def _between_connections(book: Book, session: AnySession, span: Interval) -> list[Interval]:
    since, until = span
    rows = [row for row in _connections(book, session) if row.opened_at <= until]
    if not rows:
        return []
    gaps = [(since, rows[0].opened_at)]
    gaps += [(a.closed_at, b.opened_at) for a, b in pairwise(rows) if a.closed_at]
    if rows[-1].closed_at:
        gaps.append((rows[-1].closed_at, until))
    return [(low, high) for low, high in gaps if high - low >= AWAY]


class _Connection(NamedTuple):
    """One of a station; `booted`: it told that it had started when it was opened."""

    opened_at: datetime
    closed_at: datetime | None
    booted: bool


def _connections(book: Book, session: AnySession) -> list[_Connection]:
    """When the station was connected, by its own clock: that is a little off, and left so.

    The least that anything shows counts: it may have been put right on the way; where that was
    while the station was away, what was heard on each connection shows its own.
    """
    heard = [(row.received_at, row.taken_at) for row in book.readings.get(session.id, ())]
    heard.append((session.start_received_at, session.started_at))
    if session.ended_at and session.stop_received_at and not session.provisional:
        heard.append((session.stop_received_at, session.ended_at))
    told = [*book.statuses[session.id], *book.events.get(session.id, ())]
    heard += [(row.received_at, row.at) for row in told]
    heard.sort()
    arrivals = [received_at for received_at, _ in heard]
    least = min((received_at - at for received_at, at in heard), key=abs)
    found = []
    for row in book.connections[session.id]:
        until = bisect_right(arrivals, row.closed_at) if row.closed_at else None
        off = _off_of(heard[bisect_left(arrivals, row.opened_at) : until], least)
        booted = bool(row.booted_at and row.booted_at - row.opened_at < AWAY)
        closed_at = row.closed_at and row.closed_at - off
        found.append(_Connection(row.opened_at - off, closed_at, booted))
    return found


def _off_of(own: Sequence[Interval], least: timedelta) -> timedelta:
    """By how much the station's clock was off while these were heard, as received and taken:
    `least` where they do not agree, as those do not that were stored.
    """
    agreed: list[timedelta] = []
    offs = sorted((received_at - at, at) for received_at, at in own)
    first, since = offs[0] if offs else (least, datetime.max)
    last = since
    for off, at in offs:
        if off - first > _ALIKE:
            first, since, last = off, at, at
        since, last = min(since, at), max(last, at)
        if last - since >= _APART:
            agreed.append(first)
    off = min(agreed, key=abs, default=least)
    return off if abs(off) <= TOLERANCE else timedelta()


def _dark(
    book: Book, session: AnySession, words: Iterable[Word], ended_at: datetime
) -> tuple[Interval, ...]:
    """When the station had no power: it was away and told nothing, and booted when it was back
    (and not hours later, since it was asked to), or ended the session for it.
    """
    heard = [row.taken_at for row in book.readings.get(session.id, ())]
    heard += [session.started_at, *(word.at for word in words)]
    rows = [row for row in _connections(book, session) if row.opened_at < ended_at]
    cut = session.stop_reason is StopReason.POWER_LOSS
    found = []
    for row, after in zip_longest(rows, rows[1:]):
        until = after.opened_at if after else ended_at
        if row.closed_at is None or until <= session.started_at or until - row.closed_at < AWAY:
            continue
        booted = after and after.booted
        if booted or (cut and not any(until < at < ended_at for at in heard)):
            since = max([row.closed_at, *(at for at in heard if at < until)])
            found.append((since, until))
    return tuple((since, until) for since, until in found if until - since >= AWAY)


def said_charging_s(book: Book, session: AnySession) -> int | None:
    """For how many seconds the plug called itself Charging, and had power; None: it said nothing
    of itself.
    """
    if session.ended_at is None:
        return None
    span = session.started_at, session.ended_at
    told = _of_plug(book, session, span)
    if session.last_seq_no is not None:
        words = _words_of(book, session)
    else:
        words = [Word(event.at, _SAYS[event.activity]) for event in told]
        words = [word for word in words if word.at >= span[0]]
    if not words:
        return None
    ends = [*(word.at for word in words[1:]), span[1]]
    stretches = [
        (max(word.at, span[0]), min(until, span[1]))
        for word, until in zip(words, ends, strict=True)
        if word.says is Says.CHARGING
    ]
    charged = [(since, until) for since, until in stretches if since < until]
    powered = without(charged, _dark(book, session, words, session.ended_at))
    return int(sum((until - since).total_seconds() for since, until in powered))
