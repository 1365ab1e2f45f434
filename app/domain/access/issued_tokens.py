"""Tokens on no list that were issued for one session: by an order of ours, or by a payment.

A central token exists because somebody ordered a start with it (2.x C05); a payment at a station's
terminal has its own (2.1 C18).  Each lets one session charge, and no other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.access.tag_rows import ANY_KIND, TagRow
from app.domain.ground.bulk import among
from app.domain.ground.vocabulary import CommandState, Order, StationMode, Token
from app.models import Authorisation, Command

CENTRAL, DIRECT_PAYMENT = "central", "direct_payment"
KINDS = frozenset({CENTRAL, DIRECT_PAYMENT})
#: An order lets a session begin for so long; a station may tell of it late.
WITHIN = timedelta(days=2)

#: Built once: the statements' compiled forms are found again by identity.
_ORDERS = select(Command.station_id, Command.session_id, Command.arguments).where(
    among(Command.__table__.c.station_id, "stations"),
    Command.requested_at > bindparam("since"),
    Command.order == Order.START_CHARGING,
    Command.state.in_([CommandState.ACCEPTED, CommandState.SENT]),
)
_PAID = select(Authorisation.tenant_id, Authorisation.token, Authorisation.session_id).where(
    among(Authorisation.__table__.c.token, "tokens"),
    Authorisation.occasion == "start",
    Authorisation.session_id.is_not(None),
)


@dataclass(slots=True)
class Issued:
    """What is known of some tokens: of our orders, and of payments that began a session."""

    #: (station, the token without case) -> the sessions that followed its orders; None: none yet
    ordered: dict[tuple[int, str], set[int | None]] = field(default_factory=dict)
    #: (tenant, the token without case) -> the sessions that began with it
    paid: dict[tuple[int, str], set[int]] = field(default_factory=dict)


def look_up(db: Session, shown: Iterable[tuple[Any, TagRow | None]]) -> Issued:
    """Find out about taps and their tags: of those that would be refused for being on no list.

    1.6 tells no kinds of tokens.  At most one query for each question.
    """
    found = Issued()
    asked = [
        tap
        for tap, tag in shown
        if tag is None
        and tap.station.mode is StationMode.LISTED
        and (tap.token.kind in KINDS or tap.token.kind == ANY_KIND)
    ]
    if asked:
        since = min(tap.now for tap in asked) - WITHIN
        given = {"stations": list({tap.station.id for tap in asked}), "since": since}
        for station_id, session_id, arguments in db.execute(_ORDERS, given):
            if arguments.get("token_kind") in KINDS:
                at = station_id, Token(str(arguments.get("token", ""))).key
                found.ordered.setdefault(at, set()).add(session_id)
    payments = list({tap.token.value for tap in asked if tap.token.kind == DIRECT_PAYMENT})
    if payments:
        for tenant_id, value, session_id in db.execute(_PAID, {"tokens": payments}):
            found.paid.setdefault((tenant_id, Token(value).key), set()).add(session_id or 0)
    return found


def let_in(
    issued: Issued, station: Any, token: Token, session_id: int | None
) -> tuple[str, str] | None:
    """Why a token on no list may charge at a station: a reason and its sentence; None: it may not.

    `session_id` is the session that it is shown in, if that has begun.  Pure.
    """
    ordered = issued.ordered.get((station.id, token.key), set())
    if ordered & {None, session_id}:
        return "ordered", "It was issued for the session that we ordered to start."
    if token.kind == DIRECT_PAYMENT:
        others = issued.paid.get((station.tenant_id, token.key), set()) - {session_id}
        if not others:
            return "paid", f"It was paid for at {station.identity}."
    return None
