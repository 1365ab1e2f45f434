"""From what a car needs to a charging schedule, with the reasons in words.  Pure.

The plan is simple on purpose, so that it can be explained: with a departure
time, the requested energy is spread evenly so that it is done with a sixth of
the time to spare; without one, the car gets what car and station can.  A car
never gets less than that with which it charges on each of its phases: it gets
that on one phase, where this can be said safely, or nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from app.domain.ground.vocabulary import Json
from app.domain.limits.profile_forms import VOLTS, converted

#: Below this current per phase no car charges (IEC 61851).
LEAST_A = Decimal(6)
#: The part of the time until departure within which the energy shall be in the car.
WITHIN = Decimal(5) / Decimal(6)
#: Departures nearer than this are not planned for: there is nothing to spread.
SOON_S = 600
_HOUR_S = Decimal(3600)
_TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a car said: energy in Wh, powers in W; `phases` 0 means direct current."""

    phases: int
    energy_wh: Decimal | None = None
    departure_at: datetime | None = None
    most_w: Decimal | None = None
    least_w: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A profile's document and two to five sentences that say why it is this one."""

    document: Json
    why: str


def planned(
    needs: Needs, limit_w: Decimal | None, unit: str, now: datetime, *, switches: bool = False
) -> Plan | None:
    """Make a plan; None where neither the car nor the EVSE says what power there is.

    `limit_w` is what the EVSE gives at most; `switches`: the station is known to switch phases.
    """
    known = [power for power in (needs.most_w, limit_w) if power is not None and power > 0]
    if not known:
        return None
    full_w = min(known)
    why = [_of_full_power(needs, limit_w, full_w)]
    least_w = _least_w(needs)
    if full_w < least_w and (limit_w is None or limit_w >= least_w):
        full_w = least_w  # the car asks for less than any takes: it takes what it takes
    elif full_w < least_w:
        needs, full_w, sentence = _on_one_phase(needs, full_w, switches or unit == "W")
        why.append(sentence)
    power_w = full_w
    if full_w:
        power_w, sentence = _chosen(needs, full_w, now)
        why.append(sentence)
    document = _document(needs, power_w, unit, now)
    return Plan(document, " ".join(why))


def _chosen(needs: Needs, full_w: Decimal, now: datetime) -> tuple[Decimal, str]:
    """The power that a car gets of what there is, and why."""
    if needs.energy_wh is None:
        return full_w, "It did not say how much energy it needs, so it gets full power."
    if needs.departure_at is None:
        return full_w, f"It needs {_kwh(needs.energy_wh)} and named no departure: full power."
    return _spread(needs, full_w, now)


def _of_full_power(needs: Needs, limit_w: Decimal | None, full_w: Decimal) -> str:
    car = f"The car takes up to {_kw(needs.most_w)}" if needs.most_w else "The car named no limit"
    here = f"the connector gives up to {_kw(limit_w)}" if limit_w else "the connector names none"
    return f"{car} and {here}: full power is {_kw(full_w)}."


def _least_w(needs: Needs) -> Decimal:
    """The least power with which a car charges on all of its phases; 0: none is known."""
    return max(needs.least_w or Decimal(0), LEAST_A * VOLTS * needs.phases)


def _on_one_phase(needs: Needs, full_w: Decimal, safe: bool) -> tuple[Needs, Decimal, str]:
    """Too little power for all phases, given on one of them; nothing where that cannot be.

    Only a limit in watts, or a station that switches phases, is `safe`: another takes the
    amperes for one phase on each of three.
    """
    count, least_w = max(needs.phases, 1), _least_w(needs)
    one = replace(
        needs,
        phases=min(needs.phases, 1),
        least_w=needs.least_w and needs.least_w / count,
        most_w=needs.most_w and needs.most_w / count,
    )
    little = f"The car charges with {_kw(least_w)} or more"
    if count > 1 and safe and full_w >= _least_w(one):
        power_w = max(_least_w(one), min(full_w, one.most_w or full_w))
        return one, power_w, f"{little} on {count} phases, so it gets {_kw(power_w)} on one."
    return needs, Decimal(0), f"{little}, so it gets nothing until there is more."


def _spread(needs: Needs, full_w: Decimal, now: datetime) -> tuple[Decimal, str]:
    """The power that brings the energy in good time; full power where that is not enough."""
    assert needs.energy_wh is not None
    assert needs.departure_at is not None
    left_s = Decimal(int((needs.departure_at - now).total_seconds()))
    wanted = _kwh(needs.energy_wh)
    if left_s < SOON_S:
        return full_w, f"It leaves within {SOON_S // 60} minutes and wants {wanted}: full power."
    even_w = needs.energy_wh * _HOUR_S / (left_s * WITHIN)
    least_w = _least_w(needs) or LEAST_A * VOLTS
    hours = (left_s / _HOUR_S).quantize(_TENTH)
    if even_w >= full_w:
        return full_w, f"It wants {wanted} within {hours} h, which needs full power all the time."
    power_w = min(full_w, max(even_w, least_w))
    reason = "evenly, with a sixth of the time to spare"
    if power_w > even_w:
        reason = "at the least power with which it charges"
    return power_w, f"It wants {wanted} within {hours} h: spread {reason}, at {_kw(power_w)}."


def _document(needs: Needs, power_w: Decimal, unit: str, now: datetime) -> Json:
    watts = format(power_w.quantize(_TENTH, ROUND_DOWN), "f")
    period: Json = {"start_s": 0}
    if needs.phases:
        period["phases"] = needs.phases
    period["limit"] = watts if unit == "W" else converted(watts, max(needs.phases, 1), "A")
    return {
        "purpose": "session",
        "kind": "absolute",
        "stack_level": 0,
        "unit": unit,
        "periods": [period],
        "starts_at": now.replace(microsecond=0).isoformat(),
    }


def _kw(power_w: Decimal | None) -> str:
    return f"{(Decimal(power_w or 0) / 1000).quantize(_TENTH)} kW"


def _kwh(energy_wh: Decimal) -> str:
    return f"{(energy_wh / 1000).quantize(_TENTH)} kWh"
