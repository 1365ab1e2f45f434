"""What the end of a command means for the business, by order.

A consequence is called in the unit of work that settles the command, for every
end that it can have: `outcome.state` tells which, `outcome.facts` what the
station told (put there by the dialect's decoder, in the domain's words).
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import (
    certificate_orders,
    customer_information,
    device_events,
    display,
    file_jobs,
    local_lists,
    monitors,
    onboarding,
    password_rotation,
    power_orders,
    remote_starts,
    reservations,
    settings,
    station_profiles,
    transaction_orders,
)
from app.domain.vocabulary import Order, Outcome
from app.models import Command

Consequence = Callable[[Session, Command, Outcome, datetime], None]

CONSEQUENCES: dict[Order, Consequence] = {
    Order.START_CHARGING: station_profiles.answered_with(remote_starts.answered),
    Order.READ_TRANSACTION_STATUS: transaction_orders.after_status,
    Order.INSTALL_CERTIFICATE: certificate_orders.after_installing,
    Order.DELETE_CERTIFICATE: certificate_orders.after_deleting,
    Order.READ_CERTIFICATES: certificate_orders.after_listing,
    Order.SEND_CERTIFICATE: certificate_orders.after_sending,
    Order.CHANGE_PASSWORD: password_rotation.after,
    Order.SEND_LOCAL_LIST: local_lists.answered,
    Order.READ_LOCAL_LIST_VERSION: local_lists.version_told,
    Order.RESERVE: reservations.answered,
    Order.CANCEL_RESERVATION: reservations.cancel_answered,
    Order.READ_SETTINGS: onboarding.then(settings.after_reading),
    Order.CHANGE_SETTING: onboarding.then(settings.after_change),
    Order.UPDATE_FIRMWARE: file_jobs.after_asking,
    Order.PUBLISH_FIRMWARE: file_jobs.after_asking,
    Order.UNPUBLISH_FIRMWARE: file_jobs.after_unpublishing,
    Order.FETCH_LOGS: file_jobs.after_asking,
    Order.READ_CUSTOMER_INFORMATION: customer_information.after,
    Order.SET_MONITORS: monitors.after_setting,
    Order.CLEAR_MONITORS: monitors.after_clearing,
    Order.READ_MONITORS: monitors.after_reading,
    Order.READ_EVENT_STREAMS: device_events.after_reading_streams,
    Order.ADJUST_EVENT_STREAM: device_events.after_adjusting,
    Order.SHOW_MESSAGE: display.after_showing,
    Order.READ_MESSAGES: display.after_reading,
    Order.CLEAR_MESSAGE: display.after_clearing,
    **power_orders.CONSEQUENCES,
    Order.READ_BASE_REPORT: onboarding.then(),
    Order.TRIGGER: onboarding.then(),
}
