"""What has to be made or looked up before an order can be queued, by order.

A preparation gets the checked arguments and returns them completed, with the
row that the command is about ("reservation:7") and the session that it concerns.
It may raise any error of `app.domain.errors`; then nothing is queued.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import (
    certificate_orders,
    customer_information,
    display,
    file_orders,
    local_lists,
    monitors,
    password_rotation,
    power_orders,
    remote_starts,
    reservations,
    settings,
    station_profiles,
    transaction_orders,
)
from app.domain.errors import Conflict, NotFound
from app.domain.prepared import Preparation, Prepared
from app.domain.vocabulary import Actor, Order, SessionState
from app.models import ChargingSession, Station


def _stop_charging(
    db: Session, actor: Actor, station: Station, checked: dict[str, Any], now: datetime
) -> Prepared:
    """Complete the arguments of a stop: the session's number and the station's own reference."""
    query = select(ChargingSession).where(ChargingSession.station_id == station.id)
    if number := checked.get("session_id"):
        session = db.scalar(query.where(ChargingSession.id == number))
        if session is None:
            raise NotFound(f"{station.identity} has no session {number}.", field="session_id")
        if session.state is not SessionState.CHARGING:
            raise Conflict(f"Session {number} has ended already.", field="session_id")
        if session.transaction_ref is None:
            raise Conflict(f"Session {number} has no transaction to stop.", field="session_id")
        return Prepared(
            {**checked, "transaction_ref": session.transaction_ref}, session_id=session.id
        )
    reference = checked["transaction_ref"]
    session = db.scalar(query.where(ChargingSession.transaction_ref == reference))
    if session is None:
        return Prepared(checked)
    return Prepared({**checked, "session_id": session.id}, session_id=session.id)


def _set_availability(
    db: Session, actor: Actor, station: Station, checked: dict[str, Any], now: datetime
) -> Prepared:
    """Keep it from stations that do not survive it (FIELD K3)."""
    del db, actor, now
    if station.quirks.get("no_change_availability"):
        raise Conflict(f"{station.identity} must not be asked this: see its quirks.")
    return Prepared(checked)


PREPARATIONS: dict[Order, Preparation] = {
    Order.SET_AVAILABILITY: _set_availability,
    Order.START_CHARGING: station_profiles.brought_along(remote_starts.prepare),
    Order.STOP_CHARGING: _stop_charging,
    Order.READ_TRANSACTION_STATUS: transaction_orders.prepare_status,
    Order.SEND_COST: transaction_orders.prepare_cost,
    Order.INSTALL_CERTIFICATE: certificate_orders.prepare_installing,
    Order.DELETE_CERTIFICATE: certificate_orders.prepare_deleting,
    Order.SEND_CERTIFICATE: certificate_orders.prepare_sending,
    Order.CHANGE_PASSWORD: password_rotation.prepare,
    Order.SEND_LOCAL_LIST: local_lists.prepare,
    Order.RESERVE: reservations.prepare,
    Order.CANCEL_RESERVATION: reservations.prepare_cancel,
    Order.READ_SETTINGS: settings.prepare_reading,
    Order.CHANGE_SETTING: settings.prepare_change,
    Order.READ_BASE_REPORT: settings.prepare_report,
    Order.READ_REPORT: settings.prepare_report,
    Order.UPDATE_FIRMWARE: file_orders.prepare_update,
    Order.PUBLISH_FIRMWARE: file_orders.prepare_publishing,
    Order.UNPUBLISH_FIRMWARE: file_orders.prepare_unpublishing,
    Order.FETCH_LOGS: file_orders.prepare_logs,
    Order.READ_CUSTOMER_INFORMATION: customer_information.prepare,
    Order.SET_MONITORS: monitors.prepare_setting,
    Order.CLEAR_MONITORS: monitors.prepare_clearing,
    Order.READ_MONITORS: settings.prepare_report,
    Order.SHOW_MESSAGE: display.prepare_showing,
    Order.READ_MESSAGES: display.prepare_reading,
    **power_orders.PREPARATIONS,
}
