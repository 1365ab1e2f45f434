"""Which remote start a session answers to, and which one no session ever followed.

1.6 gives a start no reference to the command that asked for it: station, tag,
connector and two minutes are what there is (FIELD X15).  2.x names the number
that we gave the command, however late it does (F01).
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation, reach, tag_rows
from app.domain.access.authorisation import Tap
from app.domain.charging import running
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.device import device_model
from app.domain.device.variable_names import parse
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import (
    Arguments,
    CommandState,
    Json,
    Order,
    Outcome,
    StationMode,
    Token,
    Verdict,
)
from app.domain.ground.vocabulary.standard import SUPPORTED_LIMITS
from app.domain.limits import station_profiles
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Command, Station

# Limits of one session in cost, energy, time or charge, which a 2.1 station keeps itself (E16).
# They come with our order to start and are told in the answer to the first event of the session
# that followed it, once.

#: argument of the order -> the words by which a station says that it keeps such a limit
LIMITS: dict[str, tuple[str, ...]] = {
    "most_cost": ("maxcost",),
    "most_kwh": ("maxenergy",),
    "most_minutes": ("maxtime", "maxlength"),  # the specification's table calls it so (2.8.1)
    "most_percent": ("maxsoc",),
}
_SUPPORTED = parse(SUPPORTED_LIMITS)
#: Marks a session whose cost its order limits: its station hears what it costs so far.
COST_LIMITED = "cost_limited"


def given(arguments: Arguments) -> Json:
    """The limits among the arguments of an order to start."""
    return {name: arguments[name] for name in LIMITS if arguments.get(name) is not None}


def refuse_unkept(db: Session, station: Station, arguments: Arguments) -> None:
    """Raise `Conflict` for a limit that the station has not said it keeps (E16.FR.12)."""
    wanted = given(arguments)
    if not wanted:
        return
    row = device_model.find(db, station, _SUPPORTED)
    told = {word.strip().casefold() for word in ((row.value if row else None) or "").split(",")}
    for name in wanted:
        if not told & set(LIMITS[name]):
            words = name.removeprefix("most_")
            sentence = f"{station.identity} has not said that it keeps a limit in {words}."
            raise Conflict(sentence, field=name)


def tell_all(db: Session, events: Mapping[int, int | None]) -> dict[int, Json]:
    """The limits to answer events with, by session; what none are left to be told for is left out.

    `events` are the numbers of events, by session, that may tie it to an order.  Limits are told
    once; to the same event again, for then the answer was lost.
    """
    query = select(Command).where(
        Command.session_id.in_(list(events)), Command.order == Order.START_CHARGING
    )
    found: dict[int, Json] = {}
    for order in db.scalars(query.order_by(Command.id)) if events else ():
        session_id, limits = order.session_id or 0, given(order.arguments)
        event = events[session_id]
        if limits and order.arguments.get("limits_told_to", event) == event:
            order.arguments = {**order.arguments, "limits_told_to": event}
            found[session_id] = limits
    db.flush()
    return found


_COMMAND = Command.__table__
_ARGUMENTS = BulkRead(
    select(_COMMAND.c.id, _COMMAND.c.arguments).where(among(_COMMAND.c.id, "ids"))
)


def limits_of(db: Session, sessions: Iterable[Any]) -> dict[int, Json]:
    """The limits of the orders that sessions followed, by session; most have none."""
    ordered = {each.id: each.remote_command_id for each in sessions if each.remote_command_id}
    rows = _ARGUMENTS(db, ids=set(ordered.values()))
    limits = {number: limits for number, told in rows if (limits := given(told))}
    return {each: limits[number] for each, number in ordered.items() if number in limits}


WINDOW = timedelta(seconds=120)
#: How far back a number that a station names is looked for, and an unfollowed start is marked.
NAMED_WITHIN = timedelta(days=2)
MARKED_WITHIN = timedelta(days=1)

UNFOLLOWED = f"No session followed within {int(WINDOW.total_seconds())} s."


def _open(since: Any) -> tuple[Any, ...]:
    return (
        _COMMAND.c.order == Order.START_CHARGING,
        or_(_COMMAND.c.state == CommandState.ACCEPTED, _COMMAND.c.state == CommandState.SENT),
        _COMMAND.c.session_id.is_(None),
        _COMMAND.c.requested_at > since,
    )


_WAITING = BulkRead(
    select(_COMMAND.c.station_id).where(
        among(_COMMAND.c.station_id, "stations"),
        *_open(bindparam("since", type_=_COMMAND.c.requested_at.type)),
    )
)


def prepare(ask: Ask) -> Prepared:
    """Complete the arguments of a remote start: its number, the tag's kind and group.

    Raises `Conflict` for a tag that would be refused at the station; a central token is on no
    list, for it is issued by this order.
    """
    kind = ask.given.get("token_kind") or authorisation.ANY_KIND
    token = Token(ask.given["token"], kind)
    tap = Tap(ask.station, token, authorisation.START, ask.now)
    [judged] = reach.whole(authorisation.judge)(ask.db, [tap])
    refused = judged.decision.verdict is not Verdict.ACCEPTED
    if refused and not (
        judged.tag is None
        and kind in tag_rows.ISSUED_KINDS
        and ask.station.mode is not StationMode.CLOSED
    ):
        raise Conflict(judged.decision.sentence, field="token")
    refuse_unkept(ask.db, ask.station, ask.given)
    tag = judged.tag
    more = {
        "token_kind": ask.given.get("token_kind") or (tag.kind if tag else kind),
        "group_token": tag.group.parent if tag and tag.group else None,
        "remote_start_id": secrets.randbelow(2**31 - 1) + 1,
    }
    return Prepared(ask.given | {name: value for name, value in more.items() if value is not None})


def waiting(db: Session, station_ids: Iterable[int], *, now: datetime) -> set[int]:
    """The stations among these at which a remote start may wait for its session."""
    rows = _WAITING(db, stations=set(station_ids), since=now - WINDOW)
    return {row.station_id for row in rows}


def attach(db: Session, station: AnyStation, session: ChargingSession, *, now: datetime) -> None:
    """Link a new session with the accepted remote start that it follows, if there is one."""
    for command in _unclaimed(db, station, now - WINDOW):
        asked = command.arguments.get("connector")
        same_plug = not asked or int(asked) == session.evse
        same_token = Token(str(command.arguments.get("token", ""))).key == Token(session.token).key
        if same_plug and same_token:
            _link(db, command, session)
            return


def attach_named(
    db: Session, station: AnyStation, session: ChargingSession, number: int, *, now: datetime
) -> None:
    """Link a session with the remote start whose number its station names."""
    for command in _unclaimed(db, station, now - NAMED_WITHIN):
        if command.arguments.get("remote_start_id") == number:
            _link(db, command, session)
            return


def answered(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Link a remote start with the transaction that its station says it is about."""
    del now
    reference = outcome.facts.get("transaction_ref")
    if outcome.state is not CommandState.ACCEPTED or not reference or command.session_id:
        return
    session = running.by_reference(db, command.station, reference)
    if session is not None:
        _link(db, command, session)


def mark_unfollowed(db: Session, *, now: datetime) -> int:
    """Say of accepted remote starts that no session came of them; returns of how many."""
    overdue = db.scalars(
        select(Command)
        .where(
            Command.order == Order.START_CHARGING,
            Command.state == CommandState.ACCEPTED,
            Command.session_id.is_(None),
            Command.settled_at <= now - WINDOW,
            Command.settled_at > now - MARKED_WITHIN,
            Command.sentence.not_like(f"%{UNFOLLOWED}"),
        )
        .limit(200)
        .with_for_update(skip_locked=True, of=Command)
    ).all()
    for command in overdue:
        command.sentence = f"{command.sentence or ''} {UNFOLLOWED}".strip()[-500:]
        events.record(db, events.CommandChanged(command.tenant_id, command.id, command.station_id))
    db.flush()
    return len(overdue)


def _unclaimed(db: Session, station: AnyStation, since: datetime) -> list[Command]:
    query = select(Command).where(Command.station_id == station.id, *_open(since))
    return list(db.scalars(query.order_by(Command.id.desc()).limit(200)))


def _link(db: Session, command: Command, session: ChargingSession) -> None:
    command.session_id = session.id
    session.remote_command_id = command.id
    if "most_cost" in given(command.arguments) and COST_LIMITED not in session.flags:
        session.flags = [*session.flags, COST_LIMITED]
    if command.sentence:
        command.sentence = command.sentence.removesuffix(UNFOLLOWED).strip()
    events.record(db, events.CommandChanged(command.tenant_id, command.id, command.station_id))
    station_profiles.started(db, command, session)
    db.flush()
