"""Meter values, read in one pass as they are the bulk, and statuses (OCPP 1.6 4.7 and 4.9)."""

from collections.abc import Iterator
from typing import Any

from app.domain.charging import statuses
from app.domain.charging.energy import to_base_unit
from app.domain.charging.metering import Metered
from app.domain.charging.statuses import StatusTold
from app.domain.ground.vocabulary import ConnectorRef, MeterReport, Sample, StatusReport
from worker.dialects import shared
from worker.dialects.context import Context
from worker.dialects.route import Bulk, Fact, Long, Route, nothing
from worker.dialects.v16 import words
from worker.ocpp.fields import Fields, read_decimal

_REGISTER = "Energy.Active.Import.Register"
_LARGEST = 2**31 - 1
_PLACE = ("phase", "location", "context")


def meter_values(call: Fields, ctx: Context) -> Metered:
    """Read a MeterValues; what holds no value is left out and answered all the same (FIELD M4)."""
    number = call.integer("transactionId")
    reference = str(number) if number is not None and 0 < number <= _LARGEST else None
    return Metered(
        ctx.station_id,
        ctx.plug(call, 0),
        reference,
        tuple(reports_of(call, "meterValue", ctx)),
    )


def reports_of(call: Fields, name: str, ctx: Context) -> Iterator[MeterReport]:
    """The readings in a list of MeterValue (section 7.33)."""
    return shared.reports_of(call, name, ctx, _samples)


def _samples(value: Fields, ctx: Context) -> Iterator[Sample]:
    """The sampled values, with the defaults of section 7.42 and units in base form."""
    raw = value.payload.get("sampledValue")
    for item in raw if isinstance(raw, list) else ():
        if isinstance(item, dict):
            yield _sample(item, ctx)


def _sample(item: dict[str, Any], ctx: Context) -> Sample:
    measurand = str(item.get("measurand") or _REGISTER)
    text = item.get("value")
    signed = item.get("format") == "SignedData"
    number = None if signed else read_decimal(text)
    unit = str(item.get("unit") or "")
    if number is not None:
        if ctx.quirks and measurand.startswith("Energy."):
            unit = str(ctx.quirks.get("energy_unit_override") or unit)
        number, unit = to_base_unit(number, unit, measurand)
        if measurand.startswith("Energy."):
            number = ctx.sane_wh(number)
    elif not signed:
        ctx.deviate("no_number", text)
    phase, location, context = map(item.get, _PLACE)
    return Sample(
        measurand,
        number,
        unit,
        str(phase) if phase else None,
        str(location) if location else None,
        str(context) if context else None,
        text if isinstance(text, str) else str(text),
        signed,
    )


# Statuses of connectors (OCPP 1.6 section 4.9).


def _status(call: Fields, ctx: Context) -> StatusTold:
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


status_notification = Fact(_status, statuses.status_all, nothing)


ROUTES: dict[str, Route] = {
    "MeterValues": Route(
        Bulk(meter_values, {}), Long("meterValue", samples="sampledValue"), money=True
    ),
    "StatusNotification": Route(status_notification),
}
