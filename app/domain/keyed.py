"""Selects that look into an index once for each of many keys, in one statement.

The statements are text because only so both databases can be told to, and
because they are written once and never built again.  The keys are the rows of
`k`, given as JSON.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, column, text
from sqlalchemy.orm import Session

from app.models.base import WattHours

#: How an id is one of those that a select finds for each key.
_ONE_OF = {"postgresql": ("= ANY(ARRAY(", "))"), "sqlite": ("IN (", ")")}
_WATT_HOURS = WattHours()
_TEXT = "%Y-%m-%d %H:%M:%S.%f"


class Keyed:
    """A select of columns of `table` (as `s`) for each row of `{k}`.

    `kinds` are the names of a key's values and their types on PostgreSQL; the
    first is the key itself.  `{ids}` … `{end}` stand around a select of ids.
    """

    def __init__(self, table: Any, names: Sequence[str], kinds: Mapping[str, str], sql: str):
        self._names = tuple(kinds)
        columns = [column("of_key", BigInteger), *(table.c[name] for name in names)]
        shown = ", ".join([f"k.{self._names[0]} AS of_key", *(f"s.{name}" for name in names)])
        head = f"SELECT {shown} FROM {{k}} JOIN {table.name} AS s ON {sql}"
        typed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        taken = ", ".join(f"value ->> '{name}' AS {name}" for name in kinds)
        rows = {
            "postgresql": f"jsonb_to_recordset(CAST(:keys AS jsonb)) AS k({typed})",
            "sqlite": f"(SELECT {taken} FROM json_each(:keys)) AS k",
        }
        self._ready = {
            dialect: text(head.format(k=rows[dialect], ids=ids, end=end)).columns(*columns)
            for dialect, (ids, end) in _ONE_OF.items()
        }

    def __call__(self, db: Session, keys: Iterable[Sequence[Any]]) -> dict[int, list[Any]]:
        """The rows of each key that has any; a row begins with the key."""
        connection = db.connection()
        dialect = connection.dialect.name
        given = [
            {name: _plain(value, dialect) for name, value in zip(self._names, key, strict=True)}
            for key in keys
        ]
        if not given:
            return {}
        parameters = {"keys": json.dumps(given)}
        return by_first(connection.execute(self._ready[dialect], parameters))


def by_first(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Rows gathered by what they begin with, in their order."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _plain(value: object, dialect: str) -> object:
    """A value as the database compares it."""
    match value:
        case datetime():
            # SQLite keeps instants as text, always of this form.
            sqlite = dialect == "sqlite"
            return value.astimezone(UTC).strftime(_TEXT) if sqlite else value.isoformat()
        case Decimal():
            return _WATT_HOURS.process_bind_param(value, None)
    return value
