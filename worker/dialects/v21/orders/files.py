"""Firmware and logs (OCPP 2.1): as in 2.0.1 but for longer addresses, one more log, more tags."""

from app.domain.commands.orders.files import LOGS
from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Encoding
from worker.dialects.v201.orders import files as v201

TOKEN_KINDS = {**v201.TOKEN_KINDS, "vin": "VIN", "evcc_id": "EVCCID"}
_LONGEST_URL = 2000

ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.UPDATE_FIRMWARE: v201.update(_LONGEST_URL),
    Order.PUBLISH_FIRMWARE: v201.publish(_LONGEST_URL),
    Order.FETCH_LOGS: v201.logs(frozenset(LOGS), _LONGEST_URL),
    Order.READ_CUSTOMER_INFORMATION: v201.customer(lambda kind: TOKEN_KINDS[kind]),
}
