"""Rows: which is the newest, and how columns of lists and files are read off one."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

Row = TypeVar("Row")

#: A column: its heading (the key in JSON), and how to read it off a row.
Column = tuple[str, Callable[[Any], Any]]


def read(names: str) -> list[Column]:
    """Columns that are attributes of a row: `state`, or by another name `station=station.name`.

    Where a row on the way is missing, so is the value.
    """
    pairs = (name.partition("=") for name in names.split())
    return [(heading, _at(path or heading)) for heading, _, path in pairs]


def _at(path: str) -> Callable[[Any], Any]:
    *parts, last = path.split(".")

    def value(row: Any) -> Any:
        for part in parts:
            if (row := getattr(row, part)) is None:
                return None
        return getattr(row, last)

    return value if parts else attrgetter(last)


def newest(
    db: Session, model: type[Row], *conditions: ColumnElement[bool], **values: Any
) -> Row | None:
    """The row that was added last of those that meet conditions and have these values."""
    added: Any = model
    found = select(model).where(*conditions).filter_by(**values)
    return db.scalar(found.order_by(added.id.desc()).limit(1))
