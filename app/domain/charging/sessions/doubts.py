"""Marking a session (its row of either kind) with a doubt, and having it weighed once more."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk_read import Keyed, Keys
from app.domain.ground.clock import OLD
from app.domain.ground.vocabulary import BillingState, Token
from app.models import ChargingSession


def flag(session: Any, code: str) -> None:
    """Mark a session with a doubt, once."""
    if code not in session.flags:
        session.flags = [*session.flags, code]


def mark_time(
    session: Any,
    at: datetime,
    received_at: datetime,
    claimed_at: datetime | None,
    *,
    replaced: bool,
) -> None:
    """Say what is to be known of the time of a start or a stop; `claimed_at` as in `Start`."""
    if replaced:
        flag(session, "clock_replaced")
    elif claimed_at is not None:
        flag(session, "clock_corrected")
    if received_at - at > OLD:
        flag(session, "old_report")


def remove_flag(session: Any, code: str) -> None:
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

_SESSION: Any = ChargingSession.__table__
_KEY = {"id": "bigint", "station_id": "bigint", "evse": "integer"} | dict.fromkeys(
    ("oldest", "since", "until"), "timestamptz"
)
_OVERLAPPING = Keyed(
    _SESSION,
    ("id",),
    _KEY,
    "s.id {ids} SELECT b.id FROM charging_sessions AS b WHERE b.station_id = k.station_id "
    "AND b.evse = k.evse AND b.id <> k.id AND b.started_at < k.until AND b.started_at > k.oldest "
    "AND (b.ended_at IS NULL OR b.ended_at > k.since) ORDER BY b.id LIMIT 20 {end} ORDER BY s.id",
)


def compare(db: Session, sessions: Iterable[ChargingSession], *, now: datetime) -> None:
    """Hold sessions, and the other ones, where two cards claim a plug at one time.

    One that has been billed is weighed once more.
    """
    own = list(sessions)
    overlaps = _overlapping(db, own)
    for session in own:
        others = [each for each in overlaps.get(session.id, ()) if not _same_driver(session, each)]
        if not others:
            remove_flag(session, OVERLAPS)
        for one in (session, *others) if others else ():
            if OVERLAPS not in one.flags:
                flag(one, OVERLAPS)
                if one is not session:
                    mark_late(db, one, now)


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
