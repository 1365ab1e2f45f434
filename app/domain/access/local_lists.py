"""Local lists: what tags a station knows by heart, sent, numbered, and watched for drift.

A long list goes in parts: the first replaces the list, each further one adds to
it, and each has a version of its own.  A version is 1 or more: 0 and -1 mean
"no list" and "no such thing" when a station says them (1.6 section 5.10).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, or_, select
from sqlalchemy.orm import Session

from app.domain.access.known_tags import (
    TOUCHING,
    Difference,
    Entry,
    Limits,
    Wanted,
    difference,
    limits,
    marked,
    merged,
    wanted,
)
from app.domain.commands import commands
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.ground.errors import Conflict, DomainError
from app.domain.ground.events import station_changed
from app.domain.ground.vocabulary import (
    OPEN_STATES,
    SYSTEM,
    Actor,
    CommandState,
    Json,
    Order,
    Outcome,
)
from app.domain.network.presence import connected
from app.models import AuditEntry, Command, LocalList, Station

_LARGEST = 2**31 - 1
#: The next part has so long to be sent.
TTL_S = 120.0
#: After a sending that failed, nothing is sent unasked for so long.
REST = timedelta(hours=1)
#: A change may be committed so long after its time: a list that was read meanwhile lacks it.
SIDE_BY_SIDE = timedelta(seconds=30)
_NO_LIST = -1


def of(db: Session, station: Station) -> LocalList | None:
    """What is known of the station's list; None before anything was sent or asked."""
    return db.scalar(select(LocalList).where(LocalList.station_id == station.id))


def drifted(row: LocalList) -> bool:
    """Whether the station has said that it holds another version than the one it accepted."""
    if row.reported_version in (None, _NO_LIST) or row.reported_at is None:
        return False
    newer = row.accepted_at is None or row.reported_at >= row.accepted_at
    return newer and row.reported_version != row.version


def pending(db: Session, station: Station, now: datetime) -> tuple[Wanted, Difference]:
    """What the station's list should hold now, and how that differs from what it has."""
    row, wish = of(db, station), wanted(db, station, now)
    return wish, difference(row.entries if row else [], wish.entries)


def prepare(ask: Ask) -> Prepared:
    """Put together the next part of a station's list; raises `Conflict` when there is none."""
    row, mode = _row(ask.db, ask.station), ask.given.get("mode") or "auto"
    if _under_way(ask.db, ask.station):
        raise Conflict(f"A list is on its way to {ask.station.identity} already.")
    wish = Wanted([]) if mode == "empty" else wanted(ask.db, ask.station, ask.now)
    lost = row.version < 1 or row.full_next or drifted(row)
    whole = mode in ("full", "empty") or (mode == "auto" and lost)
    if not whole and row.version < 1:
        raise Conflict(f"{ask.station.identity} has no list of ours yet: send the whole list.")
    bounds = limits(ask.db, ask.station)
    part = _whole(wish, bounds) if whole else _changes(row, wish, bounds)
    if not whole and not part["entries"] and not part["removed"]:
        raise Conflict(f"{ask.station.identity} has this list already (version {row.version}).")
    arguments = {**ask.given, "mode": mode, "version": _next(row), **part}
    return Prepared(arguments, subject=f"local_list:{row.id}")


def answered(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Take in how a sending ended; what is left of the list follows at once."""
    station, sent = command.station, command.arguments
    row = _row(db, station)
    row.command_id, row.sentence = command.id, outcome.sentence[:300]
    follow = ""
    if outcome.state is CommandState.ACCEPTED:
        told = marked(sent["entries"], outcome.facts.get("untold", ()))
        held = [] if sent["update"] == "full" else row.entries
        row.entries = merged(held, told, sent["removed"])
        row.version, row.accepted_at, row.full_next = sent["version"], now, False
        # It holds what was known when it was asked for: a tag may have been blocked since.
        row.as_of = None if sent["more"] else command.requested_at - SIDE_BY_SIDE
        follow = "differential" if sent["more"] else ""
    elif outcome.facts.get("unsupported"):
        row.reported_version, row.reported_at = _NO_LIST, now
    elif outcome.state not in (CommandState.EXPIRED, CommandState.UNSUPPORTED):
        # Whatever it holds now: only the whole list makes sure (2.0.1 D01.FR.03).
        row.full_next = True
        refused = outcome.state is CommandState.REJECTED
        # Not after a part that followed: one that has no room for all would get the list for ever.
        first = sent["mode"] == "auto"
        follow = "full" if refused and first and sent["update"] == "differential" else ""
    station_changed(db, station)
    if follow:
        _go_on(db, command, row, follow, now)


def note_version(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Take in the version that a station says it holds."""
    number = outcome.facts.get("version")
    if outcome.state is not CommandState.ACCEPTED or not isinstance(number, int):
        return
    row = _row(db, command.station)
    row.reported_version, row.reported_at = max(number, _NO_LIST), now
    row.full_next = row.full_next or drifted(row)
    station_changed(db, command.station)


def due(db: Session, station: Station, *, now: datetime) -> bool:
    """Whether the station should be sent something now: its list differs, and it takes lists.

    That nothing differs is noted, so that it is not looked at again before something changes.
    """
    if Order.SEND_LOCAL_LIST.value not in station.supported_orders or _under_way(db, station):
        return False
    row = of(db, station)
    if row is not None:
        if row.reported_version == _NO_LIST or _rests(db, row, now):
            return False
        if row.full_next or drifted(row):
            return True
    _, changes = pending(db, station, now)
    if not changes and row is not None:
        row.as_of = now - SIDE_BY_SIDE
    return len(changes) > 0


def kept_up(db: Session, now: datetime) -> list[int]:
    """The connected stations whose onboarding keeps their list up and that may need something.

    The database chooses, so that a sweep loads none of those that need nothing.
    """
    query = (
        select(Station.id, Station.onboarding)
        .outerjoin(LocalList, LocalList.station_id == Station.id)
        .where(
            cast(Station.onboarding, String).contains('"local_list"'),
            Station.archived_at.is_(None),
            or_(
                LocalList.as_of.is_(None),
                LocalList.full_next.is_(True),
                LocalList.reported_version != LocalList.version,
                Station.last_boot_at > LocalList.accepted_at,
                select(AuditEntry.id).where(_changes_it(Station, LocalList.as_of)).exists(),
            ),
            connected(now),
        )
        .order_by(Station.id)
    )
    return [number for number, wanted in db.execute(query) if wanted.get("local_list")]


def keep_up(db: Session, station: Station, *, now: datetime) -> Command | None:
    """Send a station what its list lacks, if anything; None when there is nothing to send.

    After a boot it is asked first what it still holds.
    """
    if _may_have_forgotten(db, station):
        order = Order.READ_LOCAL_LIST_VERSION
    elif _touched(db, station) and due(db, station, now=now):
        order = Order.SEND_LOCAL_LIST
    else:
        return None
    # Where it went away meanwhile the next look finds it.
    return commands.tried(db, SYSTEM, station, order, {}, now=now, ttl_s=TTL_S)


def _row(db: Session, station: Station) -> LocalList:
    row = of(db, station)
    if row is None:
        row = LocalList(station_id=station.id, version=0, entries=[], full_next=False)
        db.add(row)
        db.flush()
    return row


def _whole(wish: Wanted, bounds: Limits) -> Json:
    part = bounds.part(wish.entries)
    more = len(part) < len(wish.entries)
    return {"update": "full", "entries": part, "removed": [], "more": more}


def _changes(row: LocalList, wish: Wanted, bounds: Limits) -> Json:
    found = difference(row.entries, wish.entries)
    changes: list[tuple[str, Entry]] = [
        *(("removed", entry) for entry in found.removed),
        *(("entries", entry) for entry in found.changed),
        *(("entries", entry) for entry in found.added),
    ]
    fits = len(bounds.part([entry for _, entry in changes]))
    part: Json = {"update": "differential", "entries": [], "removed": []}
    for name, entry in changes[:fits]:
        part[name].append(entry)
    return {**part, "more": fits < len(changes)}


def _next(row: LocalList) -> int:
    newest = max(row.version, (row.reported_version or 0) if drifted(row) else 0)
    return newest + 1 if newest < _LARGEST else 1


def _under_way(db: Session, station: Station) -> bool:
    query = select(Command.id).where(
        Command.station_id == station.id,
        Command.order == Order.SEND_LOCAL_LIST,
        Command.state.in_(OPEN_STATES),
    )
    return db.scalar(query.limit(1)) is not None


def _rests(db: Session, row: LocalList, now: datetime) -> bool:
    last = db.get(Command, row.command_id) if row.command_id is not None else None
    if last is None or last.state is CommandState.ACCEPTED or last.settled_at is None:
        return False
    return last.settled_at > now - REST


def _may_have_forgotten(db: Session, station: Station) -> bool:
    """Whether the station booted since it took its list and was not asked for its version since."""
    row, booted_at = of(db, station), station.last_boot_at
    if row is None or row.version < 1 or row.accepted_at is None or booted_at is None:
        return False
    if Order.READ_LOCAL_LIST_VERSION.value not in station.supported_orders:
        return False
    if row.reported_version == _NO_LIST or booted_at <= row.accepted_at:
        return False
    asked = select(Command.id).where(
        Command.station_id == station.id,
        Command.order == Order.READ_LOCAL_LIST_VERSION,
        Command.requested_at >= booted_at,
    )
    return db.scalar(asked.limit(1)) is None


def _touched(db: Session, station: Station) -> bool:
    """Whether something changed since the station's list was put together, or a part is missing.

    A look at the audit, so that the lists of a whole fleet need not be put
    together at every sweep.
    """
    row = of(db, station)
    if row is None or row.as_of is None or row.full_next or drifted(row):
        return True
    query = select(AuditEntry.id).where(_changes_it(station, row.as_of))
    return db.scalar(query.limit(1)) is not None


def _changes_it(station: Any, since: Any) -> ColumnElement[bool]:
    """The condition of an entry of the audit that may change who is on a station's list."""
    own = and_(
        AuditEntry.subject_kind == Station.__name__,
        AuditEntry.subject_id == station.id,
        AuditEntry.action == "station.edit",
    )
    return and_(
        AuditEntry.tenant_id == station.tenant_id,
        AuditEntry.at >= since,
        or_(AuditEntry.subject_kind.in_(TOUCHING), own),
    )


def _go_on(db: Session, command: Command, row: LocalList, mode: str, now: datetime) -> None:
    """Ask for the next part, in the name of whoever asked for the first."""
    who = Actor(command.requested_by, command.user_id)
    try:
        commands.queue(
            *(db, who, command.station, Order.SEND_LOCAL_LIST, {"mode": mode}), now=now, ttl_s=TTL_S
        )
    except DomainError as error:
        row.sentence = f"Only a part of the list was sent. {error.sentence}"[:300]
        db.flush()
