"""Display messages (OCPP 2.1): as in 2.0.1 but for what stands here."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload
from worker.dialects.v201.orders import display as v201

STATES = v201.STATES | {"suspended", "discharging"}
FORMATS = v201.FORMATS | {"qrcode"}


def _show(arguments: Arguments) -> Payload:
    return v201.shown(arguments, STATES, FORMATS, 1024)


def _read(arguments: Arguments) -> Payload:
    return v201.read(arguments, STATES)


ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.SHOW_MESSAGE: Encoding("SetDisplayMessage", _show, sentences=v201.SENTENCES),
    Order.READ_MESSAGES: Encoding(
        "GetDisplayMessages", _read, frozenset({"Accepted", "Unknown"}), v201.READ_SENTENCES
    ),
}
