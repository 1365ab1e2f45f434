"""The orders that OCPP 2.0.1 can put; what is missing here is unsupported over it."""

from app.domain.ground.vocabulary import Order
from worker.dialects import raw_orders
from worker.dialects.encoding import Encoding
from worker.dialects.v201.orders import (
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
)

ORDERS: dict[Order, Encoding] = {
    **charging.ORDERS,
    **station.ORDERS,
    **settings.ORDERS,
    **certificates.ORDERS,
    **display.ORDERS,
    **files.ORDERS,
    **local_lists.ORDERS,
    **monitoring.ORDERS,
    **profiles.ORDERS,
    **reservations.ORDERS,
    **raw_orders.ORDERS,
}
