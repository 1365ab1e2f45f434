"""The document of a charging profile: read strictly, said in words, converted.

    {"purpose": "default", "kind": "daily", "stack_level": 1, "unit": "A",
     "periods": [{"start_s": 0, "limit": "16.0", "phases": 3},
                 {"start_s": 25200, "limit": "32.0", "phases": 3}],
     "duration_s": 86400, "min_rate": "6.0",
     "starts_at": "2026-03-02T00:00:00+00:00", "valid_from": null, "valid_to": null}

Limits are texts with one decimal: no version knows more, and some stations
refuse a second one (FIELD K2).  What only 2.1 knows (other phases, setpoints,
discharging) is kept under `more` of a period and passed on as it is.
"""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json

Document = Json

PURPOSES: dict[str, str] = {
    "station_max": "Limit of the whole station",
    "default": "Default for every session",
    "session": "One session",
    "external": "Limit from outside",
    "priority": "Priority charging",
    "generation": "Local generation",
}
KINDS: dict[str, str] = {
    "absolute": "From a moment on",
    "daily": "Every day",
    "weekly": "Every week",
    "relative": "From the start of charging",
    "dynamic": "Updated while it runs",
}
UNITS = ("A", "W")
#: Kinds that repeat, and after how many seconds.
EVERY_S: dict[str, int] = {"daily": 86_400, "weekly": 7 * 86_400}
#: What a period may tell besides its limit, in watts or amperes as the profile says.
MORE_NUMBERS = (
    "limit_l2",
    "limit_l3",
    "discharge_limit",
    "discharge_limit_l2",
    "discharge_limit_l3",
    "setpoint",
    "setpoint_l2",
    "setpoint_l3",
    "setpoint_reactive",
    "setpoint_reactive_l2",
    "setpoint_reactive_l3",
)
MODES = (
    "idle",
    "charging_only",
    "central_setpoint",
    "external_setpoint",
    "external_limits",
    "central_frequency",
    "local_frequency",
    "local_load_balancing",
)

MOST_PERIODS = 1024
HIGHEST_STACK_LEVEL = 1000
_HIGHEST = Decimal(10_000_000)
_LONGEST_S = 366 * 86_400
_TENTH = Decimal("0.1")

_MEMBERS = {
    *("purpose", "kind", "stack_level", "unit", "periods", "starts_at", "duration_s"),
    *("min_rate", "valid_from", "valid_to", "max_offline_s", "update_every_s"),
}


def read(given: Mapping[str, Any]) -> Document:
    """Check a document as someone wrote it; raises `Invalid` with the first thing wrong."""
    for name in given:
        if name not in _MEMBERS:
            raise Invalid(f"A charging profile has no {name}.", field=name)
    kind = _word(given, "kind", tuple(KINDS))
    document: Document = {
        "purpose": _word(given, "purpose", tuple(PURPOSES)),
        "kind": kind,
        "stack_level": whole(given, "stack_level", 0, HIGHEST_STACK_LEVEL, default=0),
        "unit": _word(given, "unit", UNITS),
        "periods": _periods(given.get("periods"), EVERY_S.get(kind, _LONGEST_S)),
    }
    for name, longest in (
        ("duration_s", _LONGEST_S),
        ("max_offline_s", _LONGEST_S),
        ("update_every_s", 86_400),
    ):
        if (number := whole(given, name, 1, longest)) is not None:
            document[name] = number
    if given.get("min_rate") not in (None, ""):
        document["min_rate"] = tenths("min_rate", given["min_rate"])
    for name in ("starts_at", "valid_from", "valid_to"):
        if given.get(name) not in (None, ""):
            document[name] = _moment(name, given[name])
    _check(document)
    return document


def _check(document: Document) -> None:
    purpose, kind = document["purpose"], document["kind"]
    if purpose == "station_max" and kind == "relative":
        raise Invalid("A limit of the whole station cannot count from a session.", field="kind")
    if document.get("starts_at") and kind == "relative":
        raise Invalid("A relative profile begins with its session.", field="starts_at")
    if kind == "dynamic" and len(document["periods"]) > 1:
        raise Invalid("A dynamic profile has one period: it is updated.", field="periods")
    if document.get("update_every_s") and kind != "dynamic":
        raise Invalid("Only a dynamic profile is updated.", field="update_every_s")
    begins, ends = document.get("valid_from"), document.get("valid_to")
    if begins and ends and ends <= begins:
        raise Invalid("It ends before it begins.", field="valid_to")


def _periods(given: object, within_s: int) -> list[Json]:
    if not isinstance(given, list | tuple) or not given:
        raise Invalid("A charging profile needs at least one period.", field="periods")
    if len(given) > MOST_PERIODS:
        raise Invalid(f"A profile has {MOST_PERIODS} periods at most.", field="periods")
    found = [_period(item) for item in given]
    if found[0]["start_s"] != 0:
        raise Invalid("The first period must start at 0 seconds.", field="periods")
    for before, after in itertools.pairwise(found):
        if after["start_s"] <= before["start_s"]:
            raise Invalid("Each period starts after the one before it.", field="periods")
    if found[-1]["start_s"] >= within_s:
        raise Invalid("A period starts after the schedule has ended.", field="periods")
    return found


def _period(given: object) -> Json:
    if not isinstance(given, Mapping):
        raise Invalid("A period has a start and a limit.", field="periods")
    period: Json = {"start_s": whole(given, "start_s", 0, _LONGEST_S, default=0)}
    more = _more(given.get("more") or {})
    # Only a period of a 2.1 station may go without a limit: a setpoint says all.
    if given.get("limit") not in (None, "") or not more:
        period["limit"] = tenths("limit", given.get("limit"))
    for name, highest in (("phases", 3), ("phase_to_use", 3)):
        if (number := whole(given, name, 1, highest)) is not None:
            period[name] = number
    if period.get("phase_to_use") and period.get("phases") != 1:
        raise Invalid(
            "The phase to use can be given only where one phase is used.", field="periods"
        )
    if more:
        period["more"] = more
    return period


def _more(given: Mapping[str, Any]) -> Json:
    if not isinstance(given, Mapping):
        raise Invalid("What else a period says must be a table of named values.", field="periods")
    found: Json = {}
    for name, value in given.items():
        if name == "mode":
            found[name] = _word({"mode": value}, "mode", MODES)
        elif name in MORE_NUMBERS:
            found[name] = tenths(name, value, lowest=-_HIGHEST)
        else:
            raise Invalid(f"A period has no {name}.", field="periods")
    return found


def tenths(name: str, value: object, *, lowest: Decimal = Decimal(0)) -> str:
    """A rate with one decimal, cut so that it never grows; raises `Invalid`."""
    word = name.replace("_", " ")
    try:
        number = Decimal(str(value).strip().replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise Invalid(f"The {word} must be a number.", field=name)
    if not lowest <= number <= _HIGHEST:
        raise Invalid(f"The {word} must be between {lowest} and {_HIGHEST}.", field=name)
    return format(number.quantize(_TENTH, ROUND_DOWN), "f")


def whole(
    given: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None
) -> int | None:
    """A whole number of a document, or the default where it is left out; raises `Invalid`."""
    value = given.get(name)
    if value is None or value == "":
        return default
    word = name.removesuffix("_s").replace("_", " ")
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Invalid(f"The {word} must be a whole number.", field=name)
    if not low <= int(text) <= high:
        raise Invalid(f"The {word} must be between {low} and {high}.", field=name)
    return int(text)


def _word(given: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = str(given.get(name) or "").strip()
    for word in words:
        if value.casefold() == word.casefold():
            return word
    raise Invalid(f"The {name} of a profile must be one of {', '.join(words)}.", field=name)


def _moment(name: str, value: object) -> str:
    word = name.replace("_", " ")
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise Invalid(f"{word.capitalize()} must be a time like 2026-01-31.", field=name) from None
    if not 2000 <= found.year <= 2100:
        raise Invalid(f"{word.capitalize()} must be between 2000 and 2100.", field=name)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return found.astimezone(UTC).isoformat()


def said(document: Mapping[str, Any]) -> str:
    """A document in a few words: for lists, commands and the audit."""
    unit, periods = document["unit"], document["periods"]
    limits = [Decimal(each["limit"]) for each in periods if "limit" in each]
    if not limits:
        rate = "setpoints" if periods else "a limit that was not reported"
    elif min(limits) == max(limits):
        rate = f"{limits[0]} {unit}"
    else:
        rate = f"{min(limits)} to {max(limits)} {unit}"
    return f"{PURPOSES[document['purpose']]}, {KINDS[document['kind']].lower()}, {rate}"
