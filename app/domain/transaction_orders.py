"""What orders about transactions need before they are sent, and what their answers mean."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import session_cost
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.prepared import Prepared
from app.domain.sessions import close_provisionally, find, flag, remove_flag
from app.domain.vocabulary import Actor, CommandState, Outcome, SessionState
from app.models import ChargingSession, Command, Station


def prepare_status(
    db: Session, actor: Actor, station: Station, given: dict[str, Any], now: datetime
) -> Prepared:
    """Complete the question how a transaction stands; without one it is about all of them."""
    del actor, now
    session = _session(db, station, given)
    if session is None:
        return Prepared(given)
    return Prepared({**given, "transaction_ref": session.transaction_ref}, session_id=session.id)


def prepare_cost(
    db: Session, actor: Actor, station: Station, given: dict[str, Any], now: datetime
) -> Prepared:
    """Complete the cost to tell: what the session costs by our price, unless one is given.

    Raises `Invalid` or `Conflict` where there is no session or no price.
    """
    del actor
    session = _session(db, station, given)
    if session is None:
        raise Invalid("Say of which session the cost is told.", field="session_id")
    cost = given.get("total_cost")
    if cost is None:
        price = session_cost.running_cost(db, session, now=now)
        if price is None:
            raise Conflict(f"Session {session.id} has no price.", field="session_id")
        cost = format(price, "f")
    told = {**given, "total_cost": cost, "transaction_ref": session.transaction_ref}
    return Prepared(told, session_id=session.id)


def after_status(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Draw the line under a session that its station says is over (GetTransactionStatus, E14).

    While messages about it wait at the station it stays open: they are coming.
    With none left, its end is assumed, and an end that comes all the same
    replaces that.
    """
    if outcome.state is not CommandState.ACCEPTED or command.session_id is None:
        return
    session = db.get(
        ChargingSession, command.session_id, with_for_update=True, populate_existing=True
    )
    if session is None or session.state is not SessionState.CHARGING:
        return
    if outcome.facts.get("ongoing") or outcome.facts.get("messages_waiting"):
        remove_flag(session, "suspect")
        flag(session, "told_open")
    elif outcome.facts.get("ongoing") is False:
        close_provisionally(db, session, now=now)
    db.flush()


def _session(db: Session, station: Station, given: dict[str, Any]) -> ChargingSession | None:
    """The session that is meant, by our number or by the station's reference."""
    if reference := given.get("transaction_ref"):
        return find(db, station, reference)
    number = given.get("session_id")
    if number is None:
        return None
    session = db.scalar(
        select(ChargingSession).where(
            ChargingSession.station_id == station.id, ChargingSession.id == number
        )
    )
    if session is None:
        raise NotFound(f"{station.identity} has no session {number}.", field="session_id")
    return session
