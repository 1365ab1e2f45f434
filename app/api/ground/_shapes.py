"""The shapes of JSON: one table per thing says both what it looks like and how it is read.

A `Kind` is the type of one member: its JSON Schema (2020-12), how a value of ours is
written and how a given one is read.  A `Shape` is an object of the answers, a `Body` one
of the requests; both appear in the OpenAPI document under their name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

from app.domain.ground.errors import Invalid

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a member; `take` turns checked JSON into a value of the domain."""

    schema: dict[str, Any]
    read: Read | None = None
    take: Read | None = None
    write: Read | None = None
    of_shape: "Shape | None" = None

    def of(self, read: Read) -> "Kind":
        """The same kind, read off a row in another way than by its name."""
        return replace(self, read=read)


def plain(value: Any) -> Any:
    """A value as JSON knows it: times in UTC with Z, exact numbers as numbers."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def _kind(
    words: dict[str, Any], doc: str, null: bool, read: Read | None, take: Read | None = None
) -> Kind:
    schema = dict(words)
    if null:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if doc:
        schema["description"] = doc
    return Kind(schema, read, take)


def integer(
    doc: str = "",
    *,
    null: bool = False,
    least: int | None = None,
    most: int | None = None,
    read: Read | None = None,
) -> Kind:
    """A whole number."""
    words: dict[str, Any] = {"type": "integer"}
    words |= {} if least is None else {"minimum": least}
    words |= {} if most is None else {"maximum": most}
    # JSON Schema takes 2.0 for a whole number, too.
    return _kind(words, doc, null, read, int)


def row_id(doc: str = "", *, null: bool = False, read: Read | None = None) -> Kind:
    """The number of a row."""
    return integer(doc, null=null, least=0, most=2**63 - 1, read=read)


def row_ids(doc: str = "") -> Kind:
    """Numbers of rows, each once."""
    item = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    words = {"type": "array", "items": item, "maxItems": 20_000}
    return _kind(words, doc, False, None, lambda given: frozenset(int(one) for one in given))


def number(doc: str = "", *, null: bool = False, read: Read | None = None) -> Kind:
    """Any number."""
    return _kind({"type": "number"}, doc, null, read)


def exact(doc: str = "", *, null: bool = False, read: Read | None = None) -> Kind:
    """A number that is taken in exactly as it was written."""
    return _kind({"type": "number"}, doc, null, read, lambda value: Decimal(str(value)))


def boolean(doc: str = "", *, null: bool = False, read: Read | None = None) -> Kind:
    """True or false."""
    return _kind({"type": "boolean"}, doc, null, read)


def text(
    doc: str = "",
    *,
    null: bool = False,
    most: int | None = None,
    least: int | None = None,
    read: Read | None = None,
) -> Kind:
    """A text."""
    words: dict[str, Any] = {"type": "string"}
    words |= {} if most is None else {"maxLength": most}
    words |= {} if least is None else {"minLength": least}
    return _kind(words, doc, null, read)


def instant(doc: str = "", *, null: bool = False, read: Read | None = None) -> Kind:
    """A moment with its offset, as RFC 3339 writes it."""
    words = {"type": "string", "format": "date-time"}
    return _kind(words, doc, null, read, _moment)


def _moment(given: str) -> datetime:
    try:
        return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{given[:40]} is no moment that can be kept.") from None


def word(
    words: type[StrEnum] | tuple[str, ...],
    doc: str = "",
    *,
    null: bool = False,
    read: Read | None = None,
) -> Kind:
    """One of some words; taken in as the enumeration's member."""
    values = [str(item.value) if isinstance(item, Enum) else item for item in words]
    take = words if isinstance(words, type) else None
    return _kind({"type": "string", "enum": values}, doc, null, read, take)


def free(doc: str = "", *, null: bool = False, read: Read | None = None) -> Kind:
    """An object whose members are not ours to say."""
    return _kind({"type": "object", "additionalProperties": True}, doc, null, read)


def anything(doc: str = "", *, read: Read | None = None) -> Kind:
    """Any JSON value."""
    return Kind({"description": doc} if doc else {}, read)


def listed(of: "Kind | Shape", doc: str = "", *, read: Read | None = None) -> Kind:
    """A list of one kind of thing."""
    inner = of.reference if isinstance(of, Shape) else of.schema
    words: dict[str, Any] = {"type": "array", "items": inner}
    if doc:
        words["description"] = doc
    if isinstance(of, Shape):
        return Kind(words, read, write=of.render_all, of_shape=of)
    return Kind(words, read)


def nested(shape: "Shape", *, null: bool = False, read: Read | None = None) -> Kind:
    """An object of another shape."""
    words = {"anyOf": [shape.reference, {"type": "null"}]} if null else shape.reference
    return Kind(
        words,
        read,
        write=lambda row: None if row is None else shape.render(row),
        of_shape=shape,
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of the answers: its name in the OpenAPI document and its members."""

    name: str
    doc: str
    members: dict[str, Kind]

    @property
    def reference(self) -> dict[str, Any]:
        """How a schema refers to this one."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema: every member is always there, and there are no others."""
        return {
            "type": "object",
            "description": self.doc,
            "properties": {name: kind.schema for name, kind in self.members.items()},
            "required": list(self.members),
            "additionalProperties": False,
        }

    def render(self, row: Any) -> dict[str, Any]:
        """Write a row (or a mapping) as JSON."""
        written = {}
        for name, kind in self.members.items():
            if kind.read is not None:
                value = kind.read(row)
            else:
                value = row[name] if isinstance(row, Mapping) else getattr(row, name)
            written[name] = kind.write(value) if kind.write is not None else plain(value)
        return written

    def render_all(self, rows: Any) -> list[dict[str, Any]]:
        """Write rows as a JSON list."""
        return [self.render(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Body:
    """An object of the requests; `required` members must be there, others may be left out."""

    name: str
    doc: str
    required: dict[str, Kind] = field(default_factory=dict)
    optional: dict[str, Kind] = field(default_factory=dict)
    example: dict[str, Any] | None = None

    @property
    def reference(self) -> dict[str, Any]:
        """How a schema refers to this one."""
        return {"$ref": f"#/components/schemas/{self.name}"}

    @property
    def kinds(self) -> dict[str, Kind]:
        """All members."""
        return {**self.required, **self.optional}

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema; members that nobody knows are refused."""
        schema = {
            "type": "object",
            "description": self.doc,
            "properties": {name: kind.schema for name, kind in self.kinds.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }
        return schema if self.example is None else {**schema, "examples": [self.example]}

    def take(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a checked body into values of the domain; what was left out stays out."""
        return taken(self.kinds, given)


def taken(kinds: Mapping[str, Kind], given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn checked JSON members into values of the domain."""
    found = {}
    for name, value in given.items():
        take = kinds[name].take
        found[name] = take(value) if take is not None and value is not None else value
    return found
