"""Taps (OCPP 2.1 block C): as in 2.0.1, and an accepted one is told the driver's own tariff."""

from app.domain.money import station_tariffs
from app.domain.money.station_tariffs import PricedTap
from worker.dialects.context import Context, Fact, Outside, Payload
from worker.dialects.v21 import tariff
from worker.dialects.v201 import authorisation as v201


def _told(priced: PricedTap, ctx: Context) -> Payload:
    """Spell a decision; a price of the driver's own goes with it (I08.FR.01)."""
    answer = v201.told(priced.decision, ctx)
    if priced.own is not None and answer["idTokenInfo"]["status"] == "Accepted":
        # Without a validFrom: it holds for this driver from now on (I08.FR.09).
        own = priced.own
        answer["tariff"] = tariff.written(own["number"], own["name"], own["document"])
    return answer


authorize = Outside(v201.ask, Fact(v201.tap, station_tariffs.decide_all, _told))
