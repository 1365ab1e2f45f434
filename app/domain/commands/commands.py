"""Commands: orders to stations, from the wish to the answer; nothing fires late.

A command is a row.  It is claimed by the worker that holds the station, sent
before it expires or never, and settled once.  The legal moves are a table
(`COMMAND_MOVES`); a move that is not in it changes nothing.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.domain.commands import command_rules, orders
from app.domain.commands.command_rules import Ended, Sent, settle_all
from app.domain.commands.orders.spec import Ask, as_given
from app.domain.ground import redaction
from app.domain.ground.bulk import among
from app.domain.ground.errors import DomainError
from app.domain.ground.events import CommandChanged, CommandQueued, record
from app.domain.ground.vocabulary import Actor, Arguments, CommandState, Order, Outcome
from app.domain.network import presence
from app.domain.office import audit
from app.models import Command, Station, WorkerNode

log = logging.getLogger(__name__)

#: A sent command that nobody has settled for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=11)

#: Arguments that an order makes for itself: the number of a report, the rest of a long reading.
OURS = frozenset({"request_id", "then"})

#: What people read: an order that expired is one that never left us, whatever kept it.
STATE_WORDS = {
    state: "not sent" if state is CommandState.EXPIRED else state.value.replace("_", " ")
    for state in CommandState
}


def queue(
    db: Session,
    actor: Actor,
    station: Station,
    order: Order,
    arguments: Mapping[str, Any],
    *,
    now: datetime,
    ttl_s: float,
    known: Collection[int] | None = None,
) -> Command:
    """Ask something of a station; the worker that holds it sends the order within `ttl_s`.

    An order that the station's dialect lacks settles at once as unsupported.
    A station that is known to be slow (FIELD R6) is given the time it needs.
    `known` are the running sessions that a person was told will end (None: nobody is asked).
    Raises `Invalid`, `Conflict` (archived, blocked, not accepted yet, other sessions would end:
    `EndsSessions`) or `NotConnected`.
    """
    checked = orders.arguments(order, arguments)
    command_rules.check(db, station, order, checked, now)
    if known is not None:
        command_rules.refuse(db, station, order, checked, known=known)
    prepared = orders.SPECS[order].prepare(Ask(db, actor, station, checked, now))
    checked = prepared.arguments
    command = Command(
        **_columns(actor, station, order, checked, now, ttl_s),
        session_id=prepared.session_id,
        subject=prepared.subject,
    )
    command.station = station
    db.add(command)
    db.flush()
    # The arguments may hold a secret: the audit gets the words, not the row.
    words = orders.describe(order, checked)[:500]
    audit.remark(db, actor, "station.command", station, words, now=now)
    if station.supported_orders and order.value not in station.supported_orders:
        said = station.identity.join(unsupported(order))
        settle(db, command, Outcome(CommandState.UNSUPPORTED, None, said), now=now)
    else:
        record(db, CommandQueued(command.tenant_id, command.id, station.id))
    return command


def tried(
    db: Session,
    actor: Actor,
    station: Station,
    order: Order,
    arguments: Mapping[str, Any],
    *,
    now: datetime,
    ttl_s: float,
) -> Command | None:
    """As `queue`, of what is asked again some time; None where it cannot be asked now."""
    try:
        return queue(db, actor, station, order, arguments, now=now, ttl_s=ttl_s)
    except DomainError:
        return None


def queue_all(
    db: Session,
    actor: Actor,
    stations: Sequence[Station],
    order: Order,
    checked: Arguments,
    *,
    now: datetime,
    ttl_s: float,
) -> dict[int, int]:
    """Ask the same thing of many stations at once, in as many statements as of one.

    It is for orders that need nothing made or looked up for a station (`plain`), and for stations
    that have been looked at: connected, able to do it, and registered as the order demands.
    Returns the commands' ids by those of their stations.
    """
    if not stations:
        return {}
    made = [_columns(actor, station, order, checked, now, ttl_s) for station in stations]
    db.execute(insert(_TABLE), made)
    found = db.execute(_NEWEST, {"stations": [station.id for station in stations], "at": now})
    ids = {row[0]: row[1] for row in found}
    words = orders.describe(order, checked)[:500]
    audit.remark_all(db, actor, "station.command", stations, words, now=now)
    for station in stations:
        record(db, CommandQueued(station.tenant_id, ids[station.id], station.id))
    return ids


def patience_s(quirks: Mapping[str, Any], usual_s: float) -> float:
    """How long a station's answer is waited for: as its quirk says (FIELD R6), else as usual."""
    return float(quirks.get("call_timeout_s") or usual_s)


def plain(order: Order, checked: Arguments) -> bool:
    """Whether an order is the same for every station that it is given to."""
    return orders.SPECS[order].prepare is as_given and "connector" not in checked


def unsupported(order: Order) -> tuple[str, str]:
    """What is said, before and after its identity, of a station whose version lacks an order."""
    return f"{orders.SPECS[order].label} is not something ", " can be asked over this protocol."


def _columns(
    actor: Actor,
    station: Station,
    order: Order,
    arguments: Mapping[str, Any],
    now: datetime,
    ttl_s: float,
) -> dict[str, Any]:
    """A new command's columns."""
    ttl_s = max(ttl_s, patience_s(station.quirks, 0))
    return {
        "tenant_id": station.tenant_id,
        "station_id": station.id,
        "order": order,
        "arguments": arguments,
        "state": CommandState.QUEUED,
        "requested_by": actor.name,
        "user_id": actor.user_id,
        "requested_at": now,
        "expires_at": now + timedelta(seconds=ttl_s),
    }


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command that a worker has taken: nobody else will send it.

    `access_epoch` is that of its station at this moment.
    """

    id: int
    tenant_id: int
    station_id: int
    order: Order
    arguments: dict[str, Any]
    expires_at: datetime
    access_epoch: int


_TABLE = Command.__table__
_STATION = Station.__table__
_ITS_STATION = _STATION.c.id == _TABLE.c.station_id
_EPOCH = select(_STATION.c.access_epoch).where(_ITS_STATION).scalar_subquery()
_HERE = select(_STATION.c.id).where(_ITS_STATION, among(_STATION.c.connection_id, "connections"))
#: Built once: the statement's compiled form is found again by identity.
_CLAIM = (
    update(_TABLE)
    .where(
        among(_TABLE.c.id, "ids"),
        _TABLE.c.state == CommandState.QUEUED,
        _TABLE.c.expires_at > bindparam("at"),
        _HERE.exists(),
    )
    .values(state=CommandState.SENT, node=bindparam("by"), sent_at=bindparam("at"))
    .returning(*(_TABLE.c[name] for name in Claimed.__slots__[:-1]), _EPOCH)
)
#: A station's newest command of an instant: what was inserted just now.
_NEWEST = (
    select(_TABLE.c.station_id, func.max(_TABLE.c.id))
    .where(among(_TABLE.c.station_id, "stations"), _TABLE.c.requested_at == bindparam("at"))
    .group_by(_TABLE.c.station_id)
)


def claim_all(
    db: Session,
    command_ids: Collection[int],
    node: str,
    connections: Collection[int],
    *,
    now: datetime,
) -> list[Claimed]:
    """Take queued commands for the worker `node`, but those that another took or that are too late.

    Exactly one claimer gets each, however many nudges there were: who holds its station by one of
    these connections, none of which a newer one elsewhere has superseded.
    """
    given = {"ids": list(command_ids), "connections": list(connections), "at": now, "by": node}
    taken = [Claimed(*row) for row in db.execute(_CLAIM, given)]
    for one in taken:
        record(db, CommandChanged(one.tenant_id, one.id, one.station_id))
    if left := set(command_ids) - {one.id for one in taken}:
        late = select(Command).where(
            Command.id.in_(left), Command.state == CommandState.QUEUED, Command.expires_at <= now
        )
        for command in db.scalars(late.execution_options(populate_existing=True)):
            _expire(db, command, now)
    return taken


def give_back(db: Session, command_ids: Collection[int], node: str) -> None:
    """Have commands wait again that the worker `node` claimed and knows that it did not send."""
    query = select(Command).where(
        Command.id.in_(command_ids), Command.state == CommandState.SENT, Command.node == node
    )
    for command in db.scalars(query.order_by(Command.id).with_for_update()):
        command.state, command.node, command.sent_at = CommandState.QUEUED, None, None
        _changed(db, command)


def sent(
    db: Session, command: Command, wire: Sent | None, attempts: Sequence[dict[str, Any]] = ()
) -> None:
    """Keep what went over the wire for a claimed command, and all forms that were tried before it.

    Secrets are blotted out.  What comes later than the command's end was told with that, and more.
    """
    if command.settled_at is not None:
        return
    command.arguments = redaction.redact(command.arguments)
    for name, value in (wire.columns() if wire is not None else {}).items():
        setattr(command, name, value)
    if attempts:
        command.attempts = [redaction.redact(attempt) for attempt in attempts]
    _changed(db, command)


def awaited(db: Session, command: Command, sentence: str) -> None:
    """Note that no answer will come and that what the station does next tells the end."""
    command.sentence = sentence[:500]
    _changed(db, command)


def settle(
    db: Session,
    command: Command,
    outcome: Outcome,
    *,
    now: datetime,
    latency_ms: float | None = None,
    late: bool = False,
) -> bool:
    """Write down how a command ended; False when it had ended before (the first word stands).

    `late`: what the station did afterwards shows how one ended whose answer never came.
    """
    db.flush()
    (done,) = settle_all(db, [Ended(command.id, outcome, latency_ms, late=late)], now=now)
    db.refresh(command)
    return done


def _changed(db: Session, command: Command) -> None:
    record(db, CommandChanged(command.tenant_id, command.id, command.station_id))


def expire_overdue(db: Session, now: datetime) -> int:
    """End commands that waited too long: unsent ones expire, unanswered ones time out.

    Lowest first, as workers end theirs: neither waits for the other in a circle.
    """
    could_tell = select(WorkerNode.node).where(WorkerNode.started_at <= now - LOST_AFTER)
    forgotten = (Command.sent_at <= now - LOST_AFTER) & Command.node.in_(could_tell)
    lost = forgotten | presence.dead(now, Command.node)
    overdue = db.scalars(
        select(Command)
        .where(
            (Command.state == CommandState.QUEUED) & (Command.expires_at <= now)
            | (Command.state == CommandState.SENT) & lost
        )
        .order_by(Command.id)
    ).all()
    for command in overdue:
        if command.state is CommandState.QUEUED:
            _expire(db, command, now)
        else:
            sentence = "No answer arrived, and the worker that sent this is no longer waiting."
            if command.message_id is None:
                # It ended between taking the order up and telling what it sent.
                sentence = (
                    "The worker that took this up ended before it told whether it was sent: "
                    "the charger may have acted on it."
                )
            settle(db, command, Outcome(CommandState.TIMED_OUT, None, sentence), now=now)
    return len(overdue)


def _expire(db: Session, command: Command, now: datetime) -> None:
    waited = int((command.expires_at - command.requested_at).total_seconds())
    sentence = f"It could not be sent within {waited} s, so it was dropped; it will not fire later."
    settle(db, command, Outcome(CommandState.EXPIRED, None, sentence), now=now)
