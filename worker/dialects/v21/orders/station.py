"""Reset, unlock, availability, triggers (OCPP 2.1): as in 2.0.1 but for what stands here."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Encoding
from worker.dialects.v201.orders import station as v201

_RESETS = {**v201.RESETS, "resume": "ImmediateAndResume"}
_TRIGGERS = {
    **v201.TRIGGERS,
    "sign_v2g20_certificate": "SignV2G20Certificate",
    "custom": "CustomTrigger",
}

ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.RESET: v201.reset_as(_RESETS),
    Order.TRIGGER: v201.trigger_as(_TRIGGERS),
}
