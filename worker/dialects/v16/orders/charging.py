"""Remote start and stop (OCPP 1.6 sections 5.11 and 5.12)."""

from app.domain.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload


def _start(arguments: Arguments) -> Payload:
    payload: Payload = {}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    payload["idTag"] = str(arguments["token"])[:20]
    return payload


def _stop(arguments: Arguments) -> Payload:
    return {"transactionId": int(arguments["transaction_ref"])}


ORDERS: dict[Order, Encoding] = {
    Order.START_CHARGING: Encoding("RemoteStartTransaction", _start),
    Order.STOP_CHARGING: Encoding("RemoteStopTransaction", _stop),
}
