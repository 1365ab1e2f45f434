"""How a charging session begins: once, whatever the charger repeats."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import authorisation, reservations
from app.domain.access.authorisation import START, Judged, Tap
from app.domain.access.tag_rows import AnyTag
from app.domain.charging import remote_starts
from app.domain.charging.overtaken import is_late, was_silent
from app.domain.charging.sessions import row as rows
from app.domain.charging.sessions import unused
from app.domain.charging.sessions.end import take_overtaking
from app.domain.charging.sessions.provisional import close_previous
from app.domain.charging.sessions.row import AnySession, SessionRow, flag, mark_time, remove_flag
from app.domain.charging.sessions.stops import PLUG_UNKNOWN
from app.domain.ground import events
from app.domain.ground.bulk import among, lease, reserve
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.clock import SECOND
from app.domain.ground.vocabulary import ConnectorRef, Decision, SessionState, Token
from app.domain.money import tariff_choice
from app.domain.network import plugs
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Site, Tag

#: A start with a meaningless clock is a retry only within this time of the first.
RETRY = timedelta(minutes=10)
#: The doubt of a session whose tag was let in while the database was away.
LET_IN_AWAY = "let_in_away"

_SESSION = ChargingSession.__table__
_KNOWN = BulkRead(
    select(
        *(
            _SESSION.c[name]
            for name in ("id", "station_id", "start_key", "state", "start_received_at")
        )
    ).where(among(_SESSION.c.station_id, "stations"), among(_SESSION.c.start_key, "keys"))
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a station says when charging begins.

    `raw_time` is its clock's time, for the key, and `former_time` that in its own words.
    `claimed_at` is its own time where another one is used.  `promised_ref` is the transaction id
    that it was answered while the database was away, and `let_in` whether it was told to charge.
    """

    connector: ConnectorRef
    token: Token
    meter_start_wh: Decimal | None
    started_at: datetime
    raw_time: str
    clock_replaced: bool = False
    transaction_ref: str | None = None
    reservation_id: int | None = None
    claimed_at: datetime | None = None
    promised_ref: str | None = None
    let_in: bool = False
    former_time: str | None = None


@dataclass(frozen=True, slots=True)
class Starting:
    """A start as it arrives, with the row of its station."""

    station: AnyStation
    start: Start
    now: datetime

    @property
    def place(self) -> ConnectorRef:
        """Where it says that charging begins."""
        return self.start.connector


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that runs now, the decision about its tag, and whether it was known before."""

    session: AnySession
    decision: Decision
    repeated: bool


def begin_all(db: Session, starts: Sequence[Starting]) -> list[Begun]:
    """Begin charging sessions, or find those that these starts began before (FIELD X1, X2).

    A refused tag begins one too: energy may flow whatever we answer (FIELD X14).  No two
    are of one station.
    """
    # As it was told: which plugs are known may be another matter when it is told again.
    keys = [_keys(told.start) for told in starts]
    starts = _placed(db, starts)
    taken, known = _same_starts(db, starts, keys)
    new = [told for told in starts if told.station.id not in known]
    close_previous(
        db, [(told.station, told.place.evse, told.start.started_at, told.now) for told in new]
    )
    numbers = iter(reserve(db, _SESSION, len(new)))
    judged = authorisation.judge(db, [_tap(told, known, numbers) for told in starts])
    prices = tariff_choice.Prices(
        db, [told.station for told in new], [one.tag for one in judged if one.tag is not None]
    )
    made = [
        _made(db, told, _free(key, told, taken), one, prices)
        for told, (key, *_), one in zip(starts, keys, judged, strict=True)
        if told.station.id not in known
    ]
    rows.make_way(db, made)
    rows.insert(db, made)
    authorisation.keep(db, judged)
    _follow(db, new, made)
    _keep_promises(db, starts, known)
    for told, session in zip(new, made, strict=True):
        if told.start.promised_ref and is_late(told.station, told.now):
            take_overtaking(db, told.station, session, since=told.now)
    by_station = known | {session.station_id: session for session in made}
    return [
        Begun(by_station[told.station.id], one.decision, told.station.id in known)
        for told, one in zip(starts, judged, strict=True)
    ]


def _placed(db: Session, starts: Sequence[Starting]) -> list[Starting]:
    """The starts, those that name no plug at the only one of their station."""
    only = plugs.only(db, {told.station.id for told in starts if not told.place.evse})
    return [
        replace(told, start=replace(told.start, connector=only[told.station.id]))
        if told.station.id in only
        else told
        for told in starts
    ]


def _tap(told: Starting, known: dict[int, SessionRow], numbers: Iterable[int]) -> Tap:
    session = known.get(told.station.id)
    begins = next(iter(numbers)) if session is None else None
    start, place = told.start, told.place.evse
    at = None if start.clock_replaced else start.started_at
    return Tap(told.station, start.token, START, told.now, place, session, begins, at)


def _made(
    db: Session, told: Starting, key: str, one: Judged, prices: tariff_choice.Prices
) -> SessionRow:
    """The row of a session that begins; without a reference of its own it is its number."""
    station, start, now = told.station, told.start, told.now
    assert one.tap.begins is not None
    session = new_row(one.tap.begins, station, start, key, now=now)
    hold(session, station, start.token, one.decision, one.tag, prices)
    if was_silent(db, station, start.started_at, now=now):
        flag(session, "told_late")
    if start.let_in:
        flag(session, LET_IN_AWAY)
    if not session.evse:
        flag(session, PLUG_UNKNOWN)
    return session


def _follow(db: Session, starts: Sequence[Starting], made: Sequence[SessionRow]) -> None:
    """Tie sessions to the remote starts and the reservations that they follow, if any."""
    if not starts:
        return
    stations = {told.station.id for told in starts}
    asked = remote_starts.waiting(db, stations, now=max(told.now for told in starts))
    kept = reservations.kept_at(db, [(row.station_id, row.started_at) for row in made])
    for told, made_row in zip(starts, made, strict=True):
        station, named = told.station, told.start.reservation_id
        if station.id in asked or station.id in kept or named:
            session = db.get_one(ChargingSession, made_row.id)
            remote_starts.attach(db, station, session, now=told.now)
            unused.follow_reservation(db, station, named, session, now=told.now)
        events.record(db, events.SessionChanged(station.tenant_id, made_row.id, station.id))


def _keep_promises(db: Session, starts: Sequence[Starting], known: dict[int, SessionRow]) -> None:
    """A session whose start was answered anew while the database was away has the newer id."""
    for told in starts:
        session, promised = known.get(told.station.id), told.start.promised_ref
        if session is not None and promised and session.transaction_ref != promised:
            session.transaction_ref = promised
            rows.make_way(db, [session])
            db.get_one(ChargingSession, session.id).transaction_ref = promised


def _keys(start: Start) -> tuple[str, str, str]:
    """The key of a start (who, where, when by its clock, register), of its words, its second."""
    wh, time = start.meter_start_wh, start.raw_time
    plain = None if wh is None else format(wh.normalize(), "f")
    told = ((time, plain), (start.former_time or time, wh), (time[:SECOND], plain))
    who = (start.connector.evse, start.connector.connector, start.token.key)
    key, words, second = (
        hashlib.sha256("|".join(map(str, (*who, *one))).encode()).hexdigest()[:40] for one in told
    )
    return key, words, second


def _same_starts(
    db: Session, starts: Sequence[Starting], keys: Sequence[tuple[str, str, str]]
) -> tuple[set[tuple[int, str]], dict[int, SessionRow]]:
    """The keys that are taken, and by station the session that its start began before."""
    stored = _KNOWN(db, stations=[told.station.id for told in starts], keys=set(chain(*keys)))
    found = {(row.station_id, row.start_key): row for row in stored}
    same = {}
    for told, each in zip(starts, keys, strict=True):
        exact, words, second = (found.get((told.station.id, key)) for key in each)
        # Once that one has ended, another may have begun in the same second.
        still = second if second is None or second.state != SessionState.ENDED else None
        known = exact or words or still
        if known is None:
            continue
        known = _newest_of(db, told.station.id, each[0]) or known
        # A clock that stands still gives equal keys to different sessions.
        stale = known.state == SessionState.ENDED or told.now - known.start_received_at > RETRY
        if not (told.start.clock_replaced and stale):
            same[told.station.id] = known.id
    known_rows = rows.numbered(db, same.values())
    return set(found), {station: known_rows[number] for station, number in same.items()}


def lease_refs(db: Session, count: int) -> list[int]:
    """Transaction ids to be promised while the database is away: no session ever gets them else."""
    return lease(db, _SESSION, count)


def taken_keys(db: Session, keys: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which start keys of stations are taken."""
    wanted = list(keys)
    stations, names = {station for station, _ in wanted}, {name for _, name in wanted}
    return {(row.station_id, row.start_key) for row in _KNOWN(db, stations=stations, keys=names)}


def _newest_of(db: Session, station_id: int, key: str) -> Any:
    """The newest session of a start key that was used again under a clock that stood still."""
    again = (_SESSION.c.station_id == station_id, _SESSION.c.start_key.startswith(f"{key}#"))
    query = select(_SESSION).where(*again).order_by(_SESSION.c.id.desc())
    return db.execute(query.limit(1)).first()


def _free(key: str, told: Starting, taken: set[tuple[int, str]]) -> str:
    return f"{key}#{told.now.timestamp()}" if (told.station.id, key) in taken else key


def new_row(
    number: int, station: AnyStation, start: Start, key: str, *, now: datetime
) -> SessionRow:
    """The row of a session that begins, without its holder."""
    session = SessionRow(
        id=number,
        tenant_id=station.tenant_id,
        site_id=station.site_id,
        station_id=station.id,
        evse=start.connector.evse,
        connector=start.connector.connector,
        transaction_ref=start.transaction_ref or start.promised_ref or str(number),
        start_key=key,
        timezone=station.site.timezone,
        currency=station.site.currency,
        started_at=start.started_at,
        start_received_at=now,
        meter_start_wh=start.meter_start_wh,
        last_register_wh=start.meter_start_wh,
        last_reading_at=start.started_at,
        claimed_started_at=start.claimed_at,
    )
    mark_time(session, start.started_at, now, start.claimed_at, replaced=start.clock_replaced)
    if now - start.started_at > RETRY:
        flag(session, "offline_report")
    return session


def new_session(
    db: Session, station: AnyStation, start: Start, key: str, decision: Decision, *, now: datetime
) -> ChargingSession:
    """Add one session of a tag that was decided about; its row is the model's."""
    told = Starting(station, start, now)
    taken = _KNOWN(db, stations=[station.id], keys=[key])
    key = _free(key, told, {(station.id, key)} if taken else set())
    [number] = reserve(db, _SESSION, 1)
    made = new_row(number, station, start, key, now=now)
    name_holder(db, station, made, start.token, decision)
    rows.insert(db, [made])
    return db.get_one(ChargingSession, number)


def name_holder(
    db: Session, station: AnyStation, session: AnySession, token: Token, decision: Decision
) -> None:
    """Say whose session it is, by the tag that began it: the driver and the price follow."""
    tag = db.get(Tag, decision.tag_id) if decision.tag_id else None
    # Its station may have left the site since.
    here = session.site_id == station.site_id
    site = station.site if here else db.get_one(Site, session.site_id)
    prices = tariff_choice.Prices(db, [station], [tag] if tag else [], [site])
    hold(session, station, token, decision, tag, prices, site)


def hold(
    session: AnySession, station: AnyStation, token: Token, decision: Decision,
    tag: AnyTag | None, prices: tariff_choice.Prices, site: Any = None,
) -> None:  # fmt: skip
    """Say whose session it is, where the tag and the prices are at hand."""
    session.token = authorisation.shown(token, decision.tag_id)
    session.token_kind = token.kind[:40]
    session.tag_id = tag.id if tag else None
    session.driver_id = tag.driver_id if tag else None
    session.unauthorised = not decision.accepted
    late = session.start_received_at - session.started_at > RETRY
    at, received = session.started_at, session.start_received_at
    choice = tariff_choice.applicable(prices, station, tag, at, at if late else received, site)
    # The price is frozen; the bill is held where a nearer one was in another currency.
    session.tariff_version_id, session.tariff_why = choice.version_id, choice.why[:300]
    (flag if choice.skipped else remove_flag)(session, "price_skipped")
