"""Remote start and stop, transactions, cost (OCPP 2.1): as in 2.0.1 with longer tokens."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Encoding
from worker.dialects.v21 import tokens
from worker.dialects.v21.charging_profile import WORDS
from worker.dialects.v201.orders import charging as v201

ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.START_CHARGING: v201.start_as(tokens.KINDS, tokens.LONGEST, WORDS),
}
