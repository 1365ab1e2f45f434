"""Known deviations of payloads, mended by name.

Where a payload breaks its schema in a way that real chargers do and whose meaning is not in doubt,
it is put right; where the meaning is open but harmless (a word we do not know, a text too long,
an empty list) it is let pass for the dialect to judge.  Each is named, so that a station's record
shows how it deviates.  A station that is kept to the letter (`strict`) never comes here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from worker.ocpp import json_text, schemas
from worker.ocpp.fields import may_be_grouped, read_boolean, read_decimal, read_integer
from worker.ocpp.frames import Payload
from worker.ocpp.schemas import plain
from worker.ocpp.versions import Version

#: Breaches that are let pass, and under which name.
TOLERATED = {
    "enum": "unknown_word",
    "maxLength": "overlong_text",
    "minItems": "empty_list",
    "format": "odd_timestamp",
    "multipleOf": "too_precise",
}

#: Words of old schemas and firmwares that mean a word of today's.
_SYNONYMS = {"celcius": "celsius", "celsius": "celcius"}
_PASSES = 5
_MOST_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Mended:
    """A payload after its repairs.  `violation` is what could not be mended or let pass."""

    payload: Payload
    repairs: tuple[str, ...] = ()
    violation: schemas.Violation | None = None


def mend(version: Version, action: str, payload: Payload, kind: schemas.Kind = "call") -> Mended:
    """Mend the payload of a call or of its result; the given one is not changed.

    An action that the version does not have is a violation.
    """
    validator = schemas.validator_for(version, action, kind)
    if validator is None or validator.is_valid(payload):
        return Mended(payload, (), schemas.violation(version, action, kind, payload))
    payload = orjson.loads(orjson.dumps(payload))  # a sixth of what `deepcopy` takes
    used: dict[str, None] = {}
    errors: list[Any] = []
    for _ in range(_PASSES):
        errors = schemas.breaches(validator, version, payload)[:_MOST_ERRORS]
        if any(error.kind.name == "additionalProperties" for error in errors) and respelt(
            version, action, payload, kind
        ):
            used["member_spelling"] = None
            continue
        if kind == "result":  # what a station says beyond the schema is shown to who asked
            errors = [error for error in errors if error.kind.name != "additionalProperties"]
        names = [name for error in errors if (name := _repair(payload, error))]
        used.update(dict.fromkeys(names))
        if not names:
            break
    tolerated = [TOLERATED[error.kind.name] for error in errors if error.kind.name in TOLERATED]
    used.update(dict.fromkeys(tolerated))
    rest = [error for error in errors if error.kind.name not in TOLERATED]
    return Mended(payload, tuple(used), schemas.worst_of(rest) if rest else None)


def respelt(version: Version, action: str, payload: Payload, kind: schemas.Kind = "call") -> int:
    """Give all members their names, in place; how many had another."""
    return _respelt(payload, schemas.order_of(version, action, kind))


def _respelt(value: Any, members: schemas.Order | None) -> int:
    """Give members of other case (`ConnectorId`) their names, in place; how many had another.

    Of a member that is there in both nothing is lost.
    """
    if isinstance(value, list):
        return sum(_respelt(item, members) for item in value)
    if not isinstance(value, dict) or not members:
        return 0
    known = {plain(name): name for name in members}
    changed = 0
    for name in [name for name in value if name not in members]:
        meant = known.get(plain(name))
        if meant is not None:
            said = value.pop(name)
            value[meant] = json_text.both(value[meant], said) if meant in value else said
            changed += 1
    return changed + sum(_respelt(item, members.get(name)) for name, item in value.items())


def _repair(payload: Payload, error: Any) -> str | None:
    """Mend one breach in place; its name, or None when there is no way."""
    keyword = error.kind.name
    holder, key, value = _locate(payload, error.instance_path)
    if keyword == "additionalProperties" and isinstance(value, dict):
        for name in error.kind.unexpected:
            value.pop(name, None)
        return "unknown_member"
    if holder is None:
        return None
    if keyword == "enum":
        return _respell(holder, key, value, error.kind.options)
    if keyword == "type":
        if value is None and isinstance(holder, dict):
            holder.pop(key, None)
            return "null_member"
        for wanted in error.kind.types:
            for name, accept, convert in _CONVERSIONS.get(wanted, ()):
                if isinstance(value, accept) and (better := convert(value)) is not None:
                    holder[key] = better
                    return name
    return None


def _respell(holder: Any, key: Any, value: Any, options: list[Any]) -> str | None:
    if not isinstance(value, str):
        return None
    word = plain(value)
    for option in options:
        if word and plain(option) in (word, _SYNONYMS.get(word)):
            holder[key] = option
            return "word_spelling"
    return None


def _locate(payload: Payload, path: list[str | int]) -> tuple[Any, Any, Any]:
    """The container, the key in it and the value at `path`; no container at the root."""
    holder: Any = None
    key: Any = None
    value: Any = payload
    for step in path:
        holder, key = value, step
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None, None, None  # an earlier repair of this pass took it away
    return holder, key, value


def _number(value: Any) -> int | float | None:
    number = None if may_be_grouped(value) else read_decimal(value)
    if number is None:
        return None
    whole = read_integer(value)  # JSON is written with integers of 64 bits and no more
    return float(number) if whole is None else whole


_Conversion = tuple[str, tuple[type, ...], Callable[[Any], Any]]

_CONVERSIONS: dict[str, tuple[_Conversion, ...]] = {
    "string": (
        ("number_for_text", (bool, int, float), json_text.dump),
        ("object_for_text", (dict, list), json_text.dump),
    ),
    "integer": (
        ("text_for_number", (str,), read_integer),
        ("whole_fraction", (float,), read_integer),
    ),
    "number": (("text_for_number", (str,), _number),),
    "boolean": (("no_truth_value", (str, int), read_boolean),),
    "object": (("no_object", (list, str), json_text.object_in),),
    "array": (("object_for_list", (dict,), lambda value: [value]),),
}
