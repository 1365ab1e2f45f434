"""Shapes read off the tables: what a column holds says what its member looks like."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Enum, Float, Integer, inspect

from app.api.ground import _shapes as s
from app.api.ground._shapes import Kind, Shape
from app.models.base import Exact, Instant, WattHours

#: Columns that are never told.
NEVER = frozenset(
    {"tenant_id", "password_hash", "next_password_hash", "password_proof", "key_hash", "key_file"}
)


def shape(
    name: str,
    doc: str,
    model: Any,
    *,
    without: tuple[str, ...] = (),
    renamed: dict[str, str] | None = None,
    **more: Kind,
) -> Shape:
    """Make a shape of a model's columns in their order, `more` members instead or beside."""
    renamed = renamed or {}
    members: dict[str, Kind] = {}
    for column in sorted(inspect(model).columns, key=lambda column: column.name != "id"):
        if column.name in NEVER or column.name in without:
            continue
        kind = _kind(column)
        told = renamed.get(column.name)
        if told:
            kind = kind.of(_reader(column.name))
        members[told or column.name] = kind
    return Shape(name, doc, {**members, **more})


def _reader(name: str) -> Any:
    return lambda row: getattr(row, name)


def _kind(column: Any) -> Kind:
    null, of = bool(column.nullable), column.type
    if isinstance(of, Instant):
        return s.instant(null=null)
    if isinstance(of, WattHours | Exact | Float):
        return s.number(null=null)
    if isinstance(of, Boolean):
        return s.boolean(null=null)
    if isinstance(of, BigInteger | Integer):
        return s.integer(null=null)
    if isinstance(of, Enum):
        return s.word(of.enum_class, null=null)  # type: ignore[arg-type]
    if isinstance(of, JSON):
        return s.anything()
    return s.text(null=null)
