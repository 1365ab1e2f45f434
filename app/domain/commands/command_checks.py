"""Whether an order may be given to a station now: its plug, its connection, its registration."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.commands import orders
from app.domain.ground.errors import Conflict, Invalid, NotConnected
from app.domain.ground.vocabulary import Arguments, Order, Registration, SessionState
from app.domain.ground.vocabulary.standard import abilities
from app.domain.network import presence
from app.models import ChargingSession, Connector, Station


def check(db: Session, station: Station, order: Order, checked: Arguments, now: datetime) -> None:
    """Raise `Invalid`, `Conflict` or `NotConnected` where an order cannot be given now."""
    number = None if order is Order.RAW else checked.get("connector")
    given = {"station": station.id, "evse": number or 0}
    there = db.execute(_THERE, given | presence.held_by(station, now)).one()
    if number and there.plugs and not there.plug:
        raise Invalid(f"{station.identity} has no connector {number}.", field="connector")
    _check_reachable(station, there.held)
    check_registration(station, order, checked)


_PLUG = Connector.__table__
_ITS_PLUGS = select(_PLUG.c.id).where(_PLUG.c.station_id == bindparam("station"))
#: Every order asks this: built once, three answers in one row.
_THERE = select(
    presence.HELD.label("held"),
    _ITS_PLUGS.where(_PLUG.c.evse > 0).exists().label("plugs"),
    _ITS_PLUGS.where(_PLUG.c.evse == bindparam("evse")).exists().label("plug"),
)


#: Why a station cannot be reached, after its identity.
_ARCHIVED, _BLOCKED, _AWAY = (
    *(" is in the archive.", " is blocked: nothing may be sent to it."),
    " is not connected, so nothing was sent.",
)


def _check_reachable(station: Station, held: bool) -> None:
    name = station.identity
    if station.archived_at is not None:
        raise Conflict(name + _ARCHIVED)
    if station.registration is Registration.BLOCKED:
        raise Conflict(name + _BLOCKED)
    if not held:
        raise NotConnected(name + _AWAY)


def unreachable(now: datetime) -> ColumnElement[str | None]:
    """Why a station cannot be reached, in a sentence that the database makes; null where it can."""
    there = presence.connected(now)
    blocked = Station.registration == Registration.BLOCKED
    return case(
        (Station.archived_at.is_not(None), Station.identity + _ARCHIVED),
        (blocked, Station.identity + _BLOCKED),
        (~there, Station.identity + _AWAY),
    )


def check_registration(station: Station, order: Order, checked: Arguments) -> None:
    """Raise `Conflict`: a pending station may not charge, one that was rejected is left alone.

    OCPP 2.x B02 and B03.
    """
    spec = orders.meant(order, checked)
    if spec.without_message:
        return
    answered = station.booted_registration or station.registration
    name = station.identity
    if answered is Registration.REJECTED:
        raise Conflict(f"The boot of {name} was rejected: nothing may be sent to it.")
    if answered is Registration.PENDING and spec.after_boot and checked.get("check", True):
        raise Conflict(f"{name} is pending: it may not charge before its boot is accepted.")


# Orders that end sessions which are running: said before they are sent, not found out after.
#
# Taking out of service is not among them: a station does that once the session is
# over (1.6 section 5.2, 2.x G03).  Nor is a restart that a 2.x station puts off
# until it is idle, or after which a 2.1 station goes on.

#: The members of raw messages that name a plug.
_PLUGS = ("evseId", "connectorId")
_RAW_KINDS = {"Soft": "soft", "OnIdle": "soft", "ImmediateAndResume": "resume"}


class EndsSessions(Conflict):
    """An order would end sessions that whoever gave it has not been told of."""

    code = "ends_sessions"

    def __init__(self, sentence: str, sessions: Sequence[int]) -> None:
        super().__init__(sentence)
        self.sessions = tuple(sessions)


def refuse(
    db: Session, station: Station, order: Order, checked: Arguments, *, known: Collection[int] = ()
) -> None:
    """Raise `EndsSessions` where an order ends a session that is not among the `known` ones.

    `checked` are the order's arguments, as `orders.arguments` reads them; `known` the ids of
    those that the asker was told of and means to end.
    """
    found = ended_by(db, station, order, checked)
    if any(session.id not in known for session in found):
        who = "; ".join(_running_at(session) for session in found)
        them = "it" if len(found) == 1 else "them"
        does = orders.meant(order, checked).ends_sessions
        sentence = f"{who[:1].upper()}{who[1:]}. {does} {them}."
        raise EndsSessions(sentence, [session.id for session in found])


def ended_by(
    db: Session, station: Station, order: Order, checked: Arguments
) -> list[ChargingSession]:
    """The running sessions that an order may end, by their plugs."""
    order, checked = _typed(order, checked)
    if not orders.SPECS[order].ends_sessions:
        return []
    if order is Order.RESET and not _cuts_off(station, checked["kind"]):
        return []
    found = running.open_sessions(db, station, checked.get("connector") or None)
    return sorted(found, key=lambda session: (session.evse, session.id))


def _typed(order: Order, checked: Arguments) -> tuple[Order, Arguments]:
    """The typed order that a raw message amounts to; any other order is itself."""
    spec = orders.meant(order, checked)
    if order is not Order.RAW or not spec.ends_sessions:
        return order, checked
    payload = checked["payload"]
    plug = next((payload[name] for name in _PLUGS if isinstance(payload.get(name), int)), None)
    return spec.order, {"connector": plug, "kind": _RAW_KINDS.get(str(payload.get("type")), "hard")}


def count_at(db: Session, order: Order, stations: Select[Any]) -> int:
    """How many sessions run at stations (a select of ids) that get an order which may end them."""
    if not orders.SPECS[order].ends_sessions:
        return 0
    query = select(func.count(ChargingSession.id)).where(
        ChargingSession.station_id.in_(stations), ChargingSession.state == SessionState.CHARGING
    )
    return db.scalar(query) or 0


def _cuts_off(station: Station, kind: str) -> bool:
    """Whether a restart does not wait for sessions."""
    waits = {"resume", "soft"} if abilities(station.protocol).soft_restart_waits else {"resume"}
    return kind not in waits


def _running_at(session: ChargingSession) -> str:
    who = session.driver.name if session.driver else f"card {session.token}"
    energy = f"{float(session.energy_wh or 0) / 1000:.2f} kWh"
    return f"session {session.id} of {who} is running at connector {session.evse} ({energy} so far)"
