"""Statuses of connectors (OCPP 1.6 section 4.9)."""

from app.domain.charging import reports
from app.domain.charging.reports import StatusTold
from app.domain.ground.vocabulary import ConnectorRef, StatusReport
from worker.dialects.context import Context, Fact, nothing
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields


def _told(call: Fields, ctx: Context) -> StatusTold:
    """Read a connector's status; what connector 0 may not say changes nothing (FIELD S1)."""
    number = ctx.plug(call, 0)
    word = words.match(call.text("status"), words.STATUSES)
    if word is None or (number == 0 and word not in words.STATION_STATUSES):
        ctx.deviate("illegal_status", f"{number}: {call.raw('status')}")
        return StatusTold(ctx.station, None, ctx.now)
    availability, activity = words.STATUSES[word]
    at, _ = ctx.instant(call, "timestamp", live=True)
    error = call.text("errorCode")
    report = StatusReport(
        connector=ConnectorRef(number),
        availability=availability,
        activity=activity,
        word=word,
        at=at,
        error_code=None if error in (None, "NoError") else error[:60],
        vendor_error=_cut(call.text("vendorErrorCode")),
        info=_cut(call.text("info")),
    )
    return StatusTold(ctx.station, report, ctx.now)


def _cut(text: str | None) -> str | None:
    return None if text is None or text.casefold() == "null" else text[:120]


status_notification = Fact(_told, reports.status_all, nothing)
