"""No-shows: whether a reservation ran out although its station kept the plug and nobody came.

Only what is beyond doubt counts as one.  Whatever else may be why nobody charged is a reason, kept
with the reservation and shown.  A no-show is billed where its tariff has a fee for that; so is one
that only doubts speak against, but its bill waits for a person.  What is no doubt but a reason
costs nothing.

What is told of sessions speaks against one whenever it arrives: `contradicted` looks again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.access.reservations import CLOCKS, KEPT
from app.domain.ground import events
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import (
    Availability,
    Order,
    ReservationState,
    StationMode,
    Token,
)
from app.models import (
    Authorisation,
    ChargingSession,
    Command,
    Connection,
    Reservation,
    Station,
    StatusEvent,
)
from app.models.sessions import CHARGED

#: A connection may be made anew within this time: whoever came meanwhile came again.
APART = timedelta(minutes=1)
_BROKEN = (Availability.FAULTED, Availability.UNAVAILABLE)
_WORKING = tuple(word for word in Availability if word not in _BROKEN)


def against(db: Session, row: Reservation) -> list["Reason"]:
    """What speaks against a no-show: what settles it, else all doubts."""
    for reason in REASONS:
        if not reason.doubt and reason.holds(db, row):
            return [reason]
    return [reason for reason in REASONS if reason.doubt and reason.holds(db, row)]


def _let_go(db: Session, row: Reservation) -> bool:
    return row.settled_at is not None and row.settled_at < row.expires_at - CLOCKS


def _cancel_asked(db: Session, row: Reservation) -> bool:
    asked = select(Command.id).where(
        Command.station_id == row.station_id,
        Command.requested_at.between(row.created_at, row.expires_at),
        Command.order == Order.CANCEL_RESERVATION,
        Command.subject == f"{KEPT}{row.id}",
    )
    return db.scalar(asked.limit(1)) is not None


def _away(db: Session, row: Reservation) -> bool:
    """Whether the station had no connection all the time, but for what is too short to come."""
    away = sum((until - since for since, until in _missing(db, row)), timedelta())
    kept = row.expires_at - (row.kept_from or row.created_at)
    return away > max(kept - APART, timedelta())


def _apart(db: Session, row: Reservation) -> bool:
    """Whether the station was without a connection for long enough to be missed."""
    return any(until - since > APART for since, until in _missing(db, row))


def _missing(db: Session, row: Reservation) -> list[tuple[datetime, datetime]]:
    """When the station had no connection while it kept the plug."""
    query = select(Connection.opened_at, Connection.closed_at).where(
        Connection.station_id == row.station_id,
        Connection.opened_at < row.expires_at,
        or_(Connection.closed_at.is_(None), Connection.closed_at > row.kept_from),
    )
    spans = db.execute(query.order_by(Connection.opened_at)).all()
    return [gap for gap in _gaps(row, spans) if gap[0] < gap[1]]


def _gaps(
    row: Reservation, spans: Sequence[tuple[datetime, datetime | None]]
) -> Iterator[tuple[datetime, datetime]]:
    at = row.kept_from or row.created_at
    for opened, closed in spans:
        yield at, opened
        at = max(at, closed or row.expires_at)
    yield at, row.expires_at


def _out(db: Session, row: Reservation) -> bool:
    """Whether the plug was faulted or out of service all the time."""
    return bool(row.evse) and _stood_broken(db, row) and not _was_ever(db, row, of=_WORKING)


def _broken(db: Session, row: Reservation) -> bool:
    """Whether the plug was faulted or out of service, by what the station told then or later."""
    return _was_ever(db, row, of=_BROKEN) or _stood_broken(db, row)


def _was_ever(db: Session, row: Reservation, *, of: Sequence[Availability]) -> bool:
    """Whether the station told one of these of the plug while it kept it."""
    query = select(StatusEvent.id).where(
        StatusEvent.station_id == row.station_id,
        _at_plug(StatusEvent, row),
        StatusEvent.at.between(row.kept_from, row.expires_at),
        StatusEvent.availability.in_(of),
    )
    return db.scalar(query.limit(1)) is not None


def _stood_broken(db: Session, row: Reservation) -> bool:
    """Whether the plug was faulted or out of service when it began to be kept."""
    last = (
        select(func.max(StatusEvent.id))
        .where(StatusEvent.station_id == row.station_id, _at_plug(StatusEvent, row))
        .where(StatusEvent.at < row.kept_from)
        .group_by(StatusEvent.evse, StatusEvent.connector)
    )
    broken = StatusEvent.availability.in_(_BROKEN)
    stood = select(StatusEvent.id).where(StatusEvent.id.in_(last), broken)
    return db.scalar(stood.limit(1)) is not None


def _shut_out(db: Session, row: Reservation) -> bool:
    """Whether whoever came would have been refused, by what is known now: a block has no date."""
    tag, closed = row.tag, row.station.mode is StationMode.CLOSED
    if closed or tag is None:
        return closed
    refused = authorisation.refusal(db, row.station, tag, row.expires_at)
    return tag.archived_at is not None or refused is not None


def _came(db: Session, row: Reservation) -> bool:
    """Whether the driver was at the site: charged there, or showed the tag to the station."""
    sessions = select(ChargingSession.id).where(
        ChargingSession.site_id == row.station.site_id,
        *_during(row),
        or_(*_same(ChargingSession, row)),
    )
    taps = select(Authorisation.id).where(
        Authorisation.station_id == row.station_id,
        Authorisation.at.between(row.created_at, row.expires_at + CLOCKS),
        or_(*_same(Authorisation, row)),
    )
    return any(db.scalar(query.limit(1)) is not None for query in (sessions, taps))


def _taken(db: Session, row: Reservation) -> bool:
    sessions = select(ChargingSession.id).where(
        ChargingSession.station_id == row.station_id, *_during(row), _at_plug(ChargingSession, row)
    )
    return db.scalar(sessions.limit(1)) is not None


def _during(row: Reservation) -> tuple[ColumnElement[bool], ...]:
    own = ChargingSession
    over = or_(own.ended_at.is_(None), own.ended_at > row.kept_from)
    return CHARGED, own.started_at <= row.expires_at + CLOCKS, over


def _same(model: Any, row: Reservation) -> Iterator[ColumnElement[bool]]:
    yield func.lower(model.token) == Token(row.token).key
    if row.tag_id is not None:
        yield model.tag_id == row.tag_id
    if model is ChargingSession and row.driver_id is not None:
        yield ChargingSession.driver_id == row.driver_id


def _at_plug(model: Any, row: Reservation) -> ColumnElement[bool]:
    found: ColumnElement[bool] = model.evse.in_({0, row.evse}) if row.evse else model.evse >= 0
    return found


def contradicted(
    db: Session, sessions: Iterable[ChargingSession]
) -> Iterator[tuple[Reservation, list[str]]]:
    """Yield those found unused which such sessions speak against, each with its doubts.

    They may have been told when it had been found already, or while somebody looks: who does holds
    the reservation, has not seen them, and is waited for.
    """
    spans = [(one.site_id, one.started_at, one.ended_at) for one in sessions if one.ended_at]
    if not spans:
        return
    query = (
        select(Reservation)
        .join(Reservation.station)
        .where(
            Reservation.state == ReservationState.EXPIRED,
            Reservation.expires_at >= min(since for _, since, _ in spans) - CLOCKS,
            Reservation.kept_from < max(until for _, _, until in spans),
            Station.site_id.in_({site_id for site_id, _, _ in spans}),
        )
    )
    query = query.order_by(Reservation.id).with_for_update(of=Reservation)
    for row in db.scalars(query.execution_options(populate_existing=True)).all():
        if row.no_show is None:
            continue
        found = [reason for reason in REASONS if reason.doubt and reason.told_late]
        found = [reason for reason in found if reason.holds(db, row)]
        if found and row.no_show:
            row.no_show, row.no_show_why = False, found[0].why
            events.record(db, events.ReservationChanged(row.tenant_id, row.id, row.station_id))
        if found:
            yield row, [reason.doubt for reason in found]


class Reason(NamedTuple):
    """Something that speaks against a no-show; one with a `doubt` holds its bill, others end it.

    One that is `told_late` is looked for again when a session is told.
    """

    why: str
    holds: Callable[[Session, Reservation], bool]
    doubt: str = ""
    told_late: bool = False


#: What speaks against a no-show, in the order in which it is looked for; the first is told.
REASONS = (
    Reason(
        N_("The station never confirmed that it holds the connector."),
        lambda db, row: row.kept_from is None,
    ),
    Reason(N_("The station released the connector before the time was over."), _let_go),
    Reason(N_("It was asked to be cancelled in time."), _cancel_asked),
    Reason(N_("The station was offline all the time."), _away),
    Reason(N_("The plug was faulted or out of service all the time."), _out),
    Reason(N_("The station was offline meanwhile."), _apart, "reserved_offline"),
    Reason(N_("The plug was faulted or out of service meanwhile."), _broken, "reserved_broken"),
    Reason(N_("The station would have refused the tag."), _shut_out, "reserved_refused"),
    Reason(
        N_("The driver charged at the site, or showed the tag to the station."),
        *(_came, "reserved_came", True),
    ),
    Reason(N_("Somebody else charged at the plug."), _taken, "reserved_taken", True),
)
