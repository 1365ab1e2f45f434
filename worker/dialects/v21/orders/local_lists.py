"""Local authorisation lists (OCPP 2.1): as in 2.0.1 with longer tokens of more kinds."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Encoding
from worker.dialects.v21 import tokens
from worker.dialects.v201.orders import local_lists as v201

ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.SEND_LOCAL_LIST: v201.send_as(tokens.KINDS, tokens.LONGEST),
}
