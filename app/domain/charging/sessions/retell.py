"""A session told anew from all events of its transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.access.authorisation import START, Tap
from app.domain.charging import statuses
from app.domain.charging.energy import since_start
from app.domain.charging.sessions import transaction_events
from app.domain.charging.sessions.begin import name_holder, price_anew
from app.domain.charging.sessions.provisional import close_previous
from app.domain.charging.sessions.reuse import unsure
from app.domain.charging.sessions.row import AnySession, flag, mark_time, remove_flag
from app.domain.charging.sessions.stops import (
    PLUG_UNKNOWN,
    Stop,
    close,
    explained,
    find_plugs,
    orders_to_stop,
)
from app.domain.charging.sessions.story import (
    Story,
    any_contradict,
    claimed_at,
    register_at_end,
    story_of,
)
from app.domain.charging.sessions.transaction_events import (
    ENDED,
    STARTED,
    STOP_AUTHORISED,
    AnyEvent,
    TransactionReport,
    decided,
)
from app.domain.charging.statuses import ActivityTold
from app.domain.ground import events
from app.domain.ground.vocabulary import (
    Activity,
    BillingState,
    ConnectorRef,
    SessionState,
    StopReason,
    Token,
)
from app.domain.limits import ev_needs
from app.domain.money.billing.evidence import weigh
from app.domain.money.billing.usage import facts_of
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Command, Station, Tag

#: How long a bill waits for events that are missing between the ends, and for a start.
GAP_HOLD = timedelta(minutes=10)
START_HOLD = timedelta(hours=24)
#: Two ways to count live energy that differ by less agree, in Wh.
_SAME_WH = Decimal(100)


def retell(db: Session, station: AnyStation, session: ChargingSession, *, now: datetime) -> None:
    """Bring a session in line with all events of its transaction."""
    told = transaction_events.of_sessions(db, [session.id])[session.id]
    story = story_of(told)
    place(db, station, session, story)
    if session.evse and session.state is SessionState.CHARGING:
        plug = (station, session.evse, session.started_at, now)
        close_previous(db, [plug], but=session.id)
    ordered = orders_to_stop(db, [session.id] if story.ended else [])
    tell(db, station, session, story, told, ordered.get(session.id, ()), now=now)
    find_plugs(db, [session] if story.ended else [])
    db.flush()


def tell(
    db: Session,
    station: AnyStation,
    session: AnySession,
    story: Story,
    told: Sequence[AnyEvent],
    ordered: Iterable[datetime],
    *,
    now: datetime,
) -> None:
    """Let the row of a session that has its place say what its events tell; rows of either kind.

    `ordered` is when we had it stopped, if it has ended.
    """
    _hold(db, station, session, story, now)
    (flag if unsure(db, session, told) else remove_flag)(session, "transaction_reused")
    (flag if _shown_by_another(db, session, told) else remove_flag)(session, "two_tags")
    session.meter_start_wh = story.meter_start_wh
    session.last_event_at = story.last.at
    session.last_seq_no = max(story.last_seq_no, session.last_seq_no or 0)
    if session.state is SessionState.CHARGING:
        session.idle_since = story.idle_since
    if story.ended is not None:
        session.weighed_apart_wh = None
        stop = explained(_stop(session, story, story.ended), ordered, decided(story.ended))
        _end(db, station, session, story, stop, now)
    elif session.state is SessionState.CHARGING:
        weigh_live(db, session)


def place(db: Session, station: AnyStation, session: AnySession, story: Story) -> None:
    """When and where it began; its price is that of then."""
    first, before = story.first, session.started_at
    session.started_at = first.at
    if first.at != before:
        price_anew(db, station, session)
    session.claimed_started_at = claimed_at(first)
    mark_time(
        session, first.at, first.received_at, session.claimed_started_at,
        replaced=bool(first.facts.get("clock_replaced")),
    )  # fmt: skip
    if story.place is not None and story.place.evse:
        session.evse = story.place.evse
        session.connector = story.place.connector or 1
        remove_flag(session, PLUG_UNKNOWN)


def _shown_by_another(db: Session, session: AnySession, told: Sequence[AnyEvent]) -> bool:
    """Whether another driver's card was shown within it, and not to end it."""
    shown = {
        (event.token, event.answer.get("tag_id"))
        for event in told
        if event.token is not None and event.kind != ENDED and event.trigger != STOP_AUTHORISED
    }
    for text, tag_id in shown:
        if text is None or Token(text).key == Token(session.token).key:
            continue
        tag = db.get(Tag, tag_id) if tag_id else None
        driver_id = tag.driver_id if tag else None
        if driver_id is None or driver_id != session.driver_id:
            return True
    return False


def _hold(
    db: Session, station: AnyStation, session: AnySession, story: Story, now: datetime
) -> None:
    """Whose it is: the tag that began it, however late its event came."""
    event = story.holder
    if event is None or event.token is None:
        return
    to_end_it = event.kind == ENDED or event.trigger == STOP_AUTHORISED
    if to_end_it and session.remote_command_id:
        if not session.token:
            hold_by_order(db, station, session, now)
        return
    token = Token(event.token, event.token_kind or authorisation.ANY_KIND)
    decision = decided(event)
    if (session.token, session.token_kind) == (token.value, token.kind):
        if decision is not None and not event.answer.get("stopping"):
            session.unauthorised = not decision.accepted
        return
    about_stop = event.answer.get("stopping", True)
    if decision is None or (about_stop and token.kind != authorisation.KEY_CODE):
        at = None if event.facts.get("clock_replaced") else event.at
        tap = Tap(station, token, START, now, session.evse or None, session, shown_at=at)
        decision = authorisation.decide(db, tap)
    name_holder(db, station, session, token, decision)


def hold_by_order(db: Session, station: AnyStation, session: AnySession, now: datetime) -> None:
    """Where no tag was shown but to end it, it is that with which we had it started (F01)."""
    if session.remote_command_id is None:
        return
    if session.token and transaction_events.has_tag(db, session.id):
        return
    order = db.get_one(Command, session.remote_command_id).arguments
    token = Token(order["token"], order.get("token_kind") or authorisation.ANY_KIND)
    at = None if "clock_replaced" in session.flags else session.started_at
    tap = Tap(station, token, START, now, session.evse or None, session, shown_at=at)
    name_holder(db, station, session, token, authorisation.decide(db, tap))


def _end(
    db: Session, station: AnyStation, session: AnySession, story: Story, stop: Stop, now: datetime
) -> None:
    before = _money_of(session)
    if session.state is SessionState.ENDED and session.provisional:
        flag(session, "late_stop")
    heard_at = session.stop_received_at
    first = session.state is SessionState.CHARGING or session.provisional
    close(session, stop, now)
    _compare_ends(session, story)
    session.energy_wh = since_start(session.meter_start_wh, session.last_register_wh)
    if not first:
        session.stop_received_at = heard_at
    _wait(session, story, now)
    if session.billing is not BillingState.OPEN:
        # It was decided about on less than this.
        session.late_evidence_at = now
        if _money_of(session) != before:
            flag(session, "late_stop")
            session.stop_received_at = now
        events.record(db, events.SessionEnded(session.tenant_id, session.id, station.id))
    elif first or _money_of(session) != before or session.bill_after is None:
        events.record(db, events.SessionEnded(session.tenant_id, session.id, station.id))


def _compare_ends(session: AnySession, story: Story) -> None:
    """Say so where the station told its end twice, and not the same."""
    if any_contradict((event.at, register_at_end(event.facts)) for event in story.ends):
        flag(session, "ends_contradict")
    else:
        remove_flag(session, "ends_contradict")


def _stop(session: AnySession, story: Story, ended: AnyEvent) -> Stop:
    token = ended.token
    return Stop(
        transaction_ref=session.transaction_ref,
        meter_stop_wh=story.meter_stop_wh,
        ended_at=ended.at,
        reason=StopReason(ended.facts.get("reason", StopReason.OTHER)),
        word=ended.facts.get("word"),
        token=Token(token, ended.token_kind or authorisation.ANY_KIND) if token else None,
        payload=ended.payload,
        clock_replaced=bool(ended.facts.get("clock_replaced")),
        claimed_at=claimed_at(ended),
    )


def _wait(session: AnySession, story: Story, now: datetime) -> None:
    """Say what is missing and how long the bill waits for it."""
    heard_at = session.stop_received_at or now
    remove_flag(session, "start_missing")
    remove_flag(session, "events_missing")
    session.bill_after = None
    if story.started is None:
        flag(session, "start_missing")
        session.bill_after = heard_at + START_HOLD
    elif not story.complete:
        flag(session, "events_missing")
        session.bill_after = heard_at + GAP_HOLD


def weigh_live(db: Session, session: AnySession) -> None:
    """Say the live energy of a running session, whose readings are stored.

    It is counted from its registers.  Where its readings speak against them, the evidence
    decides, once: from then on it is counted that far apart, until they disagree anew.
    """
    start = session.meter_start_wh
    if start is None:  # no start told one: the first register that was read
        start = session.first_register_wh
    counted = since_start(start, session.last_register_wh)
    expected = counted + (session.weighed_apart_wh or 0)
    if abs(expected - session.energy_wh) > _SAME_WH:
        db.flush()
        expected = weigh(facts_of(db, session)).energy.energy_wh
        session.weighed_apart_wh = (expected - counted) or None
    session.energy_wh = expected


def _money_of(session: AnySession) -> tuple[object, ...]:
    """What of a session's row its price hangs on."""
    return (
        session.started_at,
        session.ended_at,
        session.meter_start_wh,
        session.meter_stop_wh,
        session.tariff_version_id,
        session.unauthorised,
        session.bill_after is None,
    )


# What is told of a running transaction as it happens: for live pages, and for cars that wait.

#: A station's row, its session's, what it told, and when.
Showing = tuple[AnyStation, AnySession, TransactionReport, datetime]


def show(db: Session, told: Sequence[Showing]) -> None:
    """Let the live pages hear of what is told as it happens; plan for cars that waited for it."""
    _show_activities(db, told)
    for _, session, _, _ in told:
        changed = events.SessionChanged(session.tenant_id, session.id, session.station_id)
        events.record(db, changed)
    began = {
        session.station_id: (session, now)
        for _, session, report, now in told
        if report.kind == STARTED
    }
    for station_id in ev_needs.waiting(db, began):
        session, now = began[station_id]
        station, its = db.get_one(Station, station_id), db.get_one(ChargingSession, session.id)
        ev_needs.session_began(db, station, its, now=now)


def _show_activities(db: Session, told: Sequence[Showing]) -> None:
    """Let plugs show what their transactions say that they do."""
    shown = []
    for station, session, report, now in told:
        activity = Activity.FINISHING if report.kind == ENDED else report.activity
        if activity is not None and session.evse:
            place = ConnectorRef(session.evse, session.connector)
            shown.append(ActivityTold(station, place, activity, report.at, now))
    statuses.activity_all(db, shown)
