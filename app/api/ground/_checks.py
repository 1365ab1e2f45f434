"""Reading what a program sent: query and body against their tables, in plain sentences."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import orjson
from flask import request

from app.api.ground._shapes import Body, Kind, taken
from app.web.problems import Problem

_TRUE = {"1", "true", "yes"}
_FALSE = {"0", "false", "no"}
#: How deep a body may be; a deeper one only wants to exhaust somebody.
_DEEPEST = 64


def query(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Read the query parameters; raises `Problem` 422 for an unknown or unusable one."""
    unknown = sorted(set(request.args) - set(kinds))
    if unknown:
        names = ", ".join(unknown)[:200]
        known = ", ".join(kinds) or "none"
        raise Problem(
            422, f"Unknown parameter: {names}. Known here: {known}.", field=unknown[0][:80]
        )
    given = {}
    for name in request.args:
        values = request.args.getlist(name)
        if len(values) > 1:
            raise Problem(422, f"{name} was given more than once.", field=name)
        given[name] = _from_text(name, kinds[name], values[0])
    schema = {"type": "object", "properties": {name: kinds[name].schema for name in given}}
    refuse(_compiled(orjson.dumps(schema)), given)
    return taken(kinds, given)


def body(wanted: Body | None) -> tuple[dict[str, Any], bytes]:
    """Read the JSON body; returns it in values of the domain, and as it came.

    Raises `Problem`: 415 for another type, 400 for no JSON, 413, or 422 with the field.
    """
    raw = request.get_data(cache=False)
    if wanted is None:
        if raw.strip() not in (b"", b"{}"):
            raise Problem(422, "This request takes no body.")
        return {}, raw
    if not raw.strip() and not wanted.required:
        return {}, raw
    if request.mimetype != "application/json":
        raise Problem(415, "The body must be JSON: send Content-Type: application/json.")
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is no JSON: {error}.") from None
    _refuse_odd(given, 0)
    refuse(_compiled(orjson.dumps(wanted.schema)), given)
    return wanted.take(given), raw


@cache
def _compiled(schema: bytes) -> Any:
    return jsonschema_rs.Draft202012Validator(orjson.loads(schema), validate_formats=True)


def refuse(validator: Any, given: Any) -> None:
    """Raise `Problem` 422 with the first thing that does not fit."""
    error = next(iter(validator.iter_errors(given)), None)
    if error is None:
        return
    path = [str(part) for part in error.instance_path]
    kind = error.kind
    if kind.name == "required":
        path.append(kind.property)
        raise Problem(422, f"{_dotted(path)} is missing.", field=_dotted(path))
    if kind.name == "additionalProperties":
        path.append(str(kind.unexpected[0]))
        raise Problem(422, f"{_dotted(path)} is not known here.", field=_dotted(path))
    name = _dotted(path) or "the body"
    raise Problem(422, f"{name[:1].upper()}{name[1:]} {_reason(kind)}.", field=_dotted(path))


def _dotted(path: list[str]) -> str:
    return ".".join(path)[:200]


def _reason(kind: Any) -> str:
    """What is wrong, without what was sent: that may be a secret."""
    match kind.name:
        case "type":
            return "must be of type " + " or ".join(sorted(str(word) for word in kind.types))
        case "enum":
            words = ", ".join(str(word) for word in kind.options if word is not None)
            return f"is one of: {words}"
        case "format":
            return "must look like 2026-03-02T09:00:00Z"
        case "maxLength" | "maxItems" | "minLength" | "minItems":
            return f"is too {'long' if kind.name.startswith('max') else 'short'} ({kind.limit})"
        case "maximum" | "minimum":
            return f"must be {'at most' if kind.name == 'maximum' else 'at least'} {kind.limit}"
    return "cannot be used"


def _refuse_odd(value: Any, depth: int) -> None:
    """Refuse what a database cannot keep: NUL in a text; and nesting without end."""
    if depth > _DEEPEST:
        raise Problem(422, "The body is nested too deeply.")
    if isinstance(value, str) and "\x00" in value:
        raise Problem(422, "A text holds the character NUL.")
    if isinstance(value, list):
        for item in value:
            _refuse_odd(item, depth + 1)
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_odd(name, depth)
            _refuse_odd(item, depth + 1)


def _from_text(name: str, kind: Kind, text: str) -> Any:
    """A parameter's text as the JSON value that its schema speaks of."""
    if "\x00" in text:
        raise Problem(422, f"{name} holds the character NUL.", field=name)
    of = kind.schema.get("type")
    if of == "integer":
        digits = text[1:] if text.startswith("-") else text
        if digits.isascii() and digits.isdigit() and len(digits) < 19:
            return int(text)
        raise Problem(422, f"{name} is a whole number.", field=name)
    if of == "boolean":
        if text.lower() not in _TRUE | _FALSE:
            raise Problem(422, f"{name} is true or false.", field=name)
        return text.lower() in _TRUE
    return text
