"""Limits of one session in cost, energy, time or charge, which a 2.1 station keeps itself (E16).

They come with our order to start and are told in the answer to the first event of the session that
followed it, once.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.device import device_model
from app.domain.device.variable_names import parse
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import Order
from app.models import Command, Station

#: argument of the order -> the words by which a station says that it keeps such a limit
KINDS: dict[str, tuple[str, ...]] = {
    "most_cost": ("maxcost",),
    "most_kwh": ("maxenergy",),
    "most_minutes": ("maxtime", "maxlength"),  # the specification's table calls it so (2.8.1)
    "most_percent": ("maxsoc",),
}
_SUPPORTED = parse("TxCtrlr/SupportedLimits")


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The limits among the arguments of an order to start."""
    return {name: arguments[name] for name in KINDS if arguments.get(name) is not None}


def refuse_unkept(db: Session, station: Station, arguments: Mapping[str, Any]) -> None:
    """Raise `Conflict` for a limit that the station has not said it keeps (E16.FR.12)."""
    wanted = given(arguments)
    if not wanted:
        return
    row = device_model.find(db, station, _SUPPORTED)
    told = {word.strip().casefold() for word in ((row.value if row else None) or "").split(",")}
    for name in wanted:
        if not told & set(KINDS[name]):
            words = name.removeprefix("most_")
            sentence = f"{station.identity} has not said that it keeps a limit in {words}."
            raise Conflict(sentence, field=name)


def tell_all(db: Session, events: Mapping[int, int | None]) -> dict[int, dict[str, Any]]:
    """The limits to answer events with, by session; what none are left to be told for is left out.

    `events` are the numbers of events, by session, that may tie it to an order.  Limits are told
    once; to the same event again, for then the answer was lost.
    """
    query = select(Command).where(
        Command.session_id.in_(list(events)), Command.order == Order.START_CHARGING
    )
    found: dict[int, dict[str, Any]] = {}
    for order in db.scalars(query.order_by(Command.id)) if events else ():
        session_id, limits = order.session_id or 0, given(order.arguments)
        event = events[session_id]
        if limits and order.arguments.get("limits_told_to", event) == event:
            order.arguments = {**order.arguments, "limits_told_to": event}
            found[session_id] = limits
    db.flush()
    return found
