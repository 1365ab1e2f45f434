"""Whether an order may be given to a station now: its plug, its connection, its registration."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain import plugs, presence
from app.domain.errors import Conflict, Invalid, NotConnected
from app.domain.vocabulary import WITHOUT_MESSAGE, Order, Registration
from app.models import Station

#: Orders that a station may not get before its boot was accepted: it may be asked and
#: configured, but not charge (OCPP 1.6 section 4.2, 2.x B02.FR.05).
_AFTER_BOOT = frozenset(
    {Order.START_CHARGING, Order.STOP_CHARGING, Order.RESERVE, Order.REQUEST_BATTERY_SWAP}
)
#: The same as raw messages.
_RAW_AFTER_BOOT = frozenset(
    {
        *("RemoteStartTransaction", "RemoteStopTransaction"),
        *("RequestStartTransaction", "RequestStopTransaction"),
        *("ReserveNow", "RequestBatterySwap"),
    }
)


def check(
    db: Session, station: Station, order: Order, checked: dict[str, Any], now: datetime
) -> None:
    """Raise `Invalid`, `Conflict` or `NotConnected` where an order cannot be given now."""
    _check_plug(db, station, order, checked)
    _check_reachable(db, station, now)
    _check_registration(station, order, checked)


def _check_plug(db: Session, station: Station, order: Order, checked: dict[str, Any]) -> None:
    number = checked.get("connector")
    if order is Order.RAW or not number:
        return
    known = plugs.numbers(db, station.id)
    if known and number not in known:
        raise Invalid(f"{station.identity} has no connector {number}.", field="connector")


def _check_reachable(db: Session, station: Station, now: datetime) -> None:
    name = station.identity
    if station.archived_at is not None:
        raise Conflict(f"{name} is in the archive.")
    if station.registration is Registration.BLOCKED:
        raise Conflict(f"{name} is blocked: nothing may be sent to it.")
    if not presence.is_connected(db, station, now):
        raise NotConnected(f"{name} is not connected, so nothing was sent.")


def _check_registration(station: Station, order: Order, checked: Mapping[str, Any]) -> None:
    """A pending station may not charge, and one that was rejected is left alone (B02, B03)."""
    if order in WITHOUT_MESSAGE:
        return
    answered = station.booted_registration or station.registration
    name = station.identity
    if answered is Registration.REJECTED:
        raise Conflict(f"The boot of {name} was rejected: nothing may be sent to it.")
    charges = order in _AFTER_BOOT or checked.get("action") in _RAW_AFTER_BOOT
    if answered is Registration.PENDING and charges and checked.get("check", True):
        raise Conflict(f"{name} is pending: it may not charge before its boot is accepted.")
