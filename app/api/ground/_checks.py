"""Reading what a program sent: query and body by their schemas, and what no schema speaks of."""

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import Any, cast

import orjson
from flask import request

from app.domain.ground import texts
from app.domain.ground.vocabulary import Json
from app.extensions import the_settings
from app.schemas.base import Schema, json_schema
from app.web.problems import Problem

_WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
#: What the business calls otherwise than the API does, with the members that it may stand in.
_OTHERWISE = {
    "allowed_networks": ("security_profile",),
    "certificate": ("pem",),
    "energy_kwh": ("energy_wh",),
    "file": ("text",),
    "from": ("since", "from_day"),
    "tariff": ("tariff_version_id",),
    "to": ("until", "to_day"),
}
#: How deep a body may be; a deeper one only wants to exhaust somebody.
_DEEPEST = 64
_TOO_DEEP = "The body is nested too deeply."
#: What surrounds a file in a form.
_WRAPPING = 64 * 1024


def query(wanted: type[Schema]) -> Json:
    """Read the query parameters; refuses an unknown or unusable one with 422."""
    known = json_schema(wanted)["properties"]
    unknown = sorted(set(request.args) - set(known))
    if unknown:
        names, known_here = ", ".join(unknown)[:200], ", ".join(known) or "none"
        raise Problem(
            422, f"Unknown parameter: {names}. Known here: {known_here}.", field=unknown[0][:80]
        )
    given = {}
    for name in request.args:
        values = request.args.getlist(name)
        if len(values) > 1:
            raise Problem(422, f"{name} was given more than once.", field=name)
        given[name] = _from_text(name, known[name], values[0])
    return _read(wanted, given)


def _read(wanted: type[Schema], given: Any) -> Json:
    read = wanted.read(given).given()
    if "since" in read and "until" in read and read["until"] < read["since"]:
        raise Problem(422, "until is before since.", field="until")
    return read


def body(wanted: type[Schema] | None, file: str = "") -> tuple[Json, bytes]:
    """Read the JSON body, or a form with a `file`: in values of the domain, and as it came.

    Refuses with 415 another type, with 400 no JSON, and with 422 what does not fit.
    """
    if wanted is not None and file:
        return _form(wanted, file)
    raw = request.get_data(cache=False)
    if wanted is None:
        if raw.strip() not in (b"", b"{}"):
            raise Problem(422, "This request takes no body.")
        return {}, raw
    if not raw.strip() and not wanted.needs():
        return {}, raw
    if request.mimetype != "application/json":
        raise Problem(415, "The body must be JSON: send Content-Type: application/json.")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "The body must not be packed: send no Content-Encoding.")
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is no JSON: {error}.") from None
    try:
        _refuse_odd(json.loads(raw.decode(), object_pairs_hook=_pairs, parse_int=float))
    except RecursionError:
        raise Problem(422, _TOO_DEEP) from None
    return _read(wanted, given), raw


def _form(wanted: type[Schema], part: str) -> tuple[Json, bytes]:
    """Read a form with a file in it, as `body` reads JSON; the file is given as its part is called.

    Instead of the file its digest stands in what came.  Whoever may not send one is refused before.
    """
    request.max_content_length = the_settings().firmware_max_bytes + _WRAPPING
    if request.mimetype != "multipart/form-data":
        raise Problem(415, f"The body is a form (multipart/form-data) with the file as “{part}”.")
    sent = {name: request.form.getlist(name) for name in request.form}
    for name, values in sent.items():
        if len(values) > 1:
            raise Problem(422, f"{name} was given more than once.", field=name)
    given = {name: values[0] for name, values in sent.items()}
    _refuse_odd(given)
    read = wanted.read(given).given()
    file = request.files.get(part)
    if file is None or not file.filename:
        raise Problem(422, f"The part “{part}” is missing: it is the file.", field=part)
    digest = hashlib.file_digest(cast(Any, file.stream), "sha256").hexdigest()
    file.stream.seek(0)
    return {**read, part: file}, f"{sorted(given.items())} {file.filename} {digest}".encode()


class _Pairs(dict[str, Any]):
    """An object of JSON that remembers which of its members came twice: a reader keeps one."""

    twice: list[str]


def _pairs(pairs: list[tuple[str, Any]]) -> _Pairs:
    found = _Pairs(pairs)
    found.twice = texts.twice(pairs) if len(found) < len(pairs) else []
    return found


def _refuse_odd(value: object, *path: str) -> None:
    """Refuse what nobody can keep: NUL in a text, a member given twice, nesting without end."""
    field = ".".join(path)[:200]
    if len(path) > _DEEPEST:
        raise Problem(422, _TOO_DEEP)
    if isinstance(value, str) and "\x00" in value:
        raise Problem(422, f"{field or 'The body'} holds the character NUL.", field=field)
    if isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_odd(item, *path, str(number))
    if isinstance(value, dict):
        for name in getattr(value, "twice", ()):
            field = ".".join((*path, name))[:200]
            raise Problem(422, f"{field} was given more than once.", field=field)
        for name, item in value.items():
            if "\x00" in name:
                raise Problem(422, "A member’s name holds the character NUL.", field=field)
            _refuse_odd(item, *path, name)


def _from_text(name: str, schema: Json, text: str) -> Any:
    """A parameter's text as the JSON value that its schema speaks of."""
    of = schema.get("type")
    if "\x00" in text:
        raise Problem(422, f"{name} holds the character NUL.", field=name)
    if of == "integer":
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 19:
            return int(text)
        raise Problem(422, f"{name} must be a whole number.", field=name)
    if of == "boolean":
        if text.lower() not in _WORDS:
            raise Problem(422, f"{name} is true or false.", field=name)
        return _WORDS[text.lower()]
    if schema.get("format") == "date-time" and " " in text:
        sentence = "holds a space: write T between day and hour, and + as %2B in an address."
        raise Problem(422, f"{name} {sentence}", field=name)
    return text


def place(field: str | None, known: Collection[str], sent: Json) -> str | None:
    """Tell where in a request stands what the business calls `field`; None: nowhere.

    `known` are the members and parameters that may be sent.  What a document lacks is told with
    its path there.
    """
    if not field or field.partition(".")[0] in known:
        return field
    for found in _within(field, sent, ()):
        return found
    for name in (*_OTHERWISE.get(field, ()), f"{field}_id", f"{field.removesuffix('s')}_ids"):
        if name in known:
            return name
    documents = [name for name in sent if isinstance(sent[name], dict)]
    return f"{documents[0]}.{field}" if len(documents) == 1 else None


def _within(field: str, sent: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Find a member however deep, with its path."""
    if isinstance(sent, dict) and field.partition(".")[0] in sent:
        yield ".".join((*path, field))
    pairs = sent.items() if isinstance(sent, dict) else enumerate(sent)
    for name, inner in pairs:
        if isinstance(inner, dict | list):
            yield from _within(field, inner, (*path, str(name)))
