"""Charging profiles and energy (OCPP 1.6)."""

from app.domain.vocabulary import Order
from worker.dialects.encoding import Encoding

ORDERS: dict[Order, Encoding] = {}
