"""How much energy a plug can deliver in a given time, and what a rising register comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

#: What a kind of plug can deliver at most, in W.
PLUG_POWER_W: dict[str, Decimal] = {
    "schuko": Decimal(3_700),
    "type 1": Decimal(19_200),
    "type 2": Decimal(43_000),
    "gb/t ac": Decimal(43_000),
    "gb/t dc": Decimal(400_000),
    "ccs": Decimal(400_000),
    "chademo": Decimal(400_000),
    "nacs": Decimal(400_000),
    "mcs": Decimal(3_750_000),
}
#: For a plug of which nothing is known: more than any passenger car takes.
DEFAULT_MAX_POWER_W = Decimal(400_000)
#: What is believed of such a plug where no reading says how fast it went: alternating current.
UNSEEN_POWER_W = Decimal(25_000)
#: What a plug has measured may be exceeded by so much: power is sampled, not watched.
ABOVE_MEASURED = Decimal("1.5")
#: A measured power below this says more about that car than about the plug.
LEAST_MEASURED_W = Decimal(3_700)
#: And so does, for another session, what earlier cars took below this.
LEAST_OF_PAST_W = Decimal(15_000)

#: The mains may be a tenth above its nominal voltage.
_MARGIN = Decimal("1.1")

# A register that counts in tenths of a kilowatt-hour moves in steps of this size.
RESOLUTION_WH = Decimal(100)

# A register whose every value is a multiple of this counts whole kilowatt-hours.
COARSE_WH = Decimal(1000)

# Readings carry the charger's clock, rounded and late; between two of them this is allowed for.
JITTER_S = Decimal(60)

_SECONDS_PER_HOUR = Decimal(3600)
_MILLION = Decimal(1_000_000)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PlugLimit:
    """The greatest power to believe of a plug, in W.

    `known`: it rests on something (a stated power, a kind of plug, a
    measurement); otherwise it is the most that any car takes.
    """

    power_w: Decimal
    known: bool


def plug_limit(
    stated_w: Decimal | None, plug_type: str | None, measured_w: Decimal | None
) -> PlugLimit:
    """The limit of a plug: the power stated for it; else what its kind and its past allow."""
    if stated_w and stated_w > 0:
        return PlugLimit(stated_w, True)
    of_kind = PLUG_POWER_W.get((plug_type or "").strip().casefold())
    power = of_kind or DEFAULT_MAX_POWER_W
    if measured_w and measured_w > 0:
        power = min(power, max(measured_w, LEAST_MEASURED_W) * ABOVE_MEASURED)
    return PlugLimit(power, of_kind is not None or bool(measured_w and measured_w > 0))


def resolution_of(values: Iterable[Decimal]) -> Decimal:
    """The step in which a register counts, in Wh, judged by what it showed."""
    shown = {value for value in values if value}
    coarse = len(shown) > 1 and all(value % COARSE_WH == 0 for value in shown)
    return COARSE_WH if coarse else RESOLUTION_WH


def digits_of(values: Sequence[Decimal]) -> Decimal:
    """How fine the values are told: 1000, 100, 10 or 1 Wh."""
    for step in (COARSE_WH, RESOLUTION_WH, Decimal(10)):
        if values and all(value % step == 0 for value in values):
            return step
    return Decimal(1)


def limit_wh(
    max_power_w: Decimal | None, duration_s: Decimal, resolution_wh: Decimal = RESOLUTION_WH
) -> Decimal:
    """The most a session of `duration_s` seconds can have taken, in Wh.

    Power times time with a tenth of margin, and one step of the register.
    """
    power = max_power_w if max_power_w and max_power_w > 0 else DEFAULT_MAX_POWER_W
    return power * max(duration_s, _ZERO) / _SECONDS_PER_HOUR * _MARGIN + resolution_wh


def step_limit_wh(
    max_power_w: Decimal | None,
    from_at: datetime,
    to_at: datetime,
    resolution_wh: Decimal = RESOLUTION_WH,
) -> Decimal:
    """The most that can have flowed between two readings, in Wh."""
    return limit_wh(max_power_w, seconds_between(from_at, to_at) + JITTER_S, resolution_wh)


def seconds_between(from_at: datetime, to_at: datetime) -> Decimal:
    """Seconds from one instant to a later one, exact; 0 if it is not later."""
    span = to_at - from_at
    if span.days < 0:
        return _ZERO
    whole = span.days * 86_400 + span.seconds
    if not span.microseconds:
        return Decimal(whole)
    return Decimal(whole * 1_000_000 + span.microseconds) / _MILLION


def since_start(meter_start_wh: Decimal | None, last_register_wh: Decimal | None) -> Decimal:
    """The energy from a session's first to its latest register, in Wh, where nothing is odd.

    A register below the first one is taken to count from the session's start.
    """
    if last_register_wh is None:
        return _ZERO
    if meter_start_wh is None or last_register_wh < meter_start_wh:
        return max(last_register_wh, _ZERO) if meter_start_wh is not None else _ZERO
    return last_register_wh - meter_start_wh


def live_energy(
    so_far_wh: Decimal, from_wh: Decimal, from_at: datetime, to_wh: Decimal, to_at: datetime
) -> Decimal:
    """The energy of a running session after one more register; cheap enough for every reading.

    A step that no plug explains adds nothing: then the register before it was a
    placeholder, or it jumped.  After a fall the register is taken to count from
    zero, if that much can have flowed.
    """
    limit = step_limit_wh(DEFAULT_MAX_POWER_W, from_at, to_at)
    step = to_wh - from_wh
    if step < -RESOLUTION_WH:
        step = to_wh
    return so_far_wh + step if 0 <= step <= limit else so_far_wh
