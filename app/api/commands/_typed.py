"""What a typed order looks like in the document: one schema for each, read off its record."""

from collections.abc import Collection
from decimal import Decimal

from app.domain.commands.orders import SPECS, Spec
from app.domain.commands.orders.catalogue import FOR_MANY
from app.domain.ground.vocabulary import Json, Order
from app.schemas import commands as schemas
from app.schemas import glossary
from app.schemas.base import Schema, json_schema
from app.schemas.typed import Argument, Shape
from app.schemas.typed import words as called

#: Members of a body that say what is asked.
_TYPED, _RAW = ("order", "arguments"), ("action", "payload", "check")

#: kind of a value -> how JSON Schema calls it.
_KINDS: dict[str, Json] = {
    "text": {"type": "string"},
    "choice": {"type": "string"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "switch": {"type": "boolean"},
    "instant": {"type": "string", "format": "date-time"},
    "list": {"type": "array"},
    "object": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object"}},
    "json": {},
}


def of_one() -> Json:
    """The schemas of an order to one station, by name; `NewOrder` is any of them."""
    return _forms(schemas.NewOrder, "Order", SPECS)


def of_many() -> Json:
    """The schemas of an order to many stations; `NewBroadcast` is any of them."""
    return _forms(schemas.NewBroadcast, "Broadcast", FOR_MANY)


def _forms(of: type[Schema], noun: str, orders: Collection[Order]) -> Json:
    """`of` as one of many schemas: it takes the same, but says which arguments go with an order."""
    written = dict(json_schema(of))
    members = dict(written.pop("properties"))
    written.pop("type")
    raw = {name: members.pop(name) for name in _RAW}
    del members["order"], members["arguments"]
    found, mapping = dict[str, Json](), dict[str, str]()
    for order in orders:
        name, spec = _name(order), SPECS[order]
        found[f"{name}Arguments"] = taken = _arguments(spec)
        found[f"{name}{noun}"] = _form(spec, f"{name}Arguments", taken["required"], members)
        mapping[order.value] = f"#/components/schemas/{name}{noun}"
    found[f"Typed{noun}"] = {
        "description": "A typed order; `order` says which, and so what its arguments are.",
        "oneOf": [{"$ref": address} for address in mapping.values()],
        "discriminator": {"propertyName": "order", "mapping": mapping},
    }
    found[f"Written{noun}"] = {
        "type": "object",
        "description": "A raw order, which is sent with exactly the members given.",
        "properties": {**raw, **members},
        "required": ["action"],
        "additionalProperties": False,
    }
    parts = [{"$ref": f"#/components/schemas/{kind}{noun}"} for kind in ("Typed", "Written")]
    found[of.__name__] = {**_without(written, "additionalProperties"), "oneOf": parts}
    return found


def _without(schema: Json, name: str) -> Json:
    return {key: part for key, part in schema.items() if key != name}


def _name(order: Order) -> str:
    return "".join(part.title() for part in order.value.split("_"))


def _form(spec: Spec, arguments: str, needed: Collection[str], members: Json) -> Json:
    taken = {"$ref": f"#/components/schemas/{arguments}", "description": "What it takes, by name."}
    word = {"type": "string", "enum": [spec.order.value], "description": "The order’s name."}
    return {
        "type": "object",
        "description": f"The order: {spec.label}.",
        "properties": {"order": word, "arguments": taken, **members},
        "required": ["order", "arguments"] if needed else ["order"],
        "additionalProperties": False,
    }


def _arguments(spec: Spec) -> Json:
    members = {name: _member(name, argument) for name, argument in spec.arguments.items()}
    return {
        "type": "object",
        "description": f"What the order takes: {spec.label}.",
        "properties": members,
        "required": [name for name, argument in spec.arguments.items() if argument.required],
        "additionalProperties": False,
    }


def _member(name: str, argument: Argument) -> Json:
    words = argument.help or argument.label or glossary.words("Arguments", name)
    return {**_schema(argument.looks), "description": words or f"{called(name)}."}


def _schema(shape: Shape) -> Json:
    """What a value of some shape is in JSON."""
    bounds = {
        "minimum": shape.low,
        "maximum": shape.high,
        "maxLength": shape.limit if shape.kind == "text" else None,
        "maxItems": shape.most,
        "enum": list(shape.choices) or None,
    }
    return {
        **_KINDS[shape.kind],
        **{
            name: int(bound) if isinstance(bound, Decimal) else bound
            for name, bound in bounds.items()
            if bound is not None
        },
        **({"items": _schema(shape.item)} if shape.item else {}),
    }
