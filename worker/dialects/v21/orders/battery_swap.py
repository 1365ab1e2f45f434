"""Battery swap (OCPP 2.1 block S)."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload
from worker.dialects.v21 import tokens
from worker.dialects.v201.tokens import id_token


def _swap(arguments: Arguments) -> Payload:
    kind = str(arguments.get("token_kind") or "id_tag")
    token = id_token(str(arguments["token"]), kind, tokens.KINDS, tokens.LONGEST)
    return {"requestId": arguments["number"], "idToken": token}


ORDERS: dict[Order, Encoding] = {
    Order.REQUEST_BATTERY_SWAP: Encoding("RequestBatterySwap", _swap),
}
