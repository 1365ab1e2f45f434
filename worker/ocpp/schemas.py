"""JSON Schemas of every message, compiled when first needed, and what a breach of them is called.

The schema files are those that the `ocpp` package ships (1.6 with its security extension, 2.0.1,
2.1); its code is never imported.  OCPP-J names faults by nature and not by schema keyword
(1.6J section 4.2.3, 2.0.1 part 4 section 4.3): `FAULTS` says which keyword is which.  A missing
field counts as a breach of its occurrence (cardinality 1..1), not as a ProtocolError.
"""

import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import orjson

from worker.ocpp.fields import read_instant
from worker.ocpp.frames import Payload
from worker.ocpp.versions import CallFault, Fault, Version

Kind = Literal["call", "result"]

FAULTS: dict[str, Fault] = {
    "additionalProperties": Fault.FORMAT,
    "type": Fault.TYPE,
    "required": Fault.OCCURRENCE,
    "minItems": Fault.OCCURRENCE,
    "maxItems": Fault.OCCURRENCE,
    "enum": Fault.PROPERTY,
    "const": Fault.PROPERTY,
    "format": Fault.PROPERTY,
    "maxLength": Fault.PROPERTY,
    "minLength": Fault.PROPERTY,
    "maximum": Fault.PROPERTY,
    "minimum": Fault.PROPERTY,
    "multipleOf": Fault.PROPERTY,
    "pattern": Fault.PROPERTY,
}

#: Of several breaches the one that says most about the sender's mistake is reported.
_WEIGHT = {"type": 0, "required": 1, "additionalProperties": 2}

_SENTENCES: dict[str, str] = {
    "additionalProperties": "{path} holds a field that the message does not have",
    "type": "{path} has the wrong type",
    "required": "{path} is missing",
    "minItems": "{path} has too few items",
    "maxItems": "{path} has too many items",
    "enum": "{path} is not one of the allowed values",
    "format": "{path} is not of the required form",
    "maxLength": "{path} is too long",
}


class Violation(CallFault):
    """A payload that its schema does not allow; `path` leads to the spot, `keyword` broke."""

    def __init__(self, fault: Fault, path: str, keyword: str) -> None:
        sentence = _SENTENCES.get(keyword, "{path} has a value that is not allowed")
        super().__init__(fault, sentence.format(path=path or "The payload"))
        self.path = path
        self.keyword = keyword


def violation(version: Version, action: str, kind: Kind, payload: object) -> Violation | None:
    """What is wrong with `payload`, or None when the schema allows it.

    An action that the version does not have is a `NOT_IMPLEMENTED` violation.
    """
    validator = validator_for(version, action, kind)
    if validator is None:
        return Violation(Fault.NOT_IMPLEMENTED, action, "action")
    if validator.is_valid(payload):
        return None
    found = breaches(validator, version, payload)
    return worst_of(found) if found else None


def breaches(validator: Any, version: Version, payload: Any) -> list[Any]:
    """The validator's errors, without timestamps that 1.6 allows.

    1.6 asks for ISO 8601 and only recommends an offset (1.6 section 3.15), which is laxer than
    what JSON Schema calls a date-time.
    """
    return [
        error
        for error in validator.iter_errors(payload)
        if not (
            version is Version.V16 and error.kind.name == "format" and _is_iso_8601(error.instance)
        )
    ]


def worst_of(errors: Iterable[Any]) -> Violation:
    """The one of a validator's errors that is reported."""
    worst = min(errors, key=lambda error: _WEIGHT.get(error.kind.name, 3))
    keyword = worst.kind.name
    path = "/".join(str(step) for step in worst.instance_path)
    if keyword == "required":
        path = f"{path}/{worst.kind.property}".lstrip("/")
    fault = Fault.FORMAT if not path and keyword == "type" else FAULTS.get(keyword, Fault.FORMAT)
    return Violation(fault, path, keyword)


def ordered(version: Version, action: str, kind: Kind, payload: Payload) -> Payload:
    """The payload with its members, nested ones too, in the order of the specification.

    That is the order of the schema.  Members that it does not name come last, as they stood; the
    given payload is not changed.  Small parsers rely on the order of the examples they were
    written for.
    """
    arranged: Payload = _arranged(payload, order_of(version, action, kind) if payload else None)
    return arranged


def lookalike(version: Version, action: str, payload: object) -> Version | None:
    """The other version whose message `action` this payload is to the letter, if there is one.

    For payloads that `version` does not allow: some firmwares speak one version on the other's
    subprotocol (FIELD C8).  An empty payload proves nothing.
    """
    if not payload:
        return None
    for other in Version:
        validator = None if other is version else validator_for(other, action, "call")
        if validator is not None and validator.is_valid(payload):
            return other
    return None


def plain(word: object) -> str:
    """A word or a name without regard to its case and to how its parts are joined."""
    return "".join(filter(str.isalnum, str(word))).casefold()


def action_meant(version: Version, action: str) -> str | None:
    """The action that a name means, however it is written; None for what is no action at all."""
    known = _actions(version)
    return known.get(action) or known.get(plain(action))


@cache
def _actions(version: Version) -> dict[str, str]:
    actions = [action for action, kind in _file_names(version) if kind == "call"]
    return {name: action for action in actions for name in (action, plain(action))}


@cache
def may_be_empty(version: Version, action: str) -> bool:
    """Whether an answer that says nothing is clean, or the message one that wants none at all."""
    return wants_no_answer(version, action) or violation(version, action, "result", {}) is None


def wants_no_answer(version: Version, action: str) -> bool:
    """Whether the message is one that is sent without an answer (2.1's SEND)."""
    files = _file_names(version)
    return (action, "call") in files and (action, "result") not in files


def _arranged(value: object, order: "Order | None") -> Any:
    if order is None:
        return value
    if isinstance(value, dict):
        known = {name: _arranged(value[name], order[name]) for name in order if name in value}
        return known if len(known) == len(value) else known | value
    if isinstance(value, list):
        return [_arranged(item, order) for item in value]
    return value


#: The members of an object in their order, each with the order of what it holds.
Order = dict[str, Any]


@cache
def order_of(version: Version, action: str, kind: Kind) -> Order | None:
    """The members of a message and of what it holds; None for a message that is not there."""
    name = _file_names(version).get((action, kind))
    return None if name is None else _order_in(_read(version, name))


def _order_in(schema: Payload) -> Order:
    shared: dict[str, Order] = {}

    def walk(node: Payload) -> Order | None:
        if "$ref" in node:
            title = node["$ref"].rpartition("/")[2]
            if title not in shared:
                shared[title] = {}  # a type may hold itself
                shared[title].update(walk(schema["definitions"][title]) or {})
            return shared[title] or None
        if "items" in node:
            return walk(node["items"])
        members = node.get("properties")
        return None if members is None else {key: walk(node) for key, node in members.items()}

    return walk(schema) or {}


def validator_for(version: Version, action: str, kind: Kind) -> Any:
    """The compiled validator of a message, or None when the version does not have it."""
    try:
        return _VALIDATORS[version, action, kind]
    except KeyError:
        name = _file_names(version).get((action, kind))
        if name is None:
            return None  # not kept: a stranger may think of any number of actions
        return _VALIDATORS.setdefault((version, action, kind), _compiled(version, name))


_VALIDATORS: dict[tuple[Version, str, Kind], Any] = {}


def _compiled(version: Version, name: str) -> Any:
    schema = _read(version, name)
    if version is not Version.V16:
        _bound_integers(schema)
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def _bound_integers(node: object) -> None:
    """Say in the schema what the text of 2.x says: an integer has 32 bits (part 2, section 2)."""
    if isinstance(node, dict):
        if node.get("type") == "integer":
            node.setdefault("minimum", -(1 << 31))
            node.setdefault("maximum", (1 << 31) - 1)
        for child in node.values():
            _bound_integers(child)
    elif isinstance(node, list):
        for child in node:
            _bound_integers(child)


def _read(version: Version, name: str) -> Any:
    return orjson.loads((_folder(version) / name).read_text(encoding="utf-8-sig"))


def _is_iso_8601(text: object) -> bool:
    return isinstance(text, str) and text[10:11] == "T" and read_instant(text) is not None


@cache
def _file_names(version: Version) -> dict[tuple[str, Kind], str]:
    """The file of every message: `X.json` or `XRequest.json`, and `XResponse.json`."""
    names: dict[tuple[str, Kind], str] = {}
    for path in _folder(version).glob("*.json"):
        if path.stem.endswith("Response"):
            names[path.stem.removesuffix("Response"), "result"] = path.name
        else:
            names[path.stem.removesuffix("Request"), "call"] = path.name
    return names


@cache
def _folder(version: Version) -> Path:
    spec = importlib.util.find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package `ocpp`, whose schema files are used, is not installed")
    return Path(spec.submodule_search_locations[0]) / f"v{version.value.replace('.', '')}/schemas"
