"""Meter values (OCPP 2.0.1 block J and MeterValueType): read in one pass, they are the bulk."""

import json
from collections.abc import Iterator
from typing import Any

from app.domain.charging import statuses
from app.domain.charging.energy import to_base_unit
from app.domain.charging.energy.readings import base_unit_of
from app.domain.charging.metering import Metered
from app.domain.charging.statuses import StatusTold
from app.domain.ground.vocabulary import ConnectorRef, MeterReport, Sample, StatusReport
from worker.dialects import metering
from worker.dialects.context import Context, Payload
from worker.dialects.records import Fact, Route, nothing
from worker.dialects.v201 import words
from worker.ocpp.fields import Fields, read_integer

#: Powers of ten beyond this are no multipliers of a meter.
_STEEPEST = 12
_NO_SCALE: Payload = {}


def meter_values(call: Fields, ctx: Context) -> Metered:
    """Read a MeterValues: it is sent outside of transactions, and names none."""
    evse = ctx.plug(call, "evseId")
    # The main meter counts all EVSEs: it is never the register of one transaction.
    return Metered(
        ctx.station_id, evse, None, tuple(reports_of(call, "meterValue", ctx)), own=evse > 0
    )


def reports_of(call: Fields, name: str, ctx: Context) -> Iterator[MeterReport]:
    """The readings in a list of MeterValue."""
    return metering.reports_of(call, name, ctx, _samples)


def _samples(value: Fields, ctx: Context) -> Iterator[Sample]:
    """The sampled values in base units; a signed one beside its number, word for word."""
    for item in metering.sampled(value):
        yield (sample := _sample(item, ctx))
        if signed := item.get("signedMeterValue"):
            text = json.dumps(signed, ensure_ascii=False)
            yield metering.sample_of(item, sample.measurand, None, "", text, True)


def _sample(item: Payload, ctx: Context) -> Sample:
    measurand = str(item.get("measurand") or metering.REGISTER)
    scale = item.get("unitOfMeasure")
    scale = scale if isinstance(scale, dict) else _NO_SCALE
    unit = str(scale.get("unit") or (base_unit_of(measurand) if scale.get("multiplier") else ""))
    if ctx.quirks and measurand.startswith("Energy."):
        unit = str(ctx.quirks.get("energy_unit_override") or unit)
    value, told, unit = metering.number_of(item.get("value"), unit, ctx)
    if value is not None:
        based, unit = _based(value, unit, measurand, scale, ctx)
        if based is None:
            value, told = None, f"{told}*10^{scale['multiplier']}"
        elif measurand.startswith("Energy."):
            value, told = ctx.energy(value, based, told, unit, measurand)
        else:
            value = based
    return metering.sample_of(item, measurand, value, unit, str(told))


def _based(value: Any, unit: str, measurand: str, scale: Payload, ctx: Context) -> Any:
    """A value and its unit in base form: the power of ten, and the unit.

    No value where the power is none of a meter: how large it is is not known.
    """
    given = scale.get("multiplier")
    power = 0 if given is None else read_integer(given)
    if power is None or abs(power) > _STEEPEST:
        ctx.deviate("absurd_multiplier", given)
        return None, unit
    return to_base_unit(value, unit, measurand, power)


# Statuses of connectors (OCPP 2.0.1 block G01).


def _status(call: Fields, ctx: Context) -> StatusTold:
    """Read a connector's status; what goes on there is told by its transaction."""
    place = ConnectorRef(ctx.plug(call, "evseId"), ctx.plug(call, "connectorId", 1))
    availability = words.match(call.text("connectorStatus"), words.STATUSES)
    if availability is None:
        ctx.deviate("illegal_status", call.raw("connectorStatus"))
        return StatusTold(ctx.station, None, ctx.now)
    at, _ = ctx.instant(call, "timestamp", live=True)
    word = str(call.text("connectorStatus"))[:40]
    return StatusTold(ctx.station, StatusReport(place, availability, None, word, at), ctx.now)


status_notification = Fact(_status, statuses.status_all, nothing)


ROUTES: dict[str, Route] = metering.routes(meter_values, status_notification)
