"""An example of every schema of the document, put together from those of its members."""

from typing import Any

from app.domain.ground.vocabulary import Json
from app.schemas import glossary

_MOMENT, _DAY = "2026-03-02T09:00:00Z", "2026-03-02"


def complete(schemas: Json) -> None:
    """Give an example to each schema that has none of its own."""
    for name, schema in schemas.items():
        if "examples" not in schema:
            schema["examples"] = [_of(schemas, name)]


def _of(schemas: Json, name: str) -> Any:
    schema = schemas[name]
    if "examples" in schema:
        return schema["examples"][0]
    if branches := schema.get("oneOf") or schema.get("anyOf"):
        return value(schemas, name, "", branches[0])
    members = schema.get("properties", {})
    return {member: value(schemas, name, member, of) for member, of in members.items()}


def value(schemas: Json, owner: str, member: str, of: Json) -> Any:
    """An example of a member: its own, or the glossary's, or what its type tells."""
    if "examples" in of:
        return of["examples"][0]
    if "const" in of:
        return of["const"]
    if "enum" in of:
        return of["enum"][0]
    if "$ref" in of:
        return _of(schemas, of["$ref"].rpartition("/")[2])
    if "anyOf" in of:
        return value(schemas, owner, member, of["anyOf"][0])
    kinds = of.get("type", "any")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    known = glossary.example(owner, member)
    match kind:
        case "boolean":
            return True
        case "integer" | "number":
            least, most = of.get("minimum", 1), of.get("maximum", 1)
            return min(max(1, least), max(most, least)) if "maximum" in of else max(1, least)
        case "array" if not isinstance(known, list):
            return [value(schemas, owner, member, of["items"])] if of.get("items") else []
        case "string" if of.get("format") == "date-time":
            return _MOMENT
        case "string" if of.get("format") == "date":
            return _DAY
        case "string" if not isinstance(known, str):
            return "text"[: of.get("maxLength", 4)]
        case "object" if not isinstance(known, dict):
            return {}
    return known
