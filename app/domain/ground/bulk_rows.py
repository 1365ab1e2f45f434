"""Rows for many at once, as fast as the database gives and takes them.

SQLAlchemy works out a statement's text anew for every number of ids asked for, and walks each row's
columns for what has to be converted.  Here a select is written once per database (`among` gives it
one array in the place of a list), so the database need not plan it again, and whole columns are
converted at once, as those that are written are: by conversions worked out once per table.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Select,
    Table,
    TextualSelect,
    column,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.domain.ground.bulk_values import Convert, reading, writing
from app.models.base import WattHours

_LISTS = list, tuple, set, frozenset
_CONNECTED = "the connection of a transaction"


class _Ready(NamedTuple):
    """A select as one database takes it.

    `order` are its parameters by place (SQLite), `fixed` those that are always the same;
    `convert` what each column of the answer is made of, where it is not taken as it is.
    """

    text: str
    order: Sequence[str]
    fixed: dict[str, Any]
    bind: dict[str, Any]
    convert: list[tuple[int, Convert]]
    make: Callable[[Sequence[Any]], Any]


class BulkRead:
    """A select of columns, written once; called with its parameters, a list for each `among`.

    Rows are tuples that are named by the columns; of two with one name the first has it.
    """

    def __init__(self, query: Select[Any] | TextualSelect) -> None:
        self._query = query
        self._ready: dict[str, _Ready] = {}

    def __call__(self, db: Session, **given: Any) -> list[Any]:
        """Read the rows within the session's transaction; of an empty list nothing is asked."""
        if any(isinstance(value, _LISTS) and not value for value in given.values()):
            return []
        if db.autoflush:
            db.flush()
        connection = connected(db)
        dialect = connection.dialect
        ready = self._ready.get(dialect.name)
        if ready is None:
            ready = self._ready[dialect.name] = self._prepare(dialect)
        values = dict(ready.fixed)
        for name, value in given.items():
            values[name] = ready.bind[name](value) if name in ready.bind else value
        asked: Any = values if dialect.name != "sqlite" else tuple(values[n] for n in ready.order)
        rows = ask(connection, ready.text, asked)
        if not rows:
            return []
        columns: list[Any] = list(zip(*rows, strict=True))
        for position, convert in ready.convert:
            columns[position] = convert(columns[position])
        return list(map(ready.make, zip(*columns, strict=True)))

    def _prepare(self, dialect: Any) -> _Ready:
        compiled = self._query.compile(dialect=dialect)
        text = compiled.string
        assert "POSTCOMPILE" not in text, "a list is asked for by `among`"
        bind: dict[str, Any] = dict(compiled._bind_processors)
        fixed = {
            name: bind[name](value) if name in bind else value
            for name, value in compiled.params.items()
            if value is not None
        }
        columns = list(self._query.selected_columns)
        made = ((place, reading(column.type, dialect)) for place, column in enumerate(columns))
        convert = [(place, to) for place, to in made if to is not None]
        names = [getattr(column, "key", None) or "value" for column in columns]
        row = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        make = partial(tuple.__new__, row)  # what `_make` does, by C
        return _Ready(text, compiled.positiontup or (), fixed, bind, convert, make)


# Selects that look into an index once for each of many keys, in one statement.
#
# The statements are text because only so both databases can be told to, and
# because they are written once and never built again.  The keys are the rows of
# `k`, given as JSON.

#: How an id is one of those that a select finds for each key.
_ONE_OF = {"postgresql": ("= ANY(ARRAY(", "))"), "sqlite": ("IN (", ")")}
_WATT_HOURS = WattHours()


class Keys:
    """Some keys, written once for all the selects that are asked about them."""

    def __init__(self, db: Session, names: Sequence[str], keys: Iterable[Sequence[Any]]) -> None:
        lite = connected(db).dialect.name == "sqlite"
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
        return by_first(self._ready[connected(db).dialect.name](db, keys=keys.text))


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


class Columns:
    """Makes rows the columns that the driver is given, by conversions that are worked out once."""

    def __init__(self, table: Table, columns: Sequence[str], written: Sequence[str] = ()) -> None:
        self._names = ", ".join(columns)
        self._types = [table.c[name].type for name in columns]
        self._kinds = [None if name in written else table.c[name].type for name in columns]
        self._ready: dict[str, list[Convert | None]] = {}

    def __call__(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        if dialect.name not in self._ready:
            self._ready[dialect.name] = [
                None if kind is None else writing(kind, dialect) for kind in self._kinds
            ]
        converted = zip(zip(*rows, strict=True), self._ready[dialect.name], strict=True)
        return [column if convert is None else convert(column) for column, convert in converted]

    def as_arrays(self, dialect: Dialect) -> str:
        """Rows out of arrays, a parameter for each column.

        A text may be of any length here: one that is too long is refused where it is written, and
        not cut.
        """
        kinds = [kind.compile(dialect=dialect).partition("(")[0] for kind in self._types]
        return f"unnest({', '.join(f'%s::{kind}[]' for kind in kinds)}) AS new ({self._names})"


def connected(db: Session) -> Connection:
    """The connection of the session's transaction, which is looked for anew only in another one."""
    connection: Connection
    begun, connection = db.info.get(_CONNECTED, (None, None))
    if begun is None or begun is not db.get_transaction() or not db.is_active:
        connection = db.connection()
        db.info[_CONNECTED] = db.get_transaction(), connection
    return connection


def ask(connection: Connection, order: str, given: Any, *, finds: bool = True) -> Any:
    """Have the driver do a statement; the rows as they come, where it `finds` any.

    SQLAlchemy would describe their columns anew each time.  What the driver raises is told as
    usual.
    """
    try:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(order, given)
            return cursor.fetchall() if finds else []
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy_error(error, order, connection) from error


def as_sqlalchemy_error(error: Exception, order: str, connection: Connection) -> Exception:
    failure = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        order, None, error, failure, hide_parameters=True, dialect=connection.dialect
    )
