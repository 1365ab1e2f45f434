"""CSV that is safe to open and plain to read: no cell can become a formula, times are local.

A text that a spreadsheet would take for a formula is given a leading
apostrophe, which an import takes off again; numbers stay numbers.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from app.domain.access.imports.sheet import guarded


def cell(value: Any, zone: tzinfo = UTC) -> Any:
    """Return what is written for a value: numbers as they are, text defused, None empty.

    A time is written on the clock of `zone`, with its offset.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat() if value.tzinfo else value.isoformat()
    return guarded(value.isoformat() if hasattr(value, "isoformat") else str(value))


def lines(
    header: Sequence[str], rows: Iterable[Sequence[Any]], zone: tzinfo = UTC
) -> Iterator[str]:
    """Yield the lines of a CSV file, the header first; times on the clock of `zone`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in _chain(header, rows):
        writer.writerow([cell(value, zone) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _chain(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield header
    yield from rows


def name(noun: str, *parts: str) -> str:
    """A file's name without its ending: the noun, its period, what it is narrowed to."""
    plain = (unicodedata.normalize("NFKD", part.casefold()) for part in (noun, *parts))
    bare = ("".join(char for char in part if not unicodedata.combining(char)) for part in plain)
    words = (re.sub(r"[^a-z0-9._]+", "-", part).strip("-.") for part in bare)
    return "-".join(word[:60] for word in words if word)[:180]
