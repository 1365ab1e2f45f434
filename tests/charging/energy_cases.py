"""Sessions and readings for tests of the energy, counted in minutes from their start."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.domain.charging.energy import EnergyFacts, EnergyResult, Reading, measure

START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
W_22K = Decimal(22_000)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def registers(
    values: list[int], *, every: int = 1, first: int = 0, **rest: object
) -> list[Reading]:
    return [
        Reading(minute(first + every * i), Decimal(value), received=i, **rest)  # type: ignore[arg-type]
        for i, value in enumerate(values)
    ]


def session(
    start: int | None,
    stop: int | None,
    readings: list[Reading] | None = None,
    *,
    minutes: float | None = 60,
    max_power_w: Decimal | None = W_22K,
) -> EnergyResult:
    return measure(
        EnergyFacts(
            meter_start_wh=None if start is None else Decimal(start),
            started_at=START,
            meter_stop_wh=None if stop is None else Decimal(stop),
            ended_at=None if minutes is None else minute(minutes),
            max_power_w=max_power_w,
            readings=readings or [],
        )
    )
