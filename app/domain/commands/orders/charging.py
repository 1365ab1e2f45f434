"""Orders about charging: start, stop, how a transaction stands and what it costs, battery swaps."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.domain.charging import remote_starts, running
from app.domain.charging.sessions import close_provisionally, flag, remove_flag
from app.domain.commands.orders.spec import Ask, Prepared, Spec, numbered
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import (
    Arguments,
    CommandState,
    Json,
    Order,
    Outcome,
    SessionState,
)
from app.domain.ground.vocabulary.values import TOKEN_KINDS
from app.domain.limits import station_profiles
from app.domain.money import settlements
from app.models import ChargingSession, Command, Station
from app.schemas.typed import SESSION, Argument, number, optional, plug, row, text, whole, word

_KEPT = "Kept by the station, where it says that it can (OCPP 2.1)."


def _start(given: Arguments) -> str:
    on = f" on connector {given['connector']}" if given.get("connector") else ""
    if given.get("token_kind") == "key_code":
        return f"Start charging{on} with a key code"
    return f"Start charging{on} with tag {given['token']}"


def _session(given: Arguments) -> str:
    name = given.get("session_id") or given.get("transaction_ref")
    return f"session {name}" if name else "its transactions"


def _which(given: Arguments) -> Json:
    if not given:
        raise Invalid("Say which session to stop.", field="session_id")
    return given


def prepare_stop(ask: Ask) -> Prepared:
    """Complete the arguments of a stop: the session's number and the station's own reference."""
    session: ChargingSession | None
    if number := ask.given.get("session_id"):
        session = running.numbered(ask.db, ask.station, number)
        if session.state is not SessionState.CHARGING:
            raise Conflict(f"Session {number} has ended already.", field="session_id")
        if session.transaction_ref is None:
            raise Conflict(f"Session {number} has no transaction to stop.", field="session_id")
    else:
        session = running.by_reference(ask.db, ask.station, ask.given["transaction_ref"])
    if session is None:
        return Prepared(ask.given)
    both = {"session_id": session.id, "transaction_ref": session.transaction_ref}
    return Prepared({**ask.given, **both}, session_id=session.id)


def prepare_status(ask: Ask) -> Prepared:
    """Complete the question how a transaction stands; without one it is about all of them."""
    session = _meant(ask.db, ask.station, ask.given)
    if session is None:
        return Prepared(ask.given)
    return Prepared(
        {**ask.given, "transaction_ref": session.transaction_ref}, session_id=session.id
    )


def prepare_cost(ask: Ask) -> Prepared:
    """Complete the cost to tell: what the session costs by our price, unless one is given.

    Raises `Invalid` or `Conflict` where there is no session or no price.
    """
    session = _meant(ask.db, ask.station, ask.given)
    if session is None:
        raise Invalid("Say of which session the cost is told.", field="session_id")
    cost = ask.given.get("total_cost")
    if cost is None:
        price = settlements.running_cost(ask.db, session, now=ask.now)
        if price is None:
            raise Conflict(f"Session {session.id} has no price.", field="session_id")
        cost = format(price, "f")
    told = {**ask.given, "total_cost": cost, "transaction_ref": session.transaction_ref}
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


def _meant(db: Session, station: Station, given: Arguments) -> ChargingSession | None:
    """The session that is meant, by our number or by the station's reference."""
    if reference := given.get("transaction_ref"):
        return running.by_reference(db, station, reference, locked=True)
    number = given.get("session_id")
    return None if number is None else running.numbered(db, station, number)


SPECS = (
    Spec(
        Order.START_CHARGING,
        "Start charging",
        arguments={
            "connector": optional(plug, nothing="Any"),
            "token": Argument(text(255), label="Tag"),
            "token_kind": optional(word(*TOKEN_KINDS)),
            "profile_id": optional(
                row, label="Charging profile", help="It limits that session alone."
            ),
            "most_cost": optional(number(Decimal(0), Decimal(1_000_000)), help=_KEPT),
            "most_kwh": optional(number(Decimal(0), Decimal(100_000)), help=_KEPT),
            "most_minutes": optional(whole(1, 60 * 24 * 366), help=_KEPT),
            "most_percent": optional(whole(1, 100), help=_KEPT),
        },
        words=_start,
        raw=("RemoteStartTransaction", "RequestStartTransaction"),
        after_boot=True,
        single=True,
        prepare=station_profiles.brought_along(remote_starts.prepare),
        after=station_profiles.answered_with(remote_starts.answered),
    ),
    Spec(
        Order.STOP_CHARGING,
        "Stop charging",
        arguments={"transaction_ref": optional(text(64)), "session_id": optional(row)},
        words=lambda given: f"Stop {_session(given)}",
        together=_which,
        question="Stop this session? The driver's car stops charging and gets its bill.",
        raw=("RemoteStopTransaction", "RequestStopTransaction"),
        after_boot=True,
        single=True,
        prepare=prepare_stop,
    ),
    Spec(
        Order.READ_TRANSACTION_STATUS,
        "Ask how a session stands",
        arguments=SESSION,
        words=lambda given: f"Ask how {_session(given)} stands",
        single=True,
        prepare=prepare_status,
        after=after_status,
    ),
    Spec(
        Order.SEND_COST,
        "Tell the cost so far",
        arguments={**SESSION, "total_cost": optional(number(Decimal(0), Decimal(1_000_000)))},
        words=lambda given: f"Tell the cost so far of {_session(given)}",
        single=True,
        prepare=prepare_cost,
    ),
)

#: Swapping batteries (2.1 block S).
SWAPPING = (
    Spec(
        Order.REQUEST_BATTERY_SWAP,
        "Request a battery swap",
        arguments={
            "token": Argument(text(255), label="Tag", help="The tag of whoever gets the battery."),
            "token_kind": optional(word(*TOKEN_KINDS)),
        },
        words=lambda given: f"Request a battery swap for tag {given['token']}",
        raw=("RequestBatterySwap",),
        after_boot=True,
        single=True,
        prepare=numbered,
    ),
)
