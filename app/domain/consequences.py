"""What the end of a command means for the business, by order.

A consequence is called in the unit of work that settles the command, for every
end that it can have: `outcome.state` tells which, `outcome.facts` what the
station told (put there by the dialect's decoder, in the domain's words).
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import certificate_orders, password_rotation, reservations, settings
from app.domain.vocabulary import Order, Outcome
from app.models import Command

Consequence = Callable[[Session, Command, Outcome, datetime], None]

CONSEQUENCES: dict[Order, Consequence] = {
    Order.INSTALL_CERTIFICATE: certificate_orders.after_installing,
    Order.DELETE_CERTIFICATE: certificate_orders.after_deleting,
    Order.READ_CERTIFICATES: certificate_orders.after_listing,
    Order.SEND_CERTIFICATE: certificate_orders.after_sending,
    Order.CHANGE_PASSWORD: password_rotation.after,
    Order.RESERVE: reservations.answered,
    Order.CANCEL_RESERVATION: reservations.cancel_answered,
    Order.READ_SETTINGS: settings.after_reading,
    Order.CHANGE_SETTING: settings.after_change,
}
