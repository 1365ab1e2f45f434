"""Reset, unlock, availability, triggers, vendor messages (OCPP 2.0.1)."""

from app.domain.vocabulary import Order
from worker.dialects.encoding import Encoding

ORDERS: dict[Order, Encoding] = {}
