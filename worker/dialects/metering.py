"""Readings and statuses, as all versions tell them."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from app.domain.charging.energy import to_base_unit
from app.domain.charging.metering import Metered
from app.domain.ground.vocabulary import MeterReport, Sample
from worker.dialects.context import Context, Payload
from worker.dialects.records import Bulk, Fact, Long, Route
from worker.ocpp.fields import Fields, read_decimal

REGISTER = "Energy.Active.Import.Register"
#: A number with its unit: `5200 Wh`.
_WITH_UNIT = re.compile(
    r"\s*([+-]?[\d.,]{1,40}(?:[eE][+-]?\d{1,2})?)\s*([A-Za-z%]{1,10})\s*", re.ASCII
)
_ONE = Decimal(1)
_PLACE = ("phase", "location", "context")


def reports_of(
    call: Fields, name: str, ctx: Context, samples_of: Callable[[Fields, Context], Iterable[Sample]]
) -> Iterator[MeterReport]:
    """The readings in a list of MeterValue; one without samples is noted and left out (FIELD M4).

    `samples_of` reads the version's sampled values in base units.
    """
    values = list(call.list(name))
    ctx.weigh_clock(values)
    for value in values:
        samples = tuple(samples_of(value, ctx))
        if not samples:
            ctx.deviate("empty_meter_value")
            continue
        before = len(ctx.deviations)
        # An event's may stand for it.
        timed = value if value.raw("timestamp") not in (None, "") else call
        at, replaced = ctx.instant(timed, "timestamp")
        assumed = replaced or timed is call or len(ctx.deviations) > before
        claimed_at = at + ctx.shift if ctx.shift and not replaced else None
        yield MeterReport(at, samples, assumed, claimed_at)


def sampled(value: Fields) -> Iterator[Payload]:
    """The sampled values of a MeterValue, as they came."""
    raw = value.payload.get("sampledValue")
    for item in raw if isinstance(raw, list) else ():
        if isinstance(item, dict):
            yield item


def number_of(told: Any, unit: str, ctx: Context) -> tuple[Decimal | None, Any, str]:
    """A value, its words and its unit, which some stations write into the value (`5.2 kWh`).

    Where both name a unit they have to name the same; else the value is no number.
    """
    number = read_decimal(told)
    if number is not None:
        return number, told, unit
    match = _WITH_UNIT.fullmatch(told) if isinstance(told, str) else None
    number = read_decimal(match[1]) if match else None
    if match and number is not None and _is_same_unit(unit, match[2]):
        ctx.deviate("unit_in_value", told)
        return number, match[1], match[2]
    ctx.deviate("no_number", told)
    return None, told, unit


def _is_same_unit(told: str, beside: str) -> bool:
    return not told or to_base_unit(_ONE, told) == to_base_unit(_ONE, beside)


def sample_of(
    item: Payload, measurand: str, value: Decimal | None, unit: str, text: str, signed: bool = False
) -> Sample:
    """A sampled value in base form, with where and when in a session it was measured."""
    phase, location, context = map(item.get, _PLACE)
    return Sample(
        measurand,
        value,
        unit,
        str(phase) if phase else None,
        str(location) if location else None,
        str(context) if context else None,
        text,
        signed,
    )


def routes(values: Callable[[Fields, Context], Metered], status: Fact) -> dict[str, Route]:
    """The routes of what a version tells outside of its sessions."""
    return {
        "MeterValues": Route(
            Bulk(values, {}),
            Long("meterValue", samples="sampledValue"),
            money=True,
            spooled=True,
        ),
        "StatusNotification": Route(status, spooled=True),
    }
