"""Why a station is as it is: chains of facts, each a few plain sentences with links to them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from app.domain.commands import orders
from app.domain.ground.rows import newest
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import (
    Availability,
    CommandState,
    Order,
    Registration,
    SessionState,
    StationMode,
    Verdict,
)
from app.models import Authorisation, ChargingSession, Command, Connection, Connector
from app.models.sessions import CHARGED
from app.queries.network import station_timeline
from app.queries.network.station_page import Now, attempts

#: A refused tap is of interest for this long.
TAP_AGE = timedelta(hours=12)
#: A charger that restarts or changes its network is back within this time.
PATIENCE = timedelta(minutes=3)
#: A session that began this long before a fault may have to do with it.
NEAR = timedelta(minutes=30)

#: What the error words of chargers mean.
ERRORS = {
    "connectorlockfailure": "the connector could not be locked or unlocked",
    "evcommunicationerror": "it could not talk to the vehicle",
    "groundfailure": "a residual current device has tripped",
    "hightemperature": "it is too hot inside",
    "internalerror": "something failed inside",
    "locallistconflict": "its list of tags does not fit ours",
    "overcurrentfailure": "more current flowed than allowed",
    "overvoltage": "the voltage is too high",
    "powermeterfailure": "its meter cannot be read",
    "powerswitchfailure": "its contactor does not switch",
    "readerfailure": "its card reader fails",
    "resetfailure": "it could not restart",
    "undervoltage": "the voltage is too low",
    "weaksignal": "its mobile signal is weak",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sentence: text, or a moment that the page writes on the local clock."""

    text: str = ""
    at: datetime | None = None
    energy_wh: Any = None


@dataclass(slots=True)
class Why:
    """A question, its answer in parts, and links: (word, noun, page, values)."""

    question: str
    anchor: str
    parts: list[Part] = field(default_factory=list)
    links: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)

    def say(self, *pieces: Any) -> None:
        """Add pieces of text; a datetime among them is a moment."""
        for piece in pieces:
            is_moment = isinstance(piece, datetime)
            self.parts.append(Part(at=piece) if is_moment else Part(str(piece)))


def answers(db: Session, now_there: Now, now: datetime) -> list[Why]:
    """Answer what somebody in front of the station would ask, most pressing first."""
    found = [*_offline(db, now_there, now), *_registration(now_there)]
    past = _Past(db, now_there.station.id)
    for plug in now_there.plugs:
        found += _faulted(past, now_there, plug)
        found += _out_of_service(past, now_there, plug)
        found += _lingering(now_there, plug)
    found += _mode(now_there)
    found += _refused_tap(db, now_there, now)
    return found


class _Past:
    """What happened at a station: asked once for all its plugs, and only where one needs it."""

    def __init__(self, db: Session, station_id: int) -> None:
        self._db, self._station_id = db, station_id

    @cached_property
    def orders(self) -> list[Command]:
        return list(self._db.scalars(self._newest()))

    @cached_property
    def availability(self) -> list[Command]:
        """The newest orders by which a plug was taken out of service, or put into it."""
        changed = Command.order == Order.SET_AVAILABILITY
        accepted = Command.state == CommandState.ACCEPTED
        return list(self._db.scalars(self._newest().where(changed, accepted)))

    def _newest(self) -> Select[Command]:
        mine = select(Command).where(Command.station_id == self._station_id)
        return mine.order_by(Command.id.desc()).limit(20)

    @cached_property
    def sessions(self) -> dict[int, ChargingSession]:
        """By the id of a faulted plug: the last session that began there before the fault."""
        began = func.coalesce(Connector.since, Connector.status_at)
        last = (
            select(ChargingSession.id)
            .where(
                ChargingSession.station_id == self._station_id,
                ChargingSession.evse == Connector.evse,
                ChargingSession.started_at <= began,
                CHARGED,
            )
            .order_by(ChargingSession.started_at.desc(), ChargingSession.id.desc())
            .limit(1)
            .correlate(Connector)
        )
        found, own = aliased(ChargingSession), Connector.station_id == self._station_id
        rows = self._db.execute(
            select(Connector.id, found)
            .join(found, found.id == last.scalar_subquery())
            .where(own, Connector.availability == Availability.FAULTED)
        )
        return dict(rows.all())


def _offline(db: Session, there: Now, now: datetime) -> Iterator[Why]:
    station = there.station
    if there.online or station.archived_at is not None:
        return
    why = Why("Why is it offline?", "why-offline")
    last = newest(db, Connection, station_id=station.id)
    if last is None:
        why.say(f"{station.identity} has never been connected. ")
    elif last.closed_at is None:
        why.say(
            f"The worker {last.node}, which held its connection, has not been heard of lately. "
        )
    else:
        why.say("Its last connection, open since ", last.opened_at, ", ended at ", last.closed_at)
        why.say(f": {last.close_reason}. " if last.close_reason else ". ")
    reset = _reset_before(db, last)
    if reset is not None:
        words = orders.describe(reset.order, reset.arguments).lower()
        why.say(f"{reset.requested_by} had asked for a {words} at ", reset.requested_at, ". ")
    knock = next((a for a in attempts(db, station) if last is None or a.last_at > _end(last)), None)
    if knock is not None and not knock.accepted:
        why.say("It knocked at ", knock.last_at, " and was turned away: ", knock.sentence, " ")
        why.say(station_timeline.fix(knock.reason))
    elif last is None:
        why.say("Nobody has knocked with this identity: type the URL of its Setup page into it.")
    elif now - _end(last) < PATIENCE:
        why.say("That is a moment ago: most chargers come back by themselves within minutes.")
    else:
        why.say("It has not knocked since: look at its power and its network.")
    why.links.append(("Setup", "stations", "setup", {"station_id": station.id}))
    yield why


def _reset_before(db: Session, last: Connection | None) -> Command | None:
    """The restart that explains why a connection ended."""
    if last is None or last.closed_at is None:
        return None
    return newest(
        db,
        Command,
        Command.state.in_([CommandState.ACCEPTED, CommandState.SENT]),
        Command.requested_at > last.closed_at - PATIENCE,
        Command.requested_at <= last.closed_at,
        station_id=last.station_id,
        order=Order.RESET,
    )


def _end(connection: Connection) -> datetime:
    return connection.closed_at or connection.opened_at


def _registration(there: Now) -> Iterator[Why]:
    station = there.station
    if station.registration is Registration.ACCEPTED:
        return
    why = Why("Why does it not charge?", "why-registration")
    if station.registration is Registration.PENDING:
        why.say("Its registration is pending: it may connect and be set up, but not charge, ")
        why.say("until somebody accepts it.")
    elif station.registration is Registration.BLOCKED:
        why.say("It is blocked: every new connection of it is refused.")
    else:
        why.say("Its registration is rejected: its boot is answered with a refusal.")
    why.links.append(("Setup", "stations", "setup", {"station_id": station.id}))
    yield why


def _mode(there: Now) -> Iterator[Why]:
    if there.station.mode is StationMode.CLOSED:
        why = Why("Why can nobody start here?", "why-mode")
        why.say("The station is closed: every tap is refused, whoever holds the card.")
        why.links.append(("Change it", "stations", "edit", {"station_id": there.station.id}))
        yield why


def _faulted(past: _Past, there: Now, plug: Connector) -> Iterator[Why]:
    if plug.availability is not Availability.FAULTED:
        return
    word = plug.error_code or "a fault"
    was = "was" if not there.online else "is"
    why = Why(f"Why {was} connector {plug.evse} faulted?", f"why-{plug.evse}")
    vendor = f" (vendor code {plug.vendor_error})" if plug.vendor_error else ""
    figure = plug.error_code
    told = f"The charger reported {figure}{vendor}"
    why.say(told if figure else f"The charger reported a fault{vendor}")
    if plug.began_at is not None:
        why.say(N_(" at "), plug.began_at)
    session = _session_near(past, plug)
    if session is not None and plug.began_at is not None:
        after = int((plug.began_at - session.started_at).total_seconds())
        ago = f"{after} s" if after < 120 else f"{after // 60} min"
        why.say(f", {ago} after session {session.id} began with card {session.token}")
    why.say(". ")
    if meaning := ERRORS.get(word.casefold()):
        why.say(f"{word} means that {meaning}. ")
    if plug.info:
        why.say(f"It adds: “{plug.info}”. ")
    _tell_session(why, session)
    _tell_last_order(past, why, plug)
    number = {"station": there.station.id}
    why.links.append(("Messages", "messages", "index", number))
    if session is not None:
        link = (f"Session {session.id}", "sessions", "show", {"session_id": session.id})
        why.links.append(link)
    yield why


def _session_near(past: _Past, plug: Connector) -> ChargingSession | None:
    session, began = past.sessions.get(plug.id), plug.began_at
    near = session is not None and began is not None and session.started_at > began - NEAR
    return session if near else None


def _tell_session(why: Why, session: ChargingSession | None) -> None:
    if session is None:
        return
    if session.state is SessionState.ENDED:
        why.say("That session ended at ")
        why.parts.append(Part(energy_wh=session.energy_wh))
        why.say("; its bill waits for review. " if session.billing == "held" else ". ")
    else:
        why.say("That session is still open. ")


def _tell_last_order(past: _Past, why: Why, plug: Connector) -> None:
    for row in past.orders:
        since = plug.began_at is None or row.requested_at >= plug.began_at
        if since and row.arguments.get("connector") in (plug.evse, None):
            words = orders.describe(row.order, row.arguments)
            how = row.sentence or row.state.value.replace("_", " ")
            why.say(f"“{words}” was tried at ", row.requested_at, ": ", how, " ")
            return


def _out_of_service(past: _Past, there: Now, plug: Connector) -> Iterator[Why]:
    if plug.availability is not Availability.UNAVAILABLE or not there.online:
        return
    why = Why(f"Why is connector {plug.evse} out of service?", f"why-{plug.evse}")
    asked = (row for row in past.availability if row.arguments.get("connector") in (0, plug.evse))
    order = next(asked, None)
    if order is not None and not order.arguments.get("available"):
        why.say(f"{order.requested_by} took it out of service at ", order.requested_at, ". ")
        why.say("Put it into service again with the button on its card.")
    else:
        why.say("The charger said so by itself")
        if plug.status_at is not None:
            why.say(N_(" at "), plug.status_at)
        why.say("; nobody here has asked for it.")
    yield why


def _lingering(there: Now, plug: Connector) -> Iterator[Why]:
    session = there.sessions.get(plug.evse)
    free = plug.availability is Availability.AVAILABLE and not plug.stale
    if session is None or not free or plug.status_at is None:
        return
    why = Why(f"Why is session {session.id} still open?", f"why-{plug.evse}")
    why.say(f"The charger reported connector {plug.evse} free at ", plug.status_at)
    why.say(f", but has sent no stop for session {session.id}, which began at ")
    why.say(session.started_at, ". A stop often comes late and is then taken as it is; ")
    why.say("if none comes, end the session on its page: it is closed at its last reading.")
    link = (f"Session {session.id}", "sessions", "show", {"session_id": session.id})
    why.links.append(link)
    yield why


def _refused_tap(db: Session, there: Now, now: datetime) -> Iterator[Why]:
    tap = newest(db, Authorisation, station_id=there.station.id)
    if tap is None or tap.verdict is Verdict.ACCEPTED or tap.at < now - TAP_AGE:
        return
    why = Why("Why was the last tap refused?", "why-tap")
    why.say(f"Card {tap.token} was shown at ", tap.at, ": ", tap.sentence)
    if tap.tag_id is not None:
        why.links.append(("The tag", "tags", "show", {"tag_id": tap.tag_id}))
    else:
        why.links.append(("Add this tag", "tags", "create", {"value": tap.token}))
    yield why
