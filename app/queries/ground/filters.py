"""What is asked of a list, as conditions: said once for all filters."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement


def fitting(wanted: Any, at: Any = None, **columns: Any) -> Iterator[ColumnElement[bool]]:
    """The conditions of those members of a filter that are asked for: their columns by their names.

    A set asks for any of its values; a word that is none of a column's own asks for nothing.
    `since` and `until` narrow the column `at`.
    """
    for name, column in columns.items():
        asked, words = getattr(wanted, name), getattr(column.type, "enum_class", None)
        if isinstance(asked, frozenset):
            yield column.in_(asked)
        elif asked not in (None, "") and (words is None or asked in list(words)):
            yield column == (asked if words is None else words(asked))
    if at is not None and wanted.since:
        yield at >= wanted.since
    if at is not None and wanted.until:
        yield at < wanted.until


def put_away(model: Any, is_asked: bool) -> ColumnElement[bool]:
    """The condition of the rows in the archive, or of those in use."""
    put: ColumnElement[bool] = model.archived_at.is_not(None)
    return put if is_asked else ~put
