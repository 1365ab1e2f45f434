"""Taps (OCPP 2.1 block C): as in 2.0.1, and an accepted one is told the driver's own tariff."""

from app.domain import station_tariffs
from app.domain.vocabulary import Verdict
from worker.dialects.context import Context, Outside, Payload
from worker.dialects.v21 import tariff
from worker.dialects.v201 import authorisation as v201
from worker.ocpp.fields import Fields


def _authorize(call: Fields, ctx: Context) -> Payload:
    """Decide about a tap; a price of the driver's own goes with the answer (I08.FR.01)."""
    answer, decision = v201.tapped(call, ctx)
    if decision.verdict is not Verdict.ACCEPTED:
        return answer
    own = station_tariffs.of_driver(ctx.db, ctx.station, decision.tag_id)
    if own is not None:
        # Without a validFrom: it holds for this driver from now on (I08.FR.09).
        answer["tariff"] = tariff.written(own["number"], own["name"], own["document"])
    return answer


authorize = Outside(v201.ask, _authorize)
