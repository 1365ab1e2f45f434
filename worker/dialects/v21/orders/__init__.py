"""The orders that OCPP 2.1 can put; what is missing here is unsupported over it."""

from app.domain.ground.vocabulary import Order
from worker.dialects import raw_orders
from worker.dialects.encoding import Encoding
from worker.dialects.v21.orders import (
    battery_swap,
    certificates,
    charging,
    display,
    files,
    local_lists,
    monitoring,
    profiles,
    reservations,
    settings,
    station,
    tariffs,
)

ORDERS: dict[Order, Encoding] = {
    **charging.ORDERS,
    **station.ORDERS,
    **settings.ORDERS,
    **battery_swap.ORDERS,
    **certificates.ORDERS,
    **display.ORDERS,
    **files.ORDERS,
    **local_lists.ORDERS,
    **monitoring.ORDERS,
    **profiles.ORDERS,
    **reservations.ORDERS,
    **tariffs.ORDERS,
    **raw_orders.ORDERS,
}
