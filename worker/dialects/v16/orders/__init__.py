"""The orders that OCPP 1.6 can put; what is missing here is unsupported over it."""

from app.domain.ground.vocabulary import Order
from worker.dialects import raw_orders
from worker.dialects.encoding import Encoding
from worker.dialects.v16.orders import (
    certificates,
    charging,
    files,
    local_lists,
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
    **files.ORDERS,
    **local_lists.ORDERS,
    **profiles.ORDERS,
    **reservations.ORDERS,
    **raw_orders.ORDERS,
}
