"""Other forms of the same charging profile, for stations that refuse the first (FIELD K1).

Each function takes the arguments of SET_PROFILE and returns other ones that
mean the same as nearly as may be, or None where there is nothing left to change.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

#: The voltage between a phase and neutral that conversions count with.
VOLTS = Decimal(230)
#: What a station charges with when a period does not say.
PHASES = 3

Arguments = dict[str, Any]
Change = Callable[[Mapping[str, Any]], Arguments | None]

_TENTH = Decimal("0.1")


def converted(rate: str, phases: int, unit: str) -> str:
    """A rate in the other unit: watts of all phases from amperes of one, or back.

    Amperes are cut and not rounded: a limit never grows by being converted.
    """
    volts = VOLTS * phases
    if unit == "W":
        return format((Decimal(rate) * volts).quantize(_TENTH, ROUND_HALF_UP), "f")
    return format((Decimal(rate) / volts).quantize(_TENTH, ROUND_DOWN), "f")


def in_unit(document: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """The same profile in amperes (A) or watts (W)."""
    changed = deepcopy(dict(document))
    if document["unit"] == unit:
        return changed
    changed["unit"] = unit
    for period in changed["periods"]:
        phases = period.get("phases", PHASES)
        if "limit" in period:
            period["limit"] = converted(period["limit"], phases, unit)
        for name in [each for each in period.get("more", {}) if each != "mode"]:
            period["more"][name] = converted(period["more"][name], phases, unit)
    if "min_rate" in changed:
        phases = changed["periods"][0].get("phases", PHASES)
        changed["min_rate"] = converted(changed["min_rate"], phases, unit)
    return changed


def other_unit(arguments: Mapping[str, Any]) -> Arguments | None:
    """Watts instead of amperes, or amperes instead of watts."""
    document = arguments.get("profile")
    if not document:
        return None
    unit = "W" if document["unit"] == "A" else "A"
    return {**arguments, "profile": in_unit(document, unit)}


def other_kind(arguments: Mapping[str, Any]) -> Arguments | None:
    """A session's profile that counts from its start, instead of from a moment; or the reverse.

    Some stations know one of the two only (FIELD K1: Wallbox).  What holds
    for a whole station, or repeats, has no other form.
    """
    document = arguments.get("profile")
    if not document or document["purpose"] not in ("default", "session"):
        return None
    if document["kind"] == "absolute":
        changed = {name: value for name, value in document.items() if name != "starts_at"}
        return {**arguments, "profile": {**changed, "kind": "relative"}}
    if document["kind"] == "relative" and arguments.get("begun_at"):
        starts_at = arguments["begun_at"]
        changed = {**document, "kind": "absolute", "starts_at": starts_at}
        return {**arguments, "profile": changed}
    return None


def lowest_stack_level(arguments: Mapping[str, Any]) -> Arguments | None:
    """Stack level 0, the only one that some stations know (FIELD K1: ABB, Grizzl-E)."""
    document = arguments.get("profile")
    if not document or document["stack_level"] == 0:
        return None
    return {**arguments, "profile": {**document, "stack_level": 0}}


def stepped(document: Mapping[str, Any], step_a: int) -> dict[str, Any]:
    """The same profile with limits that are whole steps of `step_a` amperes, cut downwards."""
    changed = deepcopy(dict(document))
    for period in changed["periods"]:
        if "limit" not in period:
            continue
        volts = Decimal(1) if document["unit"] == "A" else VOLTS * period.get("phases", PHASES)
        amperes = Decimal(period["limit"]) / volts
        whole_steps = (amperes // step_a) * step_a
        period["limit"] = format((whole_steps * volts).quantize(_TENTH, ROUND_DOWN), "f")
    return changed


def without_unit(arguments: Mapping[str, Any]) -> Arguments | None:
    """A composite schedule in whatever unit the station prefers."""
    if not arguments.get("unit"):
        return None
    return {name: value for name, value in arguments.items() if name != "unit"}


def begun(at: datetime) -> str:
    """A moment as the documents write it."""
    return at.isoformat()
