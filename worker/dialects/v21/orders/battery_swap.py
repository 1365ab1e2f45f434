"""Battery swap (OCPP 2.1)."""

from app.domain.vocabulary import Order
from worker.dialects.encoding import Encoding

ORDERS: dict[Order, Encoding] = {}
