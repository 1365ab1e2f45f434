"""Whether an order may be given to a station now: its plug, its connection, its registration."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.commands import orders
from app.domain.ground.errors import Conflict, Invalid, NotConnected
from app.domain.ground.vocabulary import Order, Registration
from app.domain.network import presence
from app.models import Connector, Station


def check(
    db: Session, station: Station, order: Order, checked: dict[str, Any], now: datetime
) -> None:
    """Raise `Invalid`, `Conflict` or `NotConnected` where an order cannot be given now."""
    number = None if order is Order.RAW else checked.get("connector")
    given = {"connection": station.connection_id, "since": now - presence.ALIVE}
    there = db.execute(_THERE, given | {"station": station.id, "evse": number or 0}).one()
    if number and there.plugs and not there.plug:
        raise Invalid(f"{station.identity} has no connector {number}.", field="connector")
    _check_reachable(station, there.held)
    _check_registration(station, order, checked)


_PLUG: Any = Connector.__table__
_PLUGS = select(_PLUG.c.id).where(_PLUG.c.station_id == bindparam("station"))
#: Every order asks this: built once, three answers in one row.
_THERE = select(
    presence.HELD.exists().label("held"),
    _PLUGS.where(_PLUG.c.evse > 0).exists().label("plugs"),
    _PLUGS.where(_PLUG.c.evse == bindparam("evse")).exists().label("plug"),
)


def _check_reachable(station: Station, held: bool) -> None:
    name = station.identity
    if station.archived_at is not None:
        raise Conflict(f"{name} is in the archive.")
    if station.registration is Registration.BLOCKED:
        raise Conflict(f"{name} is blocked: nothing may be sent to it.")
    if not held:
        raise NotConnected(f"{name} is not connected, so nothing was sent.")


def _check_registration(station: Station, order: Order, checked: Mapping[str, Any]) -> None:
    """A pending station may not charge, and one that was rejected is left alone (B02, B03)."""
    spec = orders.meant(order, checked)
    if spec.without_message:
        return
    answered = station.booted_registration or station.registration
    name = station.identity
    if answered is Registration.REJECTED:
        raise Conflict(f"The boot of {name} was rejected: nothing may be sent to it.")
    if answered is Registration.PENDING and spec.after_boot and checked.get("check", True):
        raise Conflict(f"{name} is pending: it may not charge before its boot is accepted.")
