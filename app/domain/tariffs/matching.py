"""Whether a restriction holds, and which component of a kind gives the price."""

from datetime import datetime
from decimal import Decimal

from app.domain.tariffs.tariff import Kind, Restriction, Tariff


def hour_holds(when: Restriction, minute: int) -> bool:
    """Whether a minute of the day (0..1439) lies in the restriction's window."""
    start, until = when.from_minute, when.until_minute
    if start is None or until is None:
        return True
    if start < until:
        return start <= minute < until
    return minute >= start or minute < until


def holds(when: Restriction, local: datetime, energy_wh: Decimal, elapsed_us: int) -> bool:
    """Whether a restriction holds at a wall-clock time, energy and duration of the session."""
    day = local.date()
    if when.weekdays and day.weekday() not in when.weekdays:
        return False
    if (when.date_from and day < when.date_from) or (when.date_to and day > when.date_to):
        return False
    if not hour_holds(when, local.hour * 60 + local.minute):
        return False
    low, high = when.energy_from_kwh, when.energy_to_kwh
    if (low is not None and energy_wh < low * 1000) or (
        high is not None and energy_wh >= high * 1000
    ):
        return False
    first, last = when.duration_from_min, when.duration_to_min
    minute_us = 60_000_000
    return (first is None or elapsed_us >= first * minute_us) and (
        last is None or elapsed_us < last * minute_us
    )


def first_match(
    tariff: Tariff, kind: Kind, local: datetime, energy_wh: Decimal, elapsed_us: int
) -> int | None:
    """The index of the component of `kind` that counts, None if that kind costs nothing now."""
    for index, component in enumerate(tariff.components):
        if component.kind is kind and holds(component.when, local, energy_wh, elapsed_us):
            return index
    return None
