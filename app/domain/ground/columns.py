"""Columns of lists and files: what each is headed, and how it is read off a row."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

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
