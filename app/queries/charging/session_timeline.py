"""What happened at a session's plug: from two minutes before it began to two after it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from app.domain.charging import statuses
from app.domain.commands import orders
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Availability, CommandState, Facts, SessionState, Verdict
from app.domain.money.billing.assessment import total_of
from app.models import (
    Authorisation,
    ChargingSession,
    Command,
    Message,
    StatusEvent,
    TransactionEvent,
)
from app.queries.network.station_timeline import status_words
from app.queries.office import messages

#: How much of the time before and after belongs to the story.
MARGIN = timedelta(minutes=2)
#: Entries of one kind at most.
MOST = 80
#: Messages that tell nothing beside the readings and the status events.
_ROUTINE = ("MeterValues", "Heartbeat", "StatusNotification", "TransactionEvent")

#: What a tap was shown for.
_OCCASIONS = {"authorize": N_("a tap"), "start": N_("a start"), "stop": N_("a stop")}
_IDLE = ("SuspendedEV", "SuspendedEVSE", "Finishing")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: when, what, who, and its look ("", bad or idle); `thing` is the row behind it."""

    at: datetime
    text: str
    who: str = ""
    kind: str = ""
    thing: Any = None


def window(session: ChargingSession, now: datetime) -> tuple[datetime, datetime]:
    """When we heard of a session, with the margins: an offline charger tells it later."""
    return session.start_received_at - MARGIN, (session.stop_received_at or now) + MARGIN


def of(db: Session, session: ChargingSession, now: datetime) -> list[Entry]:
    """Return the story of a session in the order of time; messages are without words yet."""
    heard = window(session, now)
    entries = [
        *_own(session),
        *_statuses(db, session, session.started_at - MARGIN, (session.ended_at or now) + MARGIN),
        *_of_transaction(db, session),
        *_taps(db, session, *heard),
        *_commands(db, session, *heard),
        *_messages(db, session, *heard),
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _own(session: ChargingSession) -> Iterator[Entry]:
    if session.state is SessionState.NO_SHOW:
        yield Entry(session.started_at, "The plug was reserved")
        yield Entry(session.ended_at or session.started_at, "The reservation ran out")
        return
    yield Entry(session.started_at, "Session began")
    if session.ended_at is None:
        return
    if session.provisional:
        yield Entry(
            session.ended_at, "Assumed end: the last reading; no stop was reported", "", "bad"
        )
    else:
        why = session.stop_reason and session.stop_reason.said(session.stop_word)
        yield Entry(session.ended_at, " · ".join(filter(None, ["Session ended", why])))


def _within(query: Select[Any], column: Any, since: datetime, until: datetime) -> Select[Any]:
    return query.where(column >= since, column <= until).order_by(column).limit(MOST)


def _of_session(
    query: Select[Any], model: Any, column: Any, session: ChargingSession, *span: datetime
) -> Select[Any]:
    """What names the session, whenever it came, and what names none but came within its time."""
    named = model.session_id == session.id
    unnamed = and_(model.session_id.is_(None), column >= span[0], column <= span[1])
    return query.where(or_(named, unnamed)).order_by(column).limit(MOST)


def _statuses(
    db: Session, session: ChargingSession, since: datetime, until: datetime
) -> Iterator[Entry]:
    query = select(StatusEvent).where(
        StatusEvent.station_id == session.station_id, StatusEvent.evse.in_([0, session.evse])
    )
    for event in db.scalars(_within(query, StatusEvent.at, since, until)):
        error = event.error_code if event.error_code not in (None, "", "NoError") else ""
        faulted = event.availability is Availability.FAULTED
        told = [status_words(event), "" if faulted else error, event.vendor_error]
        kind = "bad" if faulted or error else ("idle" if event.status_word in _IDLE else "")
        yield Entry(event.at, " · ".join(filter(None, told)), event.status_word, kind, event)


def _of_transaction(db: Session, session: ChargingSession) -> Iterator[Entry]:
    """What the transaction's own events tell, but for mere readings (2.x)."""
    for event in telling(db, session):
        state = statuses.ACTIVITY_WORDS[event.activity] if event.activity else ""
        words = " · ".join(filter(None, [event.kind.capitalize(), state]))
        told = [event.trigger.replace("_", " "), "offline" if event.offline else ""]
        yield Entry(event.at, words, " · ".join(filter(None, told)), "", event)


def _taps(
    db: Session, session: ChargingSession, since: datetime, until: datetime
) -> Iterator[Entry]:
    query = select(Authorisation).where(
        Authorisation.station_id == session.station_id, Authorisation.token == session.token
    )
    taps = _of_session(query, Authorisation, Authorisation.at, session, since, until)
    for tap in db.scalars(taps):
        kind = "" if tap.verdict is Verdict.ACCEPTED else "bad"
        yield Entry(tap.at, tap.sentence, _OCCASIONS.get(tap.occasion, tap.occasion), kind, tap)


def _commands(
    db: Session, session: ChargingSession, since: datetime, until: datetime
) -> Iterator[Entry]:
    query = select(Command).where(Command.station_id == session.station_id)
    orders_given = _of_session(query, Command, Command.requested_at, session, since, until)
    for command in db.scalars(orders_given):
        plug = command.arguments.get("connector")
        if plug not in (None, 0, session.evse):
            continue
        state = command.state.value.replace("_", " ")
        good = command.state in (CommandState.ACCEPTED, CommandState.QUEUED, CommandState.SENT)
        words = f"{orders.SPECS[command.order].label}: {state}"
        yield Entry(
            command.requested_at, words, command.requested_by, "" if good else "bad", command
        )


def _messages(
    db: Session, session: ChargingSession, since: datetime, until: datetime
) -> Iterator[Entry]:
    """The telling messages: what began and ended the session, and whatever went wrong meanwhile."""
    wrong = or_(Message.outcome.is_(None), Message.outcome.in_(messages.PROBLEMS))
    named = and_(Message.session_id == session.id, or_(Message.action.not_in(_ROUTINE), wrong))
    unnamed = and_(Message.session_id.is_(None), Message.at >= since, Message.at <= until, wrong)
    query = (
        select(Message)
        .where(Message.station_id == session.station_id, or_(named, unnamed))
        .order_by(Message.at, Message.id)
        .limit(MOST)
    )
    for message in db.scalars(query):
        bad = message.outcome in messages.PROBLEMS
        yield Entry(message.at, message.action, "", "bad" if bad else "", message)


# What a 2.x transaction told of itself, for the page of its session.

#: Triggers of events that only bring readings.
ROUTINE = ("MeterValuePeriodic", "MeterValueClock", "SignedDataReceived", "RunningCost")


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """How many events there are, how many were kept while offline, and the last of each fact."""

    events: int
    offline: int
    facts: Facts

    @property
    def cost(self) -> str | None:
        """The station's own total, as it told it."""
        told = total_of(self.facts.get("cost_details"))
        return None if told is None else f"{told[1]} {told[0]}"

    @property
    def limits(self) -> str:
        """The limits that the station confirmed, in words."""
        given = self.facts.get("limits")
        return ", ".join(_limit_words(given)) if isinstance(given, dict) else ""


def _limit_words(given: dict[str, Any]) -> Iterator[str]:
    for name, words in (
        ("maxCost", "cost {}"),
        ("maxEnergy", "{} Wh"),
        ("maxTime", "{} s"),
        ("maxSoC", "{} % charge"),
    ):
        if given.get(name) is not None:
            yield words.format(given[name])


def facts_of(db: Session, session: ChargingSession) -> TransactionFacts | None:
    """Gather what the events of a session told; None where it has none."""
    if session.last_seq_no is None:
        return None
    rows = db.execute(
        select(TransactionEvent.facts, TransactionEvent.offline)
        .where(TransactionEvent.session_id == session.id)
        .order_by(TransactionEvent.at, TransactionEvent.seq_no)
    ).all()
    facts: Facts = {}
    for told, _ in rows:
        facts |= told
    return TransactionFacts(len(rows), sum(offline for _, offline in rows), facts)


def telling(db: Session, session: ChargingSession) -> Iterator[TransactionEvent]:
    """The events that tell more than readings, by the station's clock."""
    if session.last_seq_no is None:
        return
    yield from db.scalars(
        select(TransactionEvent)
        .where(
            TransactionEvent.session_id == session.id,
            TransactionEvent.trigger.not_in(ROUTINE) | (TransactionEvent.kind != "updated"),
        )
        .order_by(TransactionEvent.at, TransactionEvent.seq_no)
        .limit(MOST)
    )
