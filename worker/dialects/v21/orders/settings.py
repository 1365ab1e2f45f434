"""Settings and the device model (OCPP 2.1): as in 2.0.1 but for what stands here."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload, without_blanks
from worker.dialects.v201.orders import settings as v201

VERSIONS = {"1.6": "OCPP16", "2.0.1": "OCPP201", "2.1": "OCPP21"}


def _network(arguments: Arguments) -> Payload:
    """A network profile, which may bring the station's name and password along (2.1 B09)."""
    data = v201.network(arguments, VERSIONS, "2.1")
    more = {
        "identity": arguments.get("identity"),
        "basicAuthPassword": arguments.get("password"),
    }
    return {
        "configurationSlot": arguments["slot"],
        "connectionData": {**data, **without_blanks(more)},
    }


ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    Order.SET_NETWORK_PROFILE: Encoding(
        "SetNetworkProfile", _network, sentences={"Failed": "The charger could not store it."}
    ),
}
