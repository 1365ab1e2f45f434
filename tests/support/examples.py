"""Examples of every message, made from its schema: the least, the most, and what breaks it.

They are the same at every run.  `least` holds the required members only, `most`
every member with texts as long as may be.  `breaches` are copies of an example
with one thing wrong each.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from worker.ocpp import schemas
from worker.ocpp.versions import Version

TIME = "2026-03-02T09:00:00Z"
#: Lists are made so long at most, and texts.
ITEMS, TEXT = 2, 20_000
#: A type that holds itself is gone into so deep.
DEEPEST = 8

#: Members that mean something to the business, by name, where the schema allows it.
_SENSE: dict[str, Any] = {
    "idTag": "04A2B3C4",
    "connectorId": 1,
    "evseId": 1,
    "meterStart": 1200,
    "meterStop": 1300,
    "transactionId": 1,
    "value": "1250",
    "ocspResponse": "MAoKAQA=",
}


@dataclass(frozen=True)
class Breach:
    """An example with one thing wrong: what, where, and in which payload."""

    kind: str
    path: str
    payload: Any


def actions(version: Version) -> list[str]:
    """Every message that the version's schemas define."""
    return sorted({action for action, kind in schemas._file_names(version) if kind == "call"})


def least(version: Version, action: str, kind: str = "call") -> Any:
    """The required members only."""
    schema = _schema(version, action, kind)
    return _made(schema, schema, full=False)


def most(version: Version, action: str, kind: str = "call") -> Any:
    """Every member there is."""
    schema = _schema(version, action, kind)
    return _made(schema, schema, full=True)


def breaches(version: Version, action: str, kind: str = "call") -> Iterator[Breach]:
    """Everything that can be wrong with the fullest example, one thing at a time."""
    schema = _schema(version, action, kind)
    example = _made(schema, schema, full=True)
    yield Breach("extra", "", {**example, "noSuchMember": 1})
    yield from _wrong(schema, schema, example, example, ())


def _wrong(
    schema: Any, node: Any, example: Any, value: Any, path: tuple[Any, ...]
) -> Iterator[Breach]:
    node = _resolved(schema, node)
    for kind, wrong in _wrong_here(node, value, path):
        yield Breach(kind, _name(path), _with(example, path, wrong))
    if isinstance(value, dict):
        for name, child in node.get("properties", {}).items():
            if name not in value:
                continue
            if name in node.get("required", ()):
                yield Breach("missing", _name((*path, name)), _without(example, (*path, name)))
            yield from _wrong(schema, child, example, value[name], (*path, name))
    if isinstance(value, list) and value:
        yield from _wrong(schema, node["items"], example, value[0], (*path, 0))


def _wrong_here(node: Any, value: Any, path: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    kind = node.get("type")
    if kind is not None and value is not None and path:
        yield "wrong type", {"a": "b"} if kind in ("integer", "number", "boolean") else 17
    if "enum" in node:
        yield "unknown word", "NoSuchWord"
    elif kind == "string" and "maxLength" in node:
        yield "too long", "x" * (node["maxLength"] + 1)
    if node.get("format") == "date-time":
        yield "no time", "yesterday"
    if node.get("format") == "uri":
        yield "no address", "not an address"
    if kind == "array" and node.get("minItems"):
        yield "too few", []
    if kind == "array" and "maxItems" in node and value:
        yield "too many", [value[0]] * (node["maxItems"] + 1)
    if "minimum" in node:
        yield "too small", node["minimum"] - 1
    if "maximum" in node:
        yield "too great", node["maximum"] + 1


def _made(schema: Any, node: Any, *, full: bool, name: str = "", depth: int = 0) -> Any:
    node = _resolved(schema, node)
    kind = node.get("type")
    if "enum" in node:
        return node["enum"][-1 if full else 0]
    if kind == "object" or "properties" in node:
        wanted = node.get("properties", {}) if full and depth < DEEPEST else {}
        needed = {key: node["properties"][key] for key in node.get("required", ())}
        return {
            key: _made(schema, child, full=full, name=key, depth=depth + 1)
            for key, child in {**needed, **wanted}.items()
        }
    if kind == "array":
        count = max(node.get("minItems", 0), ITEMS if full else 1)
        item = _made(schema, node["items"], full=full, name=name, depth=depth + 1)
        return [copy.deepcopy(item) for _ in range(min(count, node.get("maxItems", count)))]
    return _plain(node, kind, name, full)


def _plain(node: Any, kind: str | None, name: str, full: bool) -> Any:
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        sense = _SENSE.get(name)
        wished = sense if isinstance(sense, int) else 1
        return min(max(wished, node.get("minimum", wished)), node.get("maximum", wished))
    if node.get("format") == "date-time":
        return TIME
    if node.get("format") == "uri":
        return "https://files.example.org/a"
    longest = min(node.get("maxLength", 60), TEXT)
    sense = _SENSE.get(name)
    if isinstance(sense, str) and len(sense) <= longest:
        return sense
    return ("x" * longest) if full else "x"


def _schema(version: Version, action: str, kind: str) -> Any:
    return schemas._read(version, schemas._file_names(version)[action, kind])  # type: ignore[index]


def _resolved(schema: Any, node: Any) -> Any:
    while "$ref" in node:
        node = schema["definitions"][node["$ref"].rpartition("/")[2]]
    return node


def _name(path: tuple[Any, ...]) -> str:
    return "/".join(map(str, path))


def _with(example: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    """The example with something else at a path; what does not lead there is the same."""
    if not path:
        return wrong
    changed = copy.copy(example)
    changed[path[0]] = _with(example[path[0]], path[1:], wrong)
    return changed


def _without(example: Any, path: tuple[Any, ...]) -> Any:
    """The example without a member; what does not lead there is the same."""
    changed = copy.copy(example)
    if len(path) == 1:
        del changed[path[0]]
    else:
        changed[path[0]] = _without(example[path[0]], path[1:])
    return changed
