"""Selects that look into an index once for each of many keys, in one statement.

The statements are text because only so both databases can be told to, and
because they are written once and never built again.  The keys are the rows of
`k`, given as JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import BigInteger, column, select, text
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.bulk_read import BulkRead
from app.domain.ground.errors import NotFound
from app.models.base import WattHours

#: How an id is one of those that a select finds for each key.
_ONE_OF = {"postgresql": ("= ANY(ARRAY(", "))"), "sqlite": ("IN (", ")")}
_WATT_HOURS = WattHours()


def named(db: Session, name_key: Any, tenant_id: int, typed: str, noun: str) -> Any:
    """Find a tenant's row by its name (any case) or its id; raises `NotFound`."""
    model = name_key.class_
    query = select(model).where(model.tenant_id == tenant_id)
    row = db.scalar(query.where(name_key == texts.key(typed)))
    if row is None and (number := texts.row_id(typed)) is not None:
        row = db.scalar(query.where(model.id == number))
    if row is None:
        raise NotFound(f"There is no {noun} called {typed}.", field=noun)
    return row


class Keys:
    """Some keys, written once for all the selects that are asked about them."""

    def __init__(self, db: Session, names: Sequence[str], keys: Iterable[Sequence[Any]]) -> None:
        lite = db.connection().dialect.name == "sqlite"
        told = [dict(zip(names, (_plain(each, lite) for each in key), strict=True)) for key in keys]
        self.text = orjson.dumps(told).decode() if told else ""


class Keyed:
    """A select of columns of `table` (as `s`) for each row of `{k}`.

    `kinds` are the names of a key's values and their types on PostgreSQL; the
    first is the key itself.  `{ids}` … `{end}` stand around a select of ids.
    """

    def __init__(self, table: Any, names: Sequence[str], kinds: Mapping[str, str], sql: str):
        first = next(iter(kinds))
        columns = [column("of_key", BigInteger), *(table.c[name] for name in names)]
        shown = ", ".join([f"k.{first} AS of_key", *(f"s.{name}" for name in names)])
        head = f"SELECT {shown} FROM {{k}} JOIN {table.name} AS s ON {sql}"
        typed = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        taken = ", ".join(f"value ->> '{name}' AS {name}" for name in kinds)
        rows = {
            "postgresql": f"jsonb_to_recordset(CAST(:keys AS jsonb)) AS k({typed})",
            "sqlite": f"(SELECT {taken} FROM json_each(:keys)) AS k",
        }
        self._ready = {
            dialect: BulkRead(
                text(head.format(k=rows[dialect], ids=ids, end=end)).columns(*columns)
            )
            for dialect, (ids, end) in _ONE_OF.items()
        }

    def __call__(self, db: Session, keys: Keys) -> dict[int, list[Any]]:
        """The rows of each key that has any; a row begins with the key.

        A key may hold more than is asked of it.
        """
        if not keys.text:
            return {}
        return by_first(self._ready[db.connection().dialect.name](db, keys=keys.text))


def by_first(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Rows gathered by what they begin with, in their order."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _plain(value: object, lite: bool) -> object:
    """A value as the database compares it."""
    if isinstance(value, datetime):
        at = value.astimezone(UTC)
        # SQLite keeps instants as text, always of this form.
        return at.isoformat(" ", "microseconds")[:26] if lite else at.isoformat()
    if isinstance(value, Decimal):
        return _WATT_HOURS.process_bind_param(value, None)
    return value
