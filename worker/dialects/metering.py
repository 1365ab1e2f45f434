"""Readings and statuses, as all versions tell them."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from app.domain.charging.metering import Metered
from app.domain.ground.vocabulary import MeterReport, Sample
from worker.dialects.context import Context, Payload
from worker.dialects.records import Bulk, Fact, Long, Route
from worker.ocpp.fields import Fields

REGISTER = "Energy.Active.Import.Register"
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
