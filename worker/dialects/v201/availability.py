"""Statuses of connectors (OCPP 2.0.1 block G01)."""

from app.domain.charging import reports
from app.domain.charging.reports import StatusTold
from app.domain.ground.vocabulary import ConnectorRef, StatusReport
from worker.dialects.context import MOST_CONNECTORS, Context, Fact, nothing
from worker.dialects.v201 import words
from worker.ocpp.fields import Fields


def _told(call: Fields, ctx: Context) -> StatusTold:
    """Read a connector's status; what goes on there is told by its transaction."""
    place = ConnectorRef(number(call, ctx, "evseId", 0), number(call, ctx, "connectorId", 1))
    availability = words.match(call.text("connectorStatus"), words.STATUSES)
    if availability is None:
        ctx.deviate("illegal_status", call.raw("connectorStatus"))
        return StatusTold(ctx.station, None, ctx.now)
    at, _ = ctx.instant(call, "timestamp", live=True)
    word = str(call.text("connectorStatus"))[:40]
    return StatusTold(ctx.station, StatusReport(place, availability, None, word, at), ctx.now)


def number(call: Fields, ctx: Context, name: str, default: int) -> int:
    """The number of an EVSE or a connector; one that no station has counts as the default."""
    found = call.integer(name, default)
    if 0 <= found <= MOST_CONNECTORS:
        return found
    ctx.deviate("absurd_connector", found)
    return default


status_notification = Fact(_told, reports.status_all, nothing)
