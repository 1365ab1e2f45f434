"""Whether an order may be given to a station now, and how commands end.

Both are decided from rows as they are, for many at once, each written once.  The legal moves are
tables (`COMMAND_MOVES`, `LATE_MOVES`); what ended before keeps its first end.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.commands import orders
from app.domain.ground import redaction
from app.domain.ground.bulk import BulkUpdate, among
from app.domain.ground.errors import Conflict, Invalid, NotConnected
from app.domain.ground.events import CommandEnded, record
from app.domain.ground.vocabulary import (
    COMMAND_MOVES,
    LATE_MOVES,
    Arguments,
    Json,
    Order,
    Outcome,
    Registration,
    SessionState,
)
from app.domain.ground.vocabulary.standard import abilities
from app.domain.network import presence
from app.models import BroadcastTarget, ChargingSession, Command, Connector, Station

#: How soon a station has to get what it is kept up with, in seconds; one that refused it is asked
#: again a day later.
KEPT_UP_WITHIN_S = 600.0
REFUSED_LATELY = timedelta(hours=23)


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


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What went over the wire for a command, and when."""

    action: str
    request: Json | None
    message_id: str | None
    sent_at: datetime

    def columns(self) -> Json:
        """The same as columns of the command, secrets blotted out."""
        return {
            "action": self.action,
            "request": redaction.redact(self.request),
            "message_id": self.message_id,
            "sent_at": self.sent_at,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended.

    `wire` is what went over the wire, `attempts` all forms that were tried before it; both may be
    kept already.  `late`: what the station did afterwards shows the end, no answer ever came.
    """

    command_id: int
    outcome: Outcome
    latency_ms: float | None = None
    wire: Sent | None = None
    attempts: Sequence[Json] = ()
    late: bool = False


#: What goes on when commands of broadcasts have ended; entered from above, as the orders are
#: (`app.domain.commands.orders.catalogue`), since broadcasts queue commands themselves.
FOLLOWERS: list[Callable[[Session, Sequence[Command], datetime], None]] = []

_COMMAND = Command.__table__
_TARGET = BroadcastTarget.__table__
_IN_BROADCAST = select(_TARGET.c.id).where(_TARGET.c.command_id == _COMMAND.c.id).exists()
_ROWS = (
    select(_COMMAND, _IN_BROADCAST.label("in_broadcast"))
    .where(among(_COMMAND.c.id, "ids"))
    .order_by(_COMMAND.c.id)
    .with_for_update(of=_COMMAND)
)
_WRITTEN = (
    *("state", "answer", "arguments", "sentence", "latency_ms", "settled_at"),
    *("action", "request", "message_id", "sent_at", "attempts"),
)
_write = BulkUpdate(_COMMAND, _WRITTEN)


def settle_all(db: Session, ended: Sequence[Ended], *, now: datetime) -> list[bool]:
    """Write down how commands ended, and what follows; False for those that had ended before."""
    ids = {"ids": list({one.command_id for one in ended})}
    rows = {row["id"]: dict(row) for row in db.execute(_ROWS, ids).mappings()}
    told = [_end(rows.get(one.command_id), one, now) for one in ended]
    _write(db, [(number, *(row[name] for name in _WRITTEN)) for number, row in rows.items()])
    followed = [
        _followed(db, rows[one.command_id], one, now)
        for one, counts in zip(ended, told, strict=True)
        if counts
    ]
    if of_broadcasts := [command for command in followed if command is not None]:
        for follow in FOLLOWERS:
            follow(db, of_broadcasts, now)
    return told


def _end(row: Json | None, one: Ended, now: datetime) -> bool:
    """Bring a row to its end, where that is a legal move."""
    if row is None:
        return False
    row["arguments"] = redaction.redact(row["arguments"])
    row.update(one.wire.columns() if one.wire is not None else {})
    if one.attempts:
        row["attempts"] = [redaction.redact(attempt) for attempt in one.attempts]
    outcome = one.outcome
    if (row["state"], outcome.state) not in (LATE_MOVES if one.late else COMMAND_MOVES):
        return False
    row["state"] = outcome.state
    row["answer"] = redaction.redact(outcome.answer)
    row["sentence"] = redaction.redact_text(outcome.sentence)[:500]
    row["latency_ms"] = one.latency_ms
    row["settled_at"] = now
    return True


def _followed(db: Session, row: Json, one: Ended, now: datetime) -> Command | None:
    """What the end means for the business; the command, where it belongs to a broadcast."""
    consequence, in_broadcast = orders.SPECS[row["order"]].after, row.pop("in_broadcast")
    command = None
    if in_broadcast or consequence is not None:
        command = db.get_one(Command, row["id"], populate_existing=True)
        if consequence is not None:
            try:
                with db.begin_nested():
                    consequence(db, command, one.outcome, now)
            except OperationalError:
                raise
            except Exception:
                # The station has answered: that stands, whatever we could not make of it.
                log.exception("command %s: what %s means failed", command.id, command.order)
        row = as_it_stands(command)
    record(db, CommandEnded(row["tenant_id"], row["id"], row["station_id"], row))
    return command if in_broadcast else None


def as_it_stands(command: Command) -> Json:
    """The row's columns by their names, for whoever must not ask the database again."""
    return {column.key: getattr(command, column.key) for column in _COMMAND.c}
