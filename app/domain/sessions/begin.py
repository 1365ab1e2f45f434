"""How a charging session begins: once, whatever the charger repeats."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import authorisation, events, remote_starts, reservations, tariff_choice
from app.domain.clock import ON_ITS_WAY
from app.domain.sessions.doubts import flag, mark_time, remove_flag
from app.domain.sessions.provisional import close_previous
from app.domain.vocabulary import ConnectorRef, Decision, SessionState, Token
from app.models import ChargingSession, Connection, Station, Tag

#: A start with a meaningless clock is a retry only within this time of the first.
RETRY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Start:
    """What a station says when charging begins; `raw_time` is its clock's text, for the key.

    `claimed_at` is its own time where another one is used.
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


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that runs now, the decision about its tag, and whether it was known before."""

    session: ChargingSession
    decision: Decision
    repeated: bool


def begin(db: Session, station: Station, start: Start, *, now: datetime) -> Begun:
    """Begin a charging session, or find the one that this start began before (FIELD X1, X2).

    A refused tag begins one too: energy may flow whatever we answer (FIELD X14).
    """
    key = _start_key(start)
    known = _same_start(db, station, start, key, now)
    if known is not None:
        decision = authorisation.decide(
            db, station, start.token, occasion=authorisation.START, now=now,
            evse=start.connector.evse, session=known,
        )  # fmt: skip
        return Begun(known, decision, True)
    close_previous(db, station, start.connector.evse, start.started_at, now=now)
    decision = authorisation.decide(
        db, station, start.token, occasion=authorisation.START, now=now, evse=start.connector.evse
    )
    session = new_session(db, station, start, key, decision, now=now)
    if was_silent(db, station, start.started_at, now=now):
        flag(session, "told_late")
    authorisation.attach(db, decision, session)
    remote_starts.attach(db, station, session, now=now)
    reservations.used(db, station, start.reservation_id, session, now=now)
    events.record(db, events.SessionChanged(session.tenant_id, session.id, station.id))
    return Begun(session, decision, False)


def _start_key(start: Start) -> str:
    """The business key of a start: who, where, when by its own clock, and the register."""
    if start.transaction_ref is not None:
        return f"ref|{start.transaction_ref}"
    parts = (
        start.connector.evse,
        start.connector.connector,
        start.token.key,
        start.raw_time,
        start.meter_start_wh,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:40]


def _same_start(
    db: Session, station: Station, start: Start, key: str, now: datetime
) -> ChargingSession | None:
    query = (
        select(ChargingSession)
        .where(
            ChargingSession.station_id == station.id,
            (ChargingSession.start_key == key) | ChargingSession.start_key.startswith(f"{key}#"),
        )
        .order_by(ChargingSession.id.desc())
        .limit(1)
    )
    known = db.scalar(query)
    if known is None or not start.clock_replaced:
        return known
    # A clock that stands still gives equal keys to different sessions.
    stale = known.state is SessionState.ENDED or now - known.start_received_at > RETRY
    return None if stale else known


def new_session(
    db: Session, station: Station, start: Start, key: str, decision: Decision, *, now: datetime
) -> ChargingSession:
    """Add the row of a session that begins; without a reference of its own it is its number."""
    taken = db.scalar(
        select(ChargingSession.id).where(
            ChargingSession.station_id == station.id, ChargingSession.start_key == key
        )
    )
    session = ChargingSession(
        tenant_id=station.tenant_id,
        site_id=station.site_id,
        station_id=station.id,
        evse=start.connector.evse,
        connector=start.connector.connector,
        start_key=f"{key}#{now.timestamp()}" if taken else key,
        transaction_ref=start.transaction_ref,
        timezone=station.site.timezone,
        started_at=start.started_at,
        start_received_at=now,
        meter_start_wh=start.meter_start_wh,
        last_register_wh=start.meter_start_wh,
        last_reading_at=start.started_at,
        claimed_started_at=start.claimed_at,
        flags=[],
    )
    name_holder(db, station, session, start.token, decision)
    mark_time(session, start.started_at, now, start.claimed_at, replaced=start.clock_replaced)
    if now - start.started_at > RETRY:
        flag(session, "offline_report")
    db.add(session)
    db.flush()
    if session.transaction_ref is None:
        session.transaction_ref = str(session.id)
        db.flush()
    return session


def was_silent(db: Session, station: Station, started_at: datetime, *, now: datetime) -> bool:
    """Whether a start that is told now is dated when the station could have told it at once.

    It was connected then, and for long afterwards, on a connection that it has since left.
    """
    if now - started_at <= ON_ITS_WAY:
        return False
    there = select(Connection.id).where(
        Connection.station_id == station.id,
        Connection.opened_at <= started_at,
        Connection.closed_at > started_at + ON_ITS_WAY,
    )
    return db.scalar(there.limit(1)) is not None


def name_holder(
    db: Session, station: Station, session: ChargingSession, token: Token, decision: Decision
) -> None:
    """Say whose session it is, by the tag that began it: the driver and the price follow."""
    tag = db.get(Tag, decision.tag_id) if decision.tag_id else None
    driver = tag.driver if tag else None
    choice = tariff_choice.applicable(db, station, tag, driver)
    session.token = authorisation.shown(token, decision.tag_id)[:255]
    session.token_kind = token.kind[:40]
    session.tag_id = tag.id if tag else None
    session.driver_id = driver.id if driver else None
    session.unauthorised = not decision.accepted
    price_by(session, choice, station)


def price_by(session: ChargingSession, choice: tariff_choice.Choice, station: Station) -> None:
    """Freeze the price into the session; held where a nearer one was in another currency."""
    session.currency = station.site.currency
    session.tariff_version_id = choice.version_id
    session.tariff_why = choice.why[:300]
    if choice.skipped:
        flag(session, "price_skipped")
    else:
        remove_flag(session, "price_skipped")
