"""Lists of meter readings, alike in every version but for their samples."""

from collections.abc import Callable, Iterable, Iterator

from app.domain.ground.vocabulary import MeterReport, Sample
from worker.dialects.context import Context
from worker.ocpp.fields import Fields


def reports_of(
    call: Fields,
    name: str,
    ctx: Context,
    samples_of: Callable[[Fields, Context], Iterable[Sample]],
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
        at, replaced = ctx.instant(value, "timestamp")
        assumed = replaced or len(ctx.deviations) > before
        claimed_at = at + ctx.shift if ctx.shift and not replaced else None
        yield MeterReport(at, samples, assumed, claimed_at)
