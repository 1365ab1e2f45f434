"""Remote start and stop (OCPP 1.6 sections 5.11 and 5.12)."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload
from worker.dialects.v16 import charging_profile


def _start(arguments: Arguments) -> Payload:
    payload: Payload = {}
    if arguments.get("connector"):
        payload["connectorId"] = arguments["connector"]
    payload["idTag"] = str(arguments["token"])[:20]
    if arguments.get("profile"):
        payload["chargingProfile"] = charging_profile.written(
            arguments["number"], arguments["profile"], None
        )
    return payload


def _stop(arguments: Arguments) -> Payload:
    return {"transactionId": int(arguments["transaction_ref"])}


ORDERS: dict[Order, Encoding] = {
    Order.START_CHARGING: Encoding("RemoteStartTransaction", _start),
    Order.STOP_CHARGING: Encoding("RemoteStopTransaction", _stop),
}
