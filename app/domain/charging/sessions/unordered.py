"""An event of a 2.x transaction that is no plain next one: a repeat, a late one, one of another use
of the id, one after the end, or the first that is heard of a transaction and not its start.

The session is told anew from all events, so that the order in which they were heard changes
nothing (FIELD X17, OCPP 2.0.1 E04).
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.access.authorisation import START, STOP, Tap
from app.domain.charging import metering, remote_starts, running
from app.domain.charging.metering import Metered
from app.domain.charging.overtaken import was_silent
from app.domain.charging.sessions import reuse
from app.domain.charging.sessions.begin import LET_IN_AWAY, name_holder, new_session
from app.domain.charging.sessions.retell import hold_by_order, place, retell, show, weigh_live
from app.domain.charging.sessions.row import AnySession, flag, mark_late
from app.domain.charging.sessions.starts import Start
from app.domain.charging.sessions.story import story_of
from app.domain.charging.sessions.transaction_events import (
    ENDED,
    REMOTE_START,
    STARTED,
    UPDATED,
    EventRow,
    TransactionReport,
    Words,
    decided,
    event_of,
    has_no_gap,
    has_start,
    idle_since,
    noted,
)
from app.domain.charging.sessions.unused import follow_reservation
from app.domain.ground.vocabulary import (
    IDLING,
    Activity,
    ConnectorRef,
    Decision,
    Json,
    SessionState,
    Token,
)
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, TransactionEvent

#: Built once: their compiled forms are found again by identity.
_KNOWN = select(TransactionEvent).where(
    TransactionEvent.station_id == bindparam("station"),
    or_(
        TransactionEvent.digest == bindparam("digest"),
        TransactionEvent.digest == bindparam("former"),
    ),
)
_LATEST = select(func.max(TransactionEvent.at), func.max(TransactionEvent.received_at)).where(
    TransactionEvent.session_id == bindparam("session")
)
_TOLD = select(TransactionEvent.id).where(
    TransactionEvent.session_id == bindparam("session"),
    TransactionEvent.seq_no == bindparam("seq"),
)
#: What storing readings changes of a session's row, beside the row that is in hand.
_SHOWN = (
    *("last_reading_at", "last_power_w", "last_soc_percent"),
    *("first_register_wh", "last_register_wh", "energy_wh", "ended_at", "late_evidence_at"),
)

#: A plug that was not named.
_NOWHERE = ConnectorRef(0)


@dataclass(frozen=True, slots=True)
class Taken:
    """The session that an event belongs to, what was decided about its tag, if it showed one.

    `ended`: it told the end of the transaction.  `quirks` are its station's; `events` are all of
    the session's where those were read.  `cost` is what the station is to be told of the money, and
    `limits` of what our order to start allows, if anything (`session_cost`, `session_limits`).
    """

    session: AnySession
    ended: bool
    decision: Decision | None
    repeated: bool
    quirks: Json
    events: list[EventRow] = field(default_factory=list)
    cost: Decimal | None = None
    limits: Json = field(default_factory=dict)


def take_unordered(
    db: Session, station: AnyStation, report: TransactionReport, *, now: datetime
) -> Taken:
    """Take in one event of a transaction; the same one again changes nothing."""
    words = report.words()
    digests = {"digest": words.digest, "former": report.former_digest()}
    known = db.scalar(_KNOWN, {"station": station.id, **digests})
    if known is not None:
        session = db.get(ChargingSession, known.session_id)
        if session is not None:
            return Taken(session, known.kind == ENDED, decided(known), True, station.quirks)
    session = reuse.session_of(db, station, report)
    newest = _is_newest(db, station, session, report)
    if session is None:
        session = _open(db, station, report, now)
    event = _keep(db, station, session, report, words, now)
    session, other = _parted(db, station, session, event, now)
    _meter(db, session, report, now)
    decision = _decide(db, station, session, report, event, now)
    if _tells(db, report, session, event):
        retell(db, station, session, now=now)
    else:
        _add(db, session, event, now)
    if other is not None:
        retell(db, station, other, now=now)
    session.last_seq_no = max(report.seq_no, session.last_seq_no or 0)
    session.last_event_at = max(report.at, session.last_event_at or report.at)
    link(db, station, session, report, now)
    if newest and not report.offline:
        show(db, [(station, session, report, now)])
    db.flush()
    return Taken(session, event.kind == ENDED, decision, False, station.quirks)


def _is_newest(
    db: Session, station: AnyStation, session: ChargingSession | None, report: TransactionReport
) -> bool:
    """Whether nothing later is known of the transaction: only that is its state now.

    The number decides; after a restart of the station it may begin anew, and then the first to
    arrive is the newest, and among those its clock decides.  A former use of its id is over.
    """
    if session is None:
        return True
    if session.transaction_ref != report.transaction_ref:
        return False
    if session.last_seq_no is None or report.seq_no > session.last_seq_no:
        return True
    at, received_at = db.execute(_LATEST, {"session": session.id}).one()
    booted_at = station.last_boot_at
    if booted_at and received_at and received_at < booted_at <= report.at:
        return True
    return at is None or report.at > at


def opening(report: TransactionReport) -> Start:
    """What begins the session of a transaction with the first that is heard of it."""
    return Start(
        connector=report.connector or _NOWHERE,
        token=Token("", authorisation.NO_AUTHORISATION),
        meter_start_wh=None,
        started_at=report.at,
        raw_time=str(report.raw_time),
        clock_replaced=report.clock_replaced,
        claimed_at=report.claimed_at,
        transaction_ref=report.transaction_ref,
    )


def _open(
    db: Session, station: AnyStation, report: TransactionReport, now: datetime
) -> ChargingSession:
    """Begin the session of a transaction with the first that is heard of it."""
    start = opening(report)
    nobody = authorisation.without_token(station)
    key = f"{running.OF_STATION}{report.transaction_ref}"
    session = new_session(db, station, start, key, nobody, now=now)
    if not report.offline and was_silent(db, station, report.at, now=now):
        flag(session, "told_late")
    return session


def _keep(
    db: Session, station: AnyStation, session: ChargingSession, report: TransactionReport,
    words: Words, now: datetime,
) -> TransactionEvent:  # fmt: skip
    token = report.token
    tag = authorisation.find_tag(db, station.tenant_id, token) if token else None
    row = event_of(report, session, tag.id if tag else None, now, words)
    event = TransactionEvent(**asdict(row))
    db.add(event)
    db.flush()
    return event


def _parted(
    db: Session, station: AnyStation, session: ChargingSession, event: TransactionEvent,
    now: datetime,
) -> tuple[ChargingSession, ChargingSession | None]:  # fmt: skip
    """The session of an event, and the other one where the id is told to be used again."""
    if session.last_seq_no is None:
        return session, reuse.regain(db, session, event, now=now)
    made = None if event.kind == UPDATED else reuse.split(db, station, session, now=now)
    if made is None:
        return session, None
    return (made, session) if event.session_id == made.id else (session, made)


def _meter(db: Session, session: ChargingSession, report: TransactionReport, now: datetime) -> None:
    """Store the readings, each once, and show the newest (a late one turns nothing back)."""
    if not report.meters:
        return
    evse = report.connector.evse if report.connector else session.evse
    item = Metered(session.station_id, evse, session.transaction_ref, report.meters)
    db.flush()
    at_hand = {(session.station_id, session.transaction_ref): session}
    _, newest = metering.store(db, [item], now=now, at_hand=at_hand)
    running.show(db, newest)
    db.expire(session, _SHOWN)


def take_readings(
    db: Session, station: AnyStation, report: TransactionReport, *, now: datetime
) -> bool:
    """Store some of the readings of a long event apart from it, each once.

    Before an end, where its session is known; all else comes first, and then its readings.
    Tells whether they could be stored.
    """
    session = reuse.session_of(db, station, report)
    if session is None:
        return False
    told = {"session": session.id, "seq": report.seq_no}
    if report.kind != ENDED and db.scalar(_TOLD, told) is None:
        return False
    _meter(db, session, report, now)
    return True


def _decide(
    db: Session,
    station: AnyStation,
    session: ChargingSession,
    report: TransactionReport,
    event: TransactionEvent,
    now: datetime,
) -> Decision | None:
    """Decide about the tag that the event shows, whoever let it in before (J02, C01)."""
    token = report.token
    if token is None:
        return None
    stopping = report.stops(session, token)
    occasion = STOP if stopping else START
    evse = session.evse or None
    tap = Tap(station, token, occasion, now, evse, session, shown_at=report.shown_at)
    decision = authorisation.decide(db, tap)
    event.answer = noted(decision, stopping=stopping)
    if report.let_in:
        flag(session, LET_IN_AWAY)
    if not session.token and not stopping:
        # Whose it is in the end says `retell`; until then it is not nobody's.
        name_holder(db, station, session, token, decision)
    db.flush()
    return decision


def _tells(
    db: Session, report: TransactionReport, session: ChargingSession, event: TransactionEvent
) -> bool:
    """Whether an event can change the session beyond what `_add` does; most cannot.

    Else a station that tells its longest session backwards, or its end first, would have it told
    anew from all of its events at each of them.
    """
    plug, early = (session.evse, session.connector), event.at <= session.started_at
    return (
        report.kind != UPDATED
        or report.token is not None
        or session.provisional
        or session.last_seq_no is None
        or session.last_event_at is None
        or "clock_replaced" in session.flags
        or bool(event.evse and (event.evse, event.connector or 1) != plug)
        or bool(event.facts.keys() & {"begin", "end"})
        or (early and (event.at == session.started_at or has_start(db, session.id)))
        or (session.state is SessionState.ENDED and not _still_waits(db, session))
    )


def _still_waits(db: Session, session: ChargingSession) -> bool:
    """Whether an ended session waits for the same as before: its start, or what came after it."""
    if "start_missing" in session.flags:
        return True
    return "events_missing" in session.flags and not has_no_gap(db, session.id)


def _add(db: Session, session: ChargingSession, event: TransactionEvent, now: datetime) -> None:
    """Add what an event tells to what all others told."""
    if event.at < session.started_at:  # the first that is known
        place(db, session.station, session, story_of([event]))
    if session.state is SessionState.ENDED:
        mark_late(db, session, now)
    elif event.activity is not None:
        if not _is_told_already(session, event):
            session.idle_since = idle_since(db, session.id)
        weigh_live(db, session)


def _is_told_already(session: ChargingSession, event: TransactionEvent) -> bool:
    """Whether since when the car stands is the same with what an event says, as it mostly is."""
    since = session.idle_since
    if event.activity is Activity.CHARGING:
        return since is None or event.at < since
    return event.activity not in IDLING or (since is not None and event.at > since)


def link(
    db: Session, station: AnyStation, session: ChargingSession, report: TransactionReport,
    now: datetime,
) -> None:  # fmt: skip
    """Tie the session to the remote start and the reservation that it follows."""
    tied = session.remote_command_id
    if report.remote_start_id is not None:
        remote_starts.attach_named(db, station, session, report.remote_start_id, now=now)
    elif report.trigger == REMOTE_START and tied is None:
        remote_starts.attach(db, station, session, now=now)
    if session.remote_command_id != tied or report.kind == STARTED or not session.token:
        hold_by_order(db, station, session, now)
    named = report.reservation_id
    begins = report.kind in (STARTED, ENDED) or report.token is not None
    if session.reservation_id is None and (named or (begins and session.evse)):
        follow_reservation(db, station, named, session, now=now)
