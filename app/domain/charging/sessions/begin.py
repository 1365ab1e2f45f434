"""How a charging session begins: once, whatever the charger repeats."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

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
from app.domain.charging.sessions.starts import (
    RETRY,
    Start,
    Starting,
    free_key,
    key_of,
    known_starts,
    taken_keys,
)
from app.domain.charging.sessions.stops import PLUG_UNKNOWN
from app.domain.ground import events
from app.domain.ground.bulk import lease, reserve
from app.domain.ground.vocabulary import Decision, Token
from app.domain.money import tariff_choice
from app.domain.network import plugs
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Site, Tag, TariffVersion

#: The doubt of a session whose tag was let in while the database was away.
LET_IN_AWAY = "let_in_away"

_SESSION = ChargingSession.__table__


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
    keys = [key_of(told.start) for told in starts]
    starts = _placed(db, starts)
    taken, known = known_starts(db, starts, keys)
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
        _made(db, told, free_key(key, told, taken), one, prices)
        for told, key, one in zip(starts, keys, judged, strict=True)
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


def lease_refs(db: Session, count: int) -> list[int]:
    """Transaction ids to be promised while the database is away: no session ever gets them else."""
    return lease(db, _SESSION, count)


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
    key = free_key(key, told, taken_keys(db, [(station.id, key)]))
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
    _name(session, token, decision, tag)
    # Its station may have left the site since.
    here = session.site_id == station.site_id
    site = station.site if here else db.get_one(Site, session.site_id)
    prices = tariff_choice.Prices(db, [station], [tag] if tag else [], [site])
    _price(session, station, tag, prices, site)


def price_anew(db: Session, station: AnyStation, session: AnySession) -> None:
    """Choose the version of a session's tariff by when it began, where no more than that moved."""
    held = db.get(TariffVersion, session.tariff_version_id) if session.tariff_version_id else None
    if held is None:
        return
    prices = tariff_choice.Prices(db, [station], sites=[held])
    tariff = prices.of(held)
    if tariff and (version := prices.version(tariff, *_times(session), session.timezone)):
        session.tariff_version_id, number = version.id, str(version.number)
        why = session.tariff_why or ""
        session.tariff_why = re.sub(r"(?<=” version )\d+(?= applies)", number, why, count=1)


def _times(session: AnySession) -> tuple[datetime, datetime]:
    """When a session's price held, and until when it was written: a start may be told late."""
    at, received = session.started_at, session.start_received_at
    return at, at if received - at > RETRY else received


def hold(
    session: AnySession, station: AnyStation, token: Token, decision: Decision,
    tag: AnyTag | None, prices: tariff_choice.Prices,
) -> None:  # fmt: skip
    """Say whose session it is and its price, where the tag and the prices are at hand."""
    _name(session, token, decision, tag)
    _price(session, station, tag, prices)


def _name(session: AnySession, token: Token, decision: Decision, tag: AnyTag | None) -> None:
    session.token = authorisation.shown(token, decision.tag_id)
    session.token_kind = token.kind[:40]
    session.tag_id = tag.id if tag else None
    session.driver_id = tag.driver_id if tag else None
    session.unauthorised = not decision.accepted


def _price(
    session: AnySession, station: AnyStation, tag: AnyTag | None,
    prices: tariff_choice.Prices, site: Any = None,
) -> None:  # fmt: skip
    choice = tariff_choice.applicable(prices, station, tag, *_times(session), site)
    # The price is frozen; the bill is held where a nearer one was in another currency.
    session.tariff_version_id, session.tariff_why = choice.version_id, choice.why[:300]
    (flag if choice.skipped else remove_flag)(session, "price_skipped")
