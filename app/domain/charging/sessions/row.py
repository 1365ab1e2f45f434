"""The plain row of a charging session: what the road of hot messages decides on and writes, and
the doubts that a row (of either kind) is marked with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.running import SHOWN, stem_of, stood_aside
from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, BulkUpdate, among
from app.domain.ground.bulk_rows import BulkRead, Keyed, Keys
from app.domain.ground.clock import OLD
from app.domain.ground.vocabulary import BillingState, SessionState, StopReason, Token
from app.models import ChargingSession, Tag


class Starter(NamedTuple):
    """The tag that began a session, as far as a stop asks for it."""

    id: int
    group_id: int | None


@dataclass(slots=True)
class SessionRow:
    """A session with the names of its columns (see the model), in the order of what is read."""

    id: int
    tenant_id: int
    site_id: int
    station_id: int
    evse: int
    connector: int
    transaction_ref: str | None
    start_key: str
    timezone: str
    currency: str
    started_at: datetime
    start_received_at: datetime
    token: str = ""
    token_kind: str = "id_tag"
    tag_id: int | None = None
    driver_id: int | None = None
    unauthorised: bool = False
    state: SessionState = SessionState.CHARGING
    billing: BillingState = BillingState.OPEN
    remote_command_id: int | None = None
    reservation_id: int | None = None
    last_seq_no: int | None = None
    last_event_at: datetime | None = None
    bill_after: datetime | None = None
    late_evidence_at: datetime | None = None
    tariff_version_id: int | None = None
    tariff_why: str | None = None
    claimed_started_at: datetime | None = None
    ended_at: datetime | None = None
    stop_received_at: datetime | None = None
    meter_start_wh: Decimal | None = None
    meter_stop_wh: Decimal | None = None
    stop_reason: StopReason | None = None
    stop_word: str | None = None
    stop_token: str | None = None
    provisional: bool = False
    energy_wh: Decimal = Decimal(0)
    weighed_apart_wh: Decimal | None = None
    first_register_wh: Decimal | None = None
    last_register_wh: Decimal | None = None
    last_power_w: float | None = None
    last_soc_percent: float | None = None
    last_reading_at: datetime | None = None
    idle_since: datetime | None = None
    flags: list[Any] = field(default_factory=list)
    revision: int = 0
    tag_group_id: int | None = None

    @property
    def tag(self) -> Starter | None:
        """The tag that began it, as it was when this was read."""
        return None if self.tag_id is None else Starter(self.tag_id, self.tag_group_id)


#: A session, as those who tell of it have it.
AnySession = ChargingSession | SessionRow


_SESSION = ChargingSession.__table__
_TAG = Tag.__table__
_COLUMNS = tuple(one.name for one in fields(SessionRow))[:-1]
_INSERT = BulkInsert(_SESSION, _COLUMNS)
_values_of = attrgetter(*_COLUMNS)
#: What an event of a running transaction writes, beside its readings.
_TOLD = ("last_seq_no", "last_event_at", "idle_since", "weighed_apart_wh", *SHOWN)
_UPDATE_RUNNING = BulkUpdate(_SESSION, _TOLD)
_running_of = attrgetter("id", *_TOLD)
#: What the end of a session writes.
_END = (
    *("state", "provisional", "stop_reason", "stop_word", "stop_token", "stop_received_at"),
    *("ended_at", "meter_stop_wh", "bill_after", "flags", *_TOLD),
)
_UPDATE_END = BulkUpdate(_SESSION, _END)
_end_of = attrgetter("id", *_END)
#: What may be known better later of its beginning: all but what that has fixed.
_BEGINNING = tuple(
    name
    for name in _COLUMNS
    if name
    not in (
        *("id", "tenant_id", "site_id", "station_id", "transaction_ref", "start_key"),
        *("timezone", "start_received_at", "revision", "remote_command_id", "reservation_id"),
        *("billing", "decided_wh", "decided_minor", *_END),
    )
)
_beginning_of = attrgetter(*_BEGINNING)
_ANEW = (*_BEGINNING, *_END)
_UPDATE_ANEW = BulkUpdate(_SESSION, _ANEW)
_anew_of = attrgetter("id", *_ANEW)
_ROWS = select(*(_SESSION.c[name] for name in _COLUMNS), _TAG.c.group_id).outerjoin(
    _TAG, _TAG.c.id == _SESSION.c.tag_id
)
_NAMED = BulkRead(
    _ROWS.where(among(_SESSION.c.station_id, "stations"), among(_SESSION.c.transaction_ref, "refs"))
    .order_by(_SESSION.c.id)
    .with_for_update(of=_SESSION)
)
_NUMBERED = BulkRead(_ROWS.where(among(_SESSION.c.id, "ids")))
_RUNNING = BulkRead(
    _ROWS.where(among(_SESSION.c.station_id, "stations"), _SESSION.c.state == SessionState.CHARGING)
    .order_by(_SESSION.c.id)
    .with_for_update(of=_SESSION)
)


def named(db: Session, asked: Iterable[tuple[int, str]]) -> dict[tuple[int, str], SessionRow]:
    """Sessions by station and transaction id, locked: another station's id is an unknown one.

    Ids are easy to guess (CVE-2026-28230).
    """
    wanted = set(asked)
    if not wanted:
        return {}
    stations, refs = zip(*wanted, strict=True)
    found = {}
    for row in _read(_NAMED(db, stations=set(stations), refs=set(refs))):
        if (row.station_id, row.transaction_ref) in wanted:
            found[row.station_id, str(row.transaction_ref)] = row
    return found


def running(db: Session, station_ids: Iterable[int]) -> list[SessionRow]:
    """The running sessions at stations, locked, the oldest first."""
    return _read(_RUNNING(db, stations=set(station_ids)))


def numbered(db: Session, ids: Iterable[int]) -> dict[int, SessionRow]:
    """Sessions by their ids."""
    return {row.id: row for row in _read(_NUMBERED(db, ids=set(ids)))}


def insert(db: Session, rows: Sequence[SessionRow]) -> None:
    """Add sessions whose ids were reserved."""
    _INSERT(db, [_values_of(row) for row in rows])


def update_running(db: Session, rows: Sequence[SessionRow]) -> None:
    """Write what a later event of each running transaction told."""
    _UPDATE_RUNNING(db, [_running_of(row) for row in rows])


def beginnings(rows: Iterable[SessionRow]) -> dict[int, tuple[Any, ...]]:
    """What is known of the beginnings of sessions, by their ids: for `update_anew`."""
    return {row.id: _beginning_of(row) for row in rows}


def update_anew(
    db: Session, rows: Sequence[SessionRow], before: dict[int, tuple[Any, ...]]
) -> None:
    """Write sessions that no bill rests on yet; most stand as they began (`before`).

    Then the indexes of where, when and whose they were are left alone.
    """
    anew = [row for row in rows if _beginning_of(row) != before[row.id]]
    changed = {row.id for row in anew}
    _UPDATE_END(db, [_end_of(row) for row in rows if row.id not in changed])
    _UPDATE_ANEW(db, [_anew_of(row) for row in anew])


def _read(told_rows: Iterable[Any]) -> list[SessionRow]:
    return [SessionRow(*told) for told in told_rows]


# One transaction id for two sessions of a station: the newest bears it, others it with a number.


def step_aside(db: Session, session: ChargingSession) -> None:
    """Number an earlier session, so that the newest bears the id."""
    stem = stem_of(session.transaction_ref or "")
    taken = select(_SESSION.c.transaction_ref).where(
        _SESSION.c.station_id == session.station_id, stood_aside(session.transaction_ref or "")
    )
    numbers = [str(name).removeprefix(stem) for name in db.scalars(taken)]
    last = max((int(number) for number in numbers if number.isdecimal()), default=0)
    session.transaction_ref = f"{stem}{last + 1}"
    db.flush()


def make_way(db: Session, made: Iterable[SessionRow]) -> None:
    """Let sessions whose ids their stations made up give way to new ones that have them of us."""
    asked = [(row.station_id, str(row.transaction_ref)) for row in made]
    for older in named(db, asked).values():
        step_aside(db, db.get_one(ChargingSession, older.id))


# Marking a session (its row of either kind) with a doubt, and having it weighed once more.


def flag(session: AnySession, code: str) -> None:
    """Mark a session with a doubt, once."""
    if code not in session.flags:
        session.flags = [*session.flags, code]


def mark_time(
    session: AnySession, at: datetime, received_at: datetime, claimed_at: datetime | None, *,
    replaced: bool,
) -> None:  # fmt: skip
    """Say what is to be known of the time of a start or a stop; `claimed_at` as in `Start`."""
    if replaced:
        flag(session, "clock_replaced")
    elif claimed_at is not None:
        flag(session, "clock_corrected")
    if received_at - at > OLD:
        flag(session, "old_report")


def remove_flag(session: AnySession, code: str) -> None:
    """Take a doubt back."""
    if code in session.flags:
        session.flags = [other for other in session.flags if other != code]


def mark_late(db: Session, session: ChargingSession, now: datetime) -> None:
    """Have a session weighed once more that was decided about before this came."""
    if session.billing is BillingState.OPEN:
        return
    session.late_evidence_at = now
    events.record(db, events.SessionEnded(session.tenant_id, session.id, session.station_id))
    db.flush()


# Sessions of other cards at the same plug at the same time: whose energy was it?

#: Two clocks may disagree by so much about when one left and the other came.
SLACK = timedelta(minutes=1)
#: No older session is looked at.
_LONGEST = timedelta(days=14)
OVERLAPS = "overlaps_another"

_KEY = {"id": "bigint", "station_id": "bigint", "evse": "integer"} | dict.fromkeys(
    ("oldest", "since", "until"), "timestamptz"
)
_OVERLAPPING = Keyed(
    _SESSION,
    ("id",),
    _KEY,
    "s.id {ids} SELECT b.id FROM charging_sessions AS b WHERE b.station_id = k.station_id "
    "AND b.evse = k.evse AND b.id <> k.id AND b.started_at < k.until AND b.started_at > k.oldest "
    "AND b.state <> 'no_show' "
    "AND (b.ended_at IS NULL OR b.ended_at > k.since) ORDER BY b.id LIMIT 20 {end} ORDER BY s.id",
)


def compare(
    db: Session, sessions: Iterable[ChargingSession], *, now: datetime
) -> dict[int, set[int]]:
    """Hold sessions (locked), and the other ones, where two cards claim a plug at one time.

    One that has been billed is weighed once more; one that still runs is held when it has ended.
    Returns those of the others that somebody else is at, and whose they are: these have to be
    compared once more.
    """
    own = {session.id: session for session in sessions}
    overlaps = _overlapping(db, own.values())
    pairs: dict[int, set[int]] = {}
    for number, session in own.items():
        others = [one for one in overlaps.get(number, ()) if not _same_driver(session, one)]
        (flag if others else remove_flag)(session, OVERLAPS)
        for one in others:
            if one.state is SessionState.ENDED and OVERLAPS not in one.flags:
                pairs.setdefault(one.id, set()).add(number)
    query = select(ChargingSession).where(ChargingSession.id.in_(pairs))
    query = query.order_by(ChargingSession.id).with_for_update(skip_locked=True)
    for one in db.scalars(query.execution_options(populate_existing=True)) if pairs else ():
        flag(one, OVERLAPS)
        mark_late(db, one, now)
        del pairs[one.id]
    return pairs


def _overlapping(
    db: Session, sessions: Iterable[ChargingSession]
) -> dict[int, list[ChargingSession]]:
    """The sessions that lie within each of these at its plug, or around its start."""
    keys = []
    for each in sessions:
        if each.ended_at is not None and each.evse:
            start = each.started_at
            span = (start - _LONGEST, start + SLACK, each.ended_at - SLACK)
            keys.append((each.id, each.station_id, each.evse, *span))
    found = _OVERLAPPING(db, Keys(db, tuple(_KEY), keys))
    ids = {row.id for rows in found.values() for row in rows}
    if not ids:
        return {}
    query = select(ChargingSession).where(ChargingSession.id.in_(ids))
    known = {each.id: each for each in db.scalars(query)}
    return {number: [known[row.id] for row in rows] for number, rows in found.items()}


def _same_driver(one: ChargingSession, other: ChargingSession) -> bool:
    if one.driver_id is not None and one.driver_id == other.driver_id:
        return True
    return Token(one.token).key == Token(other.token).key
