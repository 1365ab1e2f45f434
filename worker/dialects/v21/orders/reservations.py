"""Reservations (OCPP 2.1): as in 2.0.1 with more kinds of tokens and plugs."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Encoding
from worker.dialects.v21 import tokens
from worker.dialects.v201.orders import reservations as v201

PLUG_TYPES: dict[str, str] = {
    **v201.PLUG_TYPES,
    "nacs": "cNACS",
    "gbt_dc": "cGBT-DC",
    "mcs": "cMCS",
}

ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.RESERVE: v201.reserve_as(tokens.KINDS, tokens.LONGEST, PLUG_TYPES),
}
