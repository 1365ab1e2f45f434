"""Remote start and stop, transactions, cost (OCPP 2.1): as in 2.0.1 but for what stands here."""

from app.domain.vocabulary import Order
from worker.dialects.encoding import Encoding
from worker.dialects.v201.orders import charging as v201

ORDERS: dict[Order, Encoding] = {**v201.ORDERS}
