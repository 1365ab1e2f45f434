"""Reservations: a plug kept for one tag until a moment, from the wish to its end.

A row is made when a reservation is asked for; its id is the number on the wire.  It is ASKED until
the station answers, ACTIVE while the station keeps the plug, and then used, cancelled, expired,
faulted or removed.  What is unclear (no answer came) stays ASKED: the station may well keep it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation, reach
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import (
    Arguments,
    Availability,
    CommandState,
    Outcome,
    ReservationState,
    StationMode,
    StatusReport,
    Token,
)
from app.domain.network.plugs import AnyStation
from app.domain.office import audit
from app.models import ChargingSession, Command, Reservation, Station, Tag

#: The states in which a station keeps a plug, or may.
OPEN = frozenset({ReservationState.ASKED, ReservationState.ACTIVE})
MOST = timedelta(days=366)
#: A charger's clock may lag so far behind ours; its times are in whole seconds besides.
CLOCKS = timedelta(minutes=5)
#: With a reservation's number, a command's subject.
KEPT = "reservation:"
#: What ends a reservation, and how that reads.
_GONE = {Availability.FAULTED: "faulted", Availability.UNAVAILABLE: "out of service"}

_ROW = Reservation.__table__
#: What a session may use that began `since`: it may be told when the time is over.
_USABLE = or_(
    _ROW.c.state == ReservationState.ACTIVE,
    and_(_ROW.c.state == ReservationState.EXPIRED, _ROW.c.expires_at >= bindparam("since")),
)
_KEPT_AT = BulkRead(select(_ROW.c.station_id).where(among(_ROW.c.station_id, "stations"), _USABLE))

#: What a station tells of a reservation by itself, and how that reads.
_TOLD: dict[str, tuple[ReservationState, str]] = {
    "expired": (ReservationState.EXPIRED, "The station let it go when its time was over."),
    "removed": (ReservationState.REMOVED, "The station removed it by itself."),
    "no_transaction": (ReservationState.USED, "It was used, but no charging followed."),
}


def prepare(ask: Ask) -> Prepared:
    """Make the row of a reservation that is about to be asked of a station.

    Raises `Invalid` for a tag that may not charge there or an end that cannot
    be, `Conflict` when the plug is kept for somebody already.
    """
    ends = _end(ask.given, ask.now)
    tag = _tag(ask.db, ask.station, ask.given, ask.now)
    evse = int(ask.given.get("connector") or 0)
    _check_free(ask.db, ask.station, evse, tag.value if tag else ask.given["token"], ask.now)
    row = Reservation(
        tenant_id=ask.station.tenant_id,
        station_id=ask.station.id,
        evse=evse,
        plug_type=ask.given.get("plug_type"),
        token=tag.value if tag else ask.given["token"],
        token_kind=ask.given.get("token_kind") or (tag.kind if tag else "id_tag"),
        group_token=tag.group.parent if tag and tag.group else None,
        tag_id=tag.id if tag else None,
        driver_id=tag.driver_id if tag else None,
        state=ReservationState.ASKED,
        expires_at=ends,
        created_by=ask.actor.name,
        created_at=ask.now,
    )
    row.station = ask.station
    audit.added(ask.db, ask.actor, "reservation.add", row, now=ask.now)
    _tell(ask.db, row)
    wanted = {
        "connector": evse,
        "plug_type": row.plug_type,
        "token": row.token,
        "token_kind": row.token_kind,
        "group_token": row.group_token,
        "expires_at": ends.isoformat(),
        "reservation_id": row.id,
    }
    arguments = {name: value for name, value in wanted.items() if value is not None}
    return Prepared(arguments, subject=f"{KEPT}{row.id}")


def prepare_cancel(ask: Ask) -> Prepared:
    """Find the reservation that is to be cancelled; raises `NotFound` or `Conflict`."""
    number = ask.given["reservation_id"]
    row = _numbered(ask.db, ask.station, number)
    if row is None:
        raise NotFound(
            f"{ask.station.identity} has no reservation {number}.", field="reservation_id"
        )
    if row.state not in OPEN:
        raise Conflict(f"Reservation {number} is {row.state.value} already.")
    return Prepared(dict(ask.given), subject=f"{KEPT}{row.id}")


def answered(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Take in how the wish for a reservation ended."""
    row = _subject(db, command)
    if row is None or row.state is not ReservationState.ASKED:
        return
    row.command_id = command.id
    if outcome.state is CommandState.ACCEPTED:
        row.state, row.sentence, row.kept_from = ReservationState.ACTIVE, None, now
        _tell(db, row)
    elif _unclear(command, outcome):
        row.sentence = f"Nobody knows whether the station keeps it. {outcome.sentence}"[:300]
        _tell(db, row)
    else:
        _settle(db, row, ReservationState.REJECTED, outcome.sentence, now)


def cancel_answered(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Take in how the wish to cancel one ended; a no means that the station has none such."""
    row = _subject(db, command)
    if row is None or row.state not in OPEN:
        return
    if outcome.state is CommandState.ACCEPTED:
        sentence = f"Cancelled by {command.requested_by}."
        _settle(db, row, ReservationState.CANCELLED, sentence, now)
    elif outcome.state is CommandState.REJECTED:
        sentence = "The station said that it keeps no such reservation."
        _settle(db, row, ReservationState.REMOVED, sentence, now)


def ended(db: Session, station: Station, number: int | None, word: str, *, now: datetime) -> bool:
    """Take in what a station tells of a reservation: expired, removed or no_transaction.

    False when it is none of ours or over already (the first end stands).
    """
    row = _numbered(db, station, number)
    if row is None or row.state not in OPEN or word not in _TOLD:
        return False
    _settle(db, row, *_TOLD[word], now)
    return True


def used(
    db: Session, station: AnyStation, number: int | None, session: ChargingSession, *, now: datetime
) -> Reservation | None:
    """Tie a session to the reservation that it uses, and end that.

    `number` is what the station named; none, 0 and less mean that it named
    none (FIELD X16).  Then a reservation of the same plug and tag, or a tag of
    its group, is what the session uses (1.6 section 5.13).
    """
    row = _numbered(db, station, number) or _fitting(db, station, session)
    if row is None:
        return None
    session.reservation_id = row.id
    if row.state is ReservationState.USED:
        row.session_id = row.session_id or session.id
        db.flush()
        return row
    row.session_id = session.id
    by = "" if Token(row.token).key == Token(session.token).key else f" by tag {session.token}"
    late = "" if row.state in OPEN else f", though it was {row.state.value}"
    sentence = f"Session {session.id} used it{by}{late}."
    _settle(db, row, ReservationState.USED, sentence, now)
    return row


def kept_at(db: Session, begun: Iterable[tuple[int, datetime]]) -> set[int]:
    """The stations where a session may use a reservation; of each its station and its start."""
    starts = dict(begun)
    since = min(starts.values(), default=None)
    return {row.station_id for row in _KEPT_AT(db, stations=set(starts), since=since)}


def follow_statuses(db: Session, changed: Iterable[tuple[Any, StatusReport, datetime]]) -> None:
    """End what plugs were kept for when they are faulted or out of service (1.6 section 5.13).

    Each is a station's row, plain or not, what it told of a plug, and when.
    """
    gone = [one for one in changed if one[1].availability in _GONE]
    query = select(Reservation).where(
        Reservation.station_id.in_([station.id for station, _, _ in gone]),
        Reservation.state == ReservationState.ACTIVE,
    )
    kept = db.scalars(query).all() if gone else []
    for station, report, now in gone:
        evse, word = report.connector.evse, _GONE[report.availability]
        place = f"Connector {evse}" if evse else "The station"
        for row in kept:
            if row.station_id == station.id and row.evse == (evse or row.evse):
                _settle(db, row, ReservationState.FAULTED, f"{place} is {word}.", now)


def expire_due(db: Session, *, now: datetime) -> int:
    """End reservations whose time is over, but those that are used just now; returns how many."""
    due = select(Reservation).where(Reservation.state.in_(OPEN), Reservation.expires_at <= now)
    rows = db.scalars(due.with_for_update(skip_locked=True)).all()
    for row in rows:
        _settle(db, row, ReservationState.EXPIRED, "Its time was over before anybody came.", now)
    return len(rows)


def kept(db: Session, station: Station, now: datetime) -> Sequence[Reservation]:
    """The reservations that the station keeps, or may keep, the next to end first."""
    open_ = _open(station).where(Reservation.expires_at > now)
    return db.scalars(open_.order_by(Reservation.expires_at)).all()


def _end(given: Arguments, now: datetime) -> datetime:
    if given.get("expires_at"):
        ends = datetime.fromisoformat(given["expires_at"])
        if ends <= now:
            raise Invalid("The end of the reservation is in the past.", field="expires_at")
        if ends > now + MOST:
            raise Invalid("A reservation lasts a year at most.", field="expires_at")
        return ends
    if given.get("minutes"):
        return now + timedelta(minutes=given["minutes"])
    raise Invalid("Say until when, or for how many minutes.", field="minutes")


@reach.whole
def _tag(db: Session, station: Station, given: Arguments, now: datetime) -> Tag | None:
    """The tag that the plug is kept for; None for one that is on no list of an open station."""
    token = Token(given["token"], given.get("token_kind") or authorisation.ANY_KIND)
    tag = authorisation.find_tag(db, station.tenant_id, token)
    if authorisation.KEY_CODE in (token.kind, tag.kind if tag else ""):
        # It is a secret, and a reservation is shown to everybody at the desk.
        raise Invalid("No connector is kept for a key code: name a card.", field="token")
    if tag is None:
        if station.mode is StationMode.OPEN:
            return None
        raise Invalid(f"The tag {token.value} is on no list.", field="token")
    refusal = authorisation.refusal(db, station, tag, now)
    if refusal is not None:
        raise Invalid(refusal.sentence, field="token")
    return tag


def _check_free(db: Session, station: Station, evse: int, token: str, now: datetime) -> None:
    for row in kept(db, station, now):
        if evse and row.evse == evse:
            until = row.expires_at.strftime("%Y-%m-%d %H:%M UTC")
            raise Conflict(
                f"Connector {evse} is kept for tag {row.token} until {until} (reservation "
                f"{row.id}).",
                field="connector",
            )
        if not evse and not row.evse and Token(row.token).key == Token(token).key:
            raise Conflict(
                f"{station.identity} keeps a connector for tag {token} already (reservation "
                f"{row.id}).",
                field="token",
            )


def _unclear(command: Command, outcome: Outcome) -> bool:
    """Whether the station may have heard the wish though no answer to it came."""
    if outcome.state is CommandState.TIMED_OUT:
        return True
    lost = outcome.state is CommandState.FAILED and outcome.answer is None
    return lost and command.action is not None


def _settle(
    db: Session, row: Reservation, state: ReservationState, sentence: str, now: datetime
) -> None:
    row.state, row.sentence, row.settled_at = state, sentence[:300], now
    row.no_show = row.no_show_why = None
    _tell(db, row)


def _tell(db: Session, row: Reservation) -> None:
    db.flush()
    events.record(db, events.ReservationChanged(row.tenant_id, row.id, row.station_id))


def _open(station: AnyStation) -> Select[Any]:
    return select(Reservation).where(
        Reservation.station_id == station.id, Reservation.state.in_(OPEN)
    )


def _subject(db: Session, command: Command) -> Reservation | None:
    subject = command.subject or ""
    number = subject.removeprefix(KEPT)
    return db.get(Reservation, int(number)) if number != subject else None


def _numbered(db: Session, station: AnyStation, number: int | None) -> Reservation | None:
    if number is None or not 0 < number < 2**63:
        return None
    query = select(Reservation).where(
        Reservation.station_id == station.id, Reservation.id == number
    )
    return db.scalar(query)


def _fitting(db: Session, station: AnyStation, session: ChargingSession) -> Reservation | None:
    query = select(Reservation).where(
        *(Reservation.station_id == station.id, Reservation.evse.in_({0, session.evse}), _USABLE),
        Reservation.created_at <= session.started_at + CLOCKS,
        Reservation.expires_at >= session.started_at,
    )
    query = query.order_by(Reservation.evse.desc(), Reservation.id)
    group = session.tag.group.parent if session.tag and session.tag.group else None
    row: Reservation
    for row in db.scalars(query, {"since": session.started_at}):
        same = row.tag_id is not None and row.tag_id == session.tag_id
        same = same or Token(row.token).key == Token(session.token).key
        if same or (group is not None and row.group_token == group):
            return row
    return None
