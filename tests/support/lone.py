"""One of what the product takes in sets: a start, an end, an event, a claim, a bill.

What it comes to is told with the rows of the models, for tests to look at.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging import sessions
from app.domain.charging.sessions.row import SessionRow
from app.domain.commands import commands
from app.domain.ground.vocabulary import Decision
from app.domain.money import billing
from app.models import Bill, ChargingSession, Command, Review


def begin(db: Session, station: Any, start: sessions.Start, *, now: datetime) -> sessions.Begun:
    """Begin a charging session."""
    [begun] = sessions.begin_all(db, [sessions.Starting(station, start, now)])
    return replace(begun, session=_session(db, begun.session.id))


def end(
    db: Session, station: Any, stop: sessions.Stop, *, now: datetime
) -> tuple[ChargingSession | None, Decision | None]:
    """End a charging session; None where the stop is of none."""
    [(session, decision)] = sessions.end_all(db, [sessions.Stopping(station, stop, now)])
    return _session(db, session.id) if isinstance(session, SessionRow) else session, decision


def take(
    db: Session, station: Any, report: sessions.TransactionReport, *, now: datetime
) -> sessions.Taken:
    """Take in an event of a transaction."""
    [taken] = sessions.take_all(db, [sessions.Told(station, report, now)])
    return replace(taken, session=db.get_one(ChargingSession, taken.session.id))


def claim(db: Session, command_id: int, node: str, *, now: datetime) -> Command | None:
    """Take a queued command; None when another did, or it is too late."""
    command = db.get(Command, command_id)
    here = [command.station.connection_id or 0] if command else []
    taken = commands.claim_all(db, [command_id], node, here, now=now)
    return db.get(Command, command_id, populate_existing=True) if taken else None


def settle(db: Session, session_id: int, **given: Any) -> Bill | Review | None:
    """Do what an ended session is due."""
    return _kept(db, session_id, billing.settle_all(db, [session_id], **given))


def issue(
    db: Session, session_id: int, *, now: datetime, provisional_hold_h: int = 24
) -> Bill | Review | None:
    """Bill an ended session or hold it; nothing else."""
    due = [session for session in [billing.locked(db, session_id)] if session is not None]
    found = billing.issue_all(db, due, now=now, provisional_hold_h=provisional_hold_h)
    return _kept(db, session_id, found)


def _kept(db: Session, session_id: int, found: Mapping[int, Bill | Review]) -> Bill | Review | None:
    one = found.get(session_id)
    return db.get_one(Bill, one.id) if isinstance(one, Bill) else one


def _session(db: Session, session_id: int) -> ChargingSession:
    return db.get_one(ChargingSession, session_id, populate_existing=True)


def usage_of(db: Session, session: ChargingSession, now: datetime, **given: Any) -> Any:
    """What a session used, as it would be billed now."""
    return billing.assess(db, session, now, **given).measured
