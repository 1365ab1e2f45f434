"""What 2.x stations tell of transactions, taken in for many stations at once.

Nearly every event is the plain next one of its transaction: what it tells is added to the
session's row, at the same cost for the first and for the thousandth.  An end, and a tag that is
shown within, are told from all events together; what comes out of order goes by `unordered`.
Whatever the road, the same events give the same session.

A bill waits until both ends are known and no event between them is missing.  What is missing may
never come: a station may drop events between the ends when its memory is short, so a bill waits
`GAP_HOLD` for those; for a start it waits `START_HOLD` and then goes to review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.access import authorisation, reservations
from app.domain.access.authorisation import START, STOP, Judged, Tap, without_token
from app.domain.charging import metering
from app.domain.charging.metering import Metered
from app.domain.charging.overtaken import was_silent
from app.domain.charging.running import OF_STATION
from app.domain.charging.running import take_in as take_in_gauge
from app.domain.charging.sessions import row as rows
from app.domain.charging.sessions import transaction_events
from app.domain.charging.sessions.begin import LET_IN_AWAY, hold, new_row
from app.domain.charging.sessions.provisional import close_provisionally, is_previous
from app.domain.charging.sessions.retell import place, show, tell, weigh_live
from app.domain.charging.sessions.reuse import is_elsewhere
from app.domain.charging.sessions.row import SessionRow, flag
from app.domain.charging.sessions.starts import taken_keys
from app.domain.charging.sessions.stops import find_plugs, orders_to_stop
from app.domain.charging.sessions.story import idle_after, meter_start_of, story_of
from app.domain.charging.sessions.transaction_events import (
    ENDED,
    REMOTE_START,
    STARTED,
    UPDATED,
    EventRow,
    TransactionReport,
    Words,
    decided,
    noted,
)
from app.domain.charging.sessions.unordered import Taken, link, opening, take_unordered
from app.domain.ground.bulk import pass_by, reserve
from app.domain.ground.vocabulary import BillingState, SessionState, Token
from app.domain.money import tariff_choice
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Station

_SESSION = ChargingSession.__table__


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it arrives, with the row of its station, of either kind."""

    station: AnyStation
    report: TransactionReport
    now: datetime


@dataclass(slots=True)
class Plain:
    """A plain next event on its road: the session that it belongs to, and its own row.

    `told_all` are all events of a session that was told anew.
    """

    told: Told
    session: SessionRow
    begins: bool
    event: EventRow
    judged: Judged | None = None
    told_all: list[EventRow] = field(default_factory=list)

    @property
    def report(self) -> TransactionReport:
        """What it tells."""
        return self.told.report

    @property
    def anew(self) -> bool:
        """Whether its session has to be told from all events together."""
        report, session = self.report, self.session
        named = report.connector is not None and report.connector.evse and not session.evse
        return not self.begins and bool(
            report.kind == ENDED or report.token is not None or named or "begin" in self.event.facts
        )


def take_all(db: Session, told: Sequence[Told]) -> list[Taken]:
    """Take in events of transactions, no two of one station; the same ones again change nothing."""
    if not told:
        return []
    db.flush()
    running: dict[int, list[SessionRow]] = {}
    for row in rows.running(db, [one.station.id for one in told]):
        running.setdefault(row.station_id, []).append(row)
    plain = _plain(db, told, running)
    for mine in plain.values():
        _close_others(db, mine, running.get(mine.session.station_id, ()))
    linked = _store(db, list(plain.values()))
    odd = _take_oddly(db, [one for one in told if one.station.id not in plain])
    taken = []
    for one in told:
        if (its := plain.get(one.station.id)) is not None:
            ended, decision = one.report.kind == ENDED, decided(its.event)
            session = linked.get(its.session.id, its.session)
            about = (one.station.quirks, its.told_all)
            taken.append(Taken(session, ended, decision, False, *about))
        else:
            taken.append(odd[one.station.id])
    return taken


def _take_oddly(db: Session, told: Sequence[Told]) -> dict[int, Taken]:
    """Take in what is no plain next event, one by one; by station, with plain rows again."""
    found = {}
    for one in told:
        station = db.get_one(Station, one.station.id)
        found[station.id] = take_unordered(db, station, one.report, now=one.now)
    sessions = rows.numbered(db, {taken.session.id for taken in found.values()})
    return {number: replace(one, session=sessions[one.session.id]) for number, one in found.items()}


def _plain(
    db: Session, told: Sequence[Told], running: dict[int, list[SessionRow]]
) -> dict[int, Plain]:
    """The events, by station, that are the next ones of transactions, or begin some."""
    worded = [
        (one, one.report.words(), (one.station.id, one.report.transaction_ref)) for one in told
    ]
    by_ref = {
        (row.station_id, str(row.transaction_ref)): row for each in running.values() for row in each
    }
    by_ref |= rows.named(db, [ref for _, _, ref in worded if ref not in by_ref])
    # A number beyond the greatest that was heard of its transaction is no repeat.
    heard = [
        (one, words)
        for one, words, ref in worded
        if ref not in by_ref or one.report.seq_no <= (by_ref[ref].last_seq_no or 0)
    ]
    repeated = _repeated(db, heard)
    asked = [each for each in worded if each[0].station.id not in repeated]
    new = [one for one, _, ref in asked if ref not in by_ref and one.report.kind == STARTED]
    made = {row.station_id: row for row in _begun(db, new)}
    found = {}
    for one, words, ref in asked:
        begun = made.get(ref[0])
        session = begun or by_ref.get(ref)
        if session is not None and (begun or _follows(session, one.report)):
            event = transaction_events.event_of(one.report, session, None, one.now, words)
            found[ref[0]] = Plain(one, session, begun is not None, event)
    return found


def _repeated(db: Session, heard: Sequence[tuple[Told, Words]]) -> set[int]:
    """The stations whose event is stored already."""
    digests = {
        (one.station.id, digest)
        for one, words in heard
        for digest in (words.digest, one.report.former_digest())
    }
    return {station_id for station_id, _ in transaction_events.known(db, digests)}


def _follows(session: SessionRow, report: TransactionReport) -> bool:
    """Whether an event comes after all that was told of a running transaction, by its clock."""
    at = session.last_event_at
    if at is None or session.last_seq_no is None or report.kind == STARTED:
        return False
    if is_elsewhere(session, report):
        return False
    running = session.state is SessionState.CHARGING and session.billing is BillingState.OPEN
    return running and (report.at, report.seq_no) > (at, session.last_seq_no)


def _begun(db: Session, new: Sequence[Told]) -> list[SessionRow]:
    """The rows of sessions that begin; whose they are is not known yet."""
    keys = [(one.station.id, f"{OF_STATION}{one.report.transaction_ref}") for one in new]
    taken = taken_keys(db, keys)
    fresh = [
        (one, key)
        for one, (number, key) in zip(new, keys, strict=True)
        if (number, key) not in taken
    ]
    made = []
    for (one, key), number in zip(fresh, reserve(db, _SESSION, len(fresh)), strict=True):
        report = one.report
        session = new_row(number, one.station, opening(report), key, now=one.now)
        if not report.offline and was_silent(db, one.station, report.at, now=one.now):
            flag(session, "told_late")
        made.append(session)
    return made


def _close_others(db: Session, one: Plain, running: Iterable[SessionRow]) -> None:
    """What began before at the plug has ended without our hearing of it (FIELD X6)."""
    mine = one.session
    evse = mine.evse or (one.report.connector.evse if one.report.connector else 0)
    for other in running:
        same = evse and other.evse == evse and other.id != mine.id
        if same and is_previous(other, mine.started_at):
            over = db.get_one(ChargingSession, other.id)
            close_provisionally(db, over, now=one.told.now, until=mine.started_at)


def _store(db: Session, plain: Sequence[Plain]) -> dict[int, SessionRow]:
    """Decide about events and write each table once; return the sessions that others changed."""
    if not plain:
        return {}
    _meter(db, plain)
    _judge(db, plain)
    anew = [one for one in plain if one.anew]
    begun = rows.beginnings(one.session for one in anew)
    earlier = transaction_events.of_sessions(db, [one.session.id for one in anew])
    ordered = orders_to_stop(db, earlier)
    for one in plain:
        if one.session.id in earlier:
            one.told_all = [*earlier[one.session.id], one.event]
            _tell_anew(db, one, ordered.get(one.session.id, ()))
        else:
            _add(db, one)
    find_plugs(db, [one.session for one in anew if one.report.kind == ENDED])
    rows.insert(db, [one.session for one in plain if one.begins])
    rows.update_anew(db, [one.session for one in anew], begun)
    rows.update_running(
        db, [one.session for one in plain if not one.begins and one.session.id not in earlier]
    )
    transaction_events.insert(db, [one.event for one in plain])
    pass_by(db, ChargingSession)
    authorisation.keep(db, [one.judged for one in plain if one.judged])
    linked = _link(db, plain)
    shown = [(one.told.station, one.session, one.report, one.told.now) for one in plain]
    show(db, [each for each in shown if not each[2].offline])
    return rows.numbered(db, linked)


def _meter(db: Session, plain: Sequence[Plain]) -> None:
    """Store the readings, each once, and keep the newest."""
    items = []
    for one in plain:
        report, session = one.report, one.session
        if report.meters:
            evse = report.connector.evse if report.connector else session.evse
            ref = session.transaction_ref
            items.append(
                Metered(session.station_id, evse, ref, report.meters, received_at=one.told.now)
            )
    at_hand = {(one.session.station_id, one.session.transaction_ref): one.session for one in plain}
    _, newest = metering.store(db, items, now=plain[0].told.now, at_hand=at_hand)
    sessions = {one.session.id: one.session for one in plain}
    for gauge in newest:
        take_in_gauge(sessions[gauge.session_id], gauge)


def _judge(db: Session, plain: Sequence[Plain]) -> None:
    """Decide about the tags that events show, whoever let them in before (J02, C01)."""
    shown = [one for one in plain if one.report.token is not None]
    for one, judged in zip(
        shown, authorisation.judge(db, [_tap(one) for one in shown]), strict=True
    ):
        one.judged = judged
        if one.report.let_in:
            flag(one.session, LET_IN_AWAY)
        token, stopping = judged.tap.token, judged.tap.occasion == STOP
        one.event.token = authorisation.shown(token, judged.decision.tag_id)
        one.event.answer = noted(judged.decision, stopping=stopping)
    begun = [one for one in plain if one.begins]
    if not begun:
        return
    tags = [one.judged.tag for one in begun if one.judged and one.judged.tag]
    prices = tariff_choice.Prices(db, [one.told.station for one in begun], tags)
    for one in begun:
        station = one.told.station
        if one.judged is not None:
            token = one.judged.tap.token
            hold(one.session, station, token, one.judged.decision, one.judged.tag, prices)
        else:
            nobody = Token("", authorisation.NO_AUTHORISATION)
            hold(one.session, station, nobody, without_token(station), None, prices)


def _tap(one: Plain) -> Tap:
    station, session, report, now = one.told.station, one.session, one.report, one.told.now
    token, evse = report.token, session.evse or None
    assert token is not None
    if one.begins:
        return Tap(station, token, START, now, evse, None, session.id, report.shown_at)
    occasion = STOP if report.stops(session, token) else START
    return Tap(station, token, occasion, now, evse, session, shown_at=report.shown_at)


def _add(db: Session, one: Plain) -> None:
    """Add what an event tells to what was told before."""
    session, event = one.session, one.event
    if one.begins:
        session.meter_start_wh = meter_start_of([event])
    session.last_seq_no = max(event.seq_no, session.last_seq_no or 0)
    session.last_event_at = event.at
    session.idle_since = idle_after(session.idle_since, event)
    weigh_live(db, session)


def _tell_anew(db: Session, one: Plain, ordered: Iterable[datetime]) -> None:
    """Tell a session from all of its events, the new one among them."""
    story = story_of(one.told_all)
    place(db, one.told.station, one.session, story)
    tell(db, one.told.station, one.session, story, one.told_all, ordered, now=one.told.now)


def _link(db: Session, plain: Sequence[Plain]) -> list[int]:
    """Tie sessions to the remote starts and the reservations that they follow; return which."""
    beginning = [one for one in plain if one.report.kind != UPDATED or one.report.token is not None]
    own = [one.session for one in beginning]
    kept = reservations.kept_at(db, [(row.station_id, row.started_at) for row in own])
    linked = []
    for one in plain:
        named = one.report.reservation_id
        asked = one.report.remote_start_id is not None or one.report.trigger == REMOTE_START
        asked = asked or bool(one.session.remote_command_id and not one.session.token)
        if asked or named or (one.told.station.id in kept and one in beginning):
            session = db.get_one(ChargingSession, one.session.id)
            link(db, one.told.station, session, one.report, one.told.now)
            linked.append(session.id)
    return linked
