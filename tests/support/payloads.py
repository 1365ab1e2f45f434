"""Payloads made from the schemas: valid ones, and ones that are spoilt in every which way.

All of it hangs on the given `random.Random`: the same seed makes the same frames.
"""

import copy
import json
from random import Random
from typing import Any

from worker.ocpp import schemas
from worker.ocpp.versions import Version

#: What no field expects.  Strings of all kinds come first: most fields are text.
JUNK: tuple[Any, ...] = (
    "",
    " ",
    "x" * 300,
    "x" * 3000,
    "null",
    "NaN",
    "-1",
    "1e999",
    "\x00",
    "\ud7ff\U0010ffff",
    "<svg/onload=alert(1)>",
    "'; DROP TABLE stations; --",
    "%s%n{0}{{7*7}}",
    "222222017-00-99T99:99:99Z",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "2026-03-02T09:00:00+99:00",
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53,
    -(2**63),
    2**63 - 1,
    10**18,
    0.1,
    -0.0,
    1e308,
    -1e308,
    5e-324,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"customData": {"vendorId": "v"}},
)


def actions(version: Version) -> list[str]:
    """The names of all calls that a version has, in either direction."""
    return sorted(action for action, kind in schemas._file_names(version) if kind == "call")


def valid(version: Version, action: str, kind: schemas.Kind, random: Random) -> dict[str, Any]:
    """A payload that the schema allows, with some of the optional members."""
    schema = schemas._read(version, schemas._file_names(version)[action, kind])
    return dict(_value(schema, schema, random, 0))


def _value(node: dict[str, Any], root: dict[str, Any], random: Random, depth: int) -> Any:
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    if "enum" in node:
        return random.choice(node["enum"])
    kind = node.get("type", "object")
    if kind == "object":
        return _object(node, root, random, depth)
    if kind == "array":
        least = node.get("minItems", 0)
        most = min(node.get("maxItems", 3), 3)
        count = random.randint(least, max(least, most)) if depth < 6 else least
        return [_value(node["items"], root, random, depth + 1) for _ in range(count)]
    if kind == "string":
        return _text(node, random)
    if kind == "boolean":
        return random.random() < 0.5
    low = max(node.get("minimum", 0), -1000)
    high = min(node.get("maximum", 1000), 1_000_000)
    if kind == "integer":
        return random.randint(int(low), int(high))
    return round(random.uniform(low, high), 1)


def _object(node: dict[str, Any], root: dict[str, Any], random: Random, depth: int) -> Any:
    required = node.get("required", [])
    share = 0.6 if depth < 3 else 0.2
    return {
        name: _value(child, root, random, depth + 1)
        for name, child in node.get("properties", {}).items()
        if name in required or (name != "customData" and random.random() < share)
    }


def _text(node: dict[str, Any], random: Random) -> str:
    match node.get("format"):
        case "date-time":
            return f"2026-03-{random.randint(1, 28):02}T{random.randint(0, 23):02}:00:00Z"
        case "uri":
            return "https://example.org/log"
    words = ["1", "CP-1", "Energy", "04A2B3C4", "abcdef0123456789" * 4, "Grüße", "7200"]
    return random.choice(words)[: node.get("maxLength", 50)]


def spoilt(payload: Any, random: Random) -> Any:
    """The payload with one to four members taken away, doubled, swapped for junk or added."""
    payload = copy.deepcopy(payload)
    for _ in range(random.randint(1, 4)):
        places = list(_places(payload))
        if not places or random.random() < 0.03:
            payload = copy.deepcopy(random.choice(JUNK))
            continue
        holder, key = random.choice(places)
        deed = random.randrange(6)
        if deed == 0:
            del holder[key]
        elif deed == 1:
            holder[key] = [copy.deepcopy(holder[key]) for _ in range(random.choice((1, 2, 50)))]
        elif deed == 2 and isinstance(holder, dict):
            holder[random.choice(("colour", str(key).upper(), "", "__proto__"))] = holder[key]
        elif deed == 3 and isinstance(holder[key], str):
            holder[key] = random.choice((str.swapcase, str.strip, lambda text: text * 9))(
                holder[key]
            )
        elif deed == 4 and isinstance(holder[key], int | float):
            holder[key] = random.choice((str(holder[key]), -holder[key], holder[key] * 10**9))
        else:
            holder[key] = copy.deepcopy(random.choice(JUNK))
    return payload


def _places(value: Any) -> Any:
    """Every (container, key) within a value."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from _places(value[key])


def broken(text: str, random: Random) -> str:
    """The text of a frame cut, doubled, or with a few characters changed."""
    deed = random.randrange(5)
    at = random.randrange(len(text) + 1)
    if deed == 0:
        return text[:at]
    if deed == 1:
        return text[:at] + random.choice('[]{}",:\\0-eE.n\x00\ufeff \n') + text[at:]
    if deed == 2:
        return text[:at] + text[at + random.randint(1, 5) :]
    if deed == 3:
        return text + random.choice((text, "]", "\x00", "\n", " ,"))
    return text.replace('"', random.choice(("'", "", '""')), random.randint(1, 3))


def frame(version: Version, action: str, message_id: Any, random: Random) -> str:
    """One frame on this action: mostly a call, mostly spoilt, seldom no JSON any more."""
    payload: Any = valid(version, action, "call", random)
    if random.random() < 0.85:
        payload = spoilt(payload, random)
    elements = [2, message_id, action, payload]
    if random.random() < 0.08:
        elements[0] = random.choice((0, 3, 4, 5, 6, 9, -2, True, "2", None, 2.5))
    if random.random() < 0.03:
        elements = spoilt(elements, random)
    text = json.dumps(elements, ensure_ascii=random.random() < 0.5)
    return broken(text, random) if random.random() < 0.08 else text
