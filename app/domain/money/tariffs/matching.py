"""Whether a restriction holds, and which component of a kind gives the price."""

from datetime import date, datetime
from decimal import Decimal

from app.domain.money.tariffs.tariff import Kind, Restriction, Tariff

MINUTE_US = 60_000_000


def hour_holds(when: Restriction, minute: int) -> bool:
    """Whether a minute of the day (0..1439) lies in the restriction's window."""
    start, until = when.from_minute, when.until_minute
    if start is None or until is None:
        return True
    if start < until:
        return start <= minute < until
    return minute >= start or minute < until


def day_holds(when: Restriction, day: date) -> bool:
    """Whether a day of the site's calendar is one of the restriction's."""
    if when.weekdays and day.weekday() not in when.weekdays:
        return False
    return not ((when.date_from and day < when.date_from) or (when.date_to and day > when.date_to))


def energy_holds(when: Restriction, energy_wh: Decimal) -> bool:
    """Whether a session's energy so far lies in the restriction's range."""
    low, high = when.energy_from_kwh, when.energy_to_kwh
    return (low is None or energy_wh >= low * 1000) and (high is None or energy_wh < high * 1000)


def duration_holds(when: Restriction, elapsed_us: int) -> bool:
    """Whether a session's duration so far lies in the restriction's range."""
    first, last = when.duration_from_min, when.duration_to_min
    return (first is None or elapsed_us >= first * MINUTE_US) and (
        last is None or elapsed_us < last * MINUTE_US
    )


def holds(when: Restriction, local: datetime, energy_wh: Decimal, elapsed_us: int) -> bool:
    """Whether a restriction holds at a wall-clock time, energy and duration of the session."""
    return (
        day_holds(when, local.date())
        and hour_holds(when, local.hour * 60 + local.minute)
        and energy_holds(when, energy_wh)
        and duration_holds(when, elapsed_us)
    )


def first_match(
    tariff: Tariff, kind: Kind, local: datetime, energy_wh: Decimal, elapsed_us: int
) -> int | None:
    """The index of the component of `kind` that counts, None if that kind costs nothing now."""
    for index, component in enumerate(tariff.components):
        if component.kind is kind and holds(component.when, local, energy_wh, elapsed_us):
            return index
    return None
