"""Rows of any of many: `among(column, "name")` is `column IN (…)` with one parameter, a list.

An IN with a parameter for each value is another statement for each number of values: SQLAlchemy
writes it anew each time, and the driver and the database read it anew.
"""

import json
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Listed(TypeDecorator[Any]):
    """A list of values of a type, as the one parameter that a database takes it for."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array, or a text of JSON."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Take any collection; SQLite's is written as JSON."""
        found = list(value)
        return json.dumps(found) if dialect.name == "sqlite" else found


class _Among(ColumnElement[bool]):
    inherit_cache = True
    type = Boolean()
    # Else SQLite is asked whether it "= 1", and no index answers that.
    _is_implicitly_boolean = True
    _traverse_internals = [
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: Any, values: Any) -> None:
        self.column, self.values = column, values


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column of numbers or texts holds one of the values of the parameter `name`."""
    return _Among(column, bindparam(name, type_=_Listed(column.type)))


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: Any, **given: Any) -> str:
    column = compiler.process(element.column, **given)
    return f"{column} IN (SELECT value FROM json_each({compiler.process(element.values, **given)}))"


@compiles(_Among)
def _any_of(element: _Among, compiler: Any, **given: Any) -> str:
    column = compiler.process(element.column, **given)
    return f"{column} = ANY ({compiler.process(element.values, **given)})"
