"""What became of a reservation (OCPP 2.0.1 block H, use case H04)."""

from app.domain.access import reservations
from worker.dialects.context import Context, Payload
from worker.dialects.kept import keep
from worker.ocpp.fields import Fields

#: What a station tells of a reservation, by the domain's word; the last came with 2.1.
TOLD = {"Expired": "expired", "Removed": "removed", "NoTransaction": "no_transaction"}


def status_update(call: Fields, ctx: Context) -> Payload:
    """Pass on how a reservation ended; the report itself is kept, whether it is ours or not."""
    keep(call, ctx, "reservation", "reservationUpdateStatus")
    word = TOLD.get(call.text("reservationUpdateStatus", ""), "")
    reservations.told(ctx.db, ctx.station, call.integer("reservationId"), word, now=ctx.now)
    return {}
