"""Tokens, taps, local lists and reservations (OCPP 2.1): longer tokens and more kinds of them."""

from dataclasses import replace

from app.domain.ground.vocabulary import Order
from app.domain.money import station_tariffs
from app.domain.money.station_tariffs import PricedTap
from worker.dialects.context import Context, Payload
from worker.dialects.encoding import Encoding
from worker.dialects.route import Fact, Outside, Route
from worker.dialects.v21 import tariffs
from worker.dialects.v201 import access as v201

KINDS: dict[str, str] = {
    **v201.KINDS,
    "direct_payment": "DirectPayment",
    "evccid": "EVCCID",
    "vin": "VIN",
}
LONGEST = 255


# Taps (OCPP 2.1 block C): as in 2.0.1, and an accepted one is told the driver's own tariff.


def _answer(priced: PricedTap, ctx: Context) -> Payload:
    """Spell a decision; a price of the driver's own goes with it (I08.FR.01)."""
    answer = v201.answer(priced.decision, ctx)
    if priced.own is not None and answer["idTokenInfo"]["status"] == "Accepted":
        # Without a validFrom: it holds for this driver from now on (I08.FR.09).
        own = priced.own
        answer["tariff"] = tariffs.written(own["number"], own["name"], own["document"])
    return answer


authorize = Outside(v201.ask, Fact(v201.tap, station_tariffs.decide_all, _answer))


# Local authorisation lists (OCPP 2.1): as in 2.0.1 with longer tokens of more kinds.


# Reservations (OCPP 2.1): as in 2.0.1 with more kinds of tokens and plugs.

PLUG_TYPES: dict[str, str] = {
    **v201.PLUG_TYPES,
    "nacs": "cNACS",
    "gbt_dc": "cGBT-DC",
    "mcs": "cMCS",
}


ROUTES: dict[str, Route] = {
    "Authorize": replace(v201.ROUTES["Authorize"], handler=authorize),
}

ORDERS: dict[Order, Encoding] = {
    Order.SEND_LOCAL_LIST: v201.send_as(KINDS, LONGEST),
    Order.RESERVE: v201.reserve_as(KINDS, LONGEST, PLUG_TYPES),
}
