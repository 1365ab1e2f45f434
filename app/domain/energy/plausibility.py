"""How much energy a plug can deliver in a given time."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

# For a plug whose power is not known: more than any passenger car takes.
DEFAULT_MAX_POWER_W = Decimal(500_000)

_MARGIN = Decimal("1.05")

# A register that counts in tenths of a kilowatt-hour moves in steps of this size.
RESOLUTION_WH = Decimal(100)

# A register whose every value is a multiple of this counts whole kilowatt-hours.
COARSE_WH = Decimal(1000)

# Readings carry the charger's clock, rounded and late; between two of them this is allowed for.
JITTER_S = Decimal(60)

_SECONDS_PER_HOUR = Decimal(3600)


def resolution_of(values: Iterable[Decimal]) -> Decimal:
    """The step in which a register counts, in Wh, judged by what it showed."""
    shown = {value for value in values if value}
    coarse = len(shown) > 1 and all(value % COARSE_WH == 0 for value in shown)
    return COARSE_WH if coarse else RESOLUTION_WH


def limit_wh(
    max_power_w: Decimal | None, duration_s: Decimal, resolution_wh: Decimal = RESOLUTION_WH
) -> Decimal:
    """The most a session of `duration_s` seconds can have taken, in Wh.

    Power times time with five percent of margin, and one step of the register.
    """
    power = max_power_w if max_power_w and max_power_w > 0 else DEFAULT_MAX_POWER_W
    return power * max(duration_s, Decimal(0)) / _SECONDS_PER_HOUR * _MARGIN + resolution_wh


def step_limit_wh(max_power_w: Decimal | None, from_at: datetime, to_at: datetime) -> Decimal:
    """The most that can have flowed between two readings, in Wh."""
    return limit_wh(max_power_w, seconds_between(from_at, to_at) + JITTER_S)


def seconds_between(from_at: datetime, to_at: datetime) -> Decimal:
    """Seconds from one instant to a later one, exact; 0 if it is not later."""
    span = to_at - from_at
    exact = Decimal(span.days * 86_400 + span.seconds) + Decimal(span.microseconds) / 1_000_000
    return max(exact, Decimal(0))
