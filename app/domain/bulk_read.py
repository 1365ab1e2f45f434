"""Rows for many at once, as fast as the database gives them.

SQLAlchemy works out a statement's text anew for every number of ids asked for, and walks each row's
columns for what has to be converted.  Here a select is written once per database, with one array in
the place of a list: its text never changes, so the database need not plan it again, and whole
columns are converted at once.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Float, Integer, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.models.base import Instant, WattHours

_LIST = re.compile(r" IN \(__\[POSTCOMPILE_(\w+)\]\)")
_THOUSAND = Decimal(1000)

_Convert = Callable[[Any], Any]


class _Ready(NamedTuple):
    """A select as one database takes it.

    `order` are its parameters by place (SQLite), `fixed` those that are always the same;
    `convert` what each column of the answer is made of, where it is not taken as it is.
    """

    text: str
    order: Sequence[str]
    fixed: dict[str, Any]
    bind: dict[str, Any]
    convert: list[tuple[int, _Convert]]
    make: Callable[[Sequence[Any]], Any]


class BulkRead:
    """A select of columns, written once; called with its parameters, a list for `expanding` ones.

    Rows are tuples that are named by the columns; of two with one name the first has it.
    """

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        self._ready: dict[str, _Ready] = {}

    def __call__(self, db: Session, **given: Any) -> list[Any]:
        """Read the rows within the session's transaction; of an empty list nothing is asked."""
        db.flush()
        connection = db.connection()
        dialect = connection.dialect
        ready = self._ready.get(dialect.name)
        if ready is None:
            ready = self._ready[dialect.name] = self._prepare(dialect)
        values = dict(ready.fixed)
        for name, value in given.items():
            if isinstance(value, list | tuple | set | frozenset):
                if not value:
                    return []
                value = list(value)
            values[name] = ready.bind[name](value) if name in ready.bind else value
        asked: Any = values if dialect.name != "sqlite" else tuple(values[n] for n in ready.order)
        rows = _fetched(connection, ready.text, asked)
        if not rows:
            return []
        columns: list[Any] = list(zip(*rows, strict=True))
        for position, convert in ready.convert:
            columns[position] = [None if x is None else convert(x) for x in columns[position]]
        return list(map(ready.make, zip(*columns, strict=True)))

    def _prepare(self, dialect: Any) -> _Ready:
        compiled = self._query.compile(dialect=dialect)
        lists = set(_LIST.findall(compiled.string))
        on_sqlite = dialect.name == "sqlite"
        text = _LIST.sub(_json_array if on_sqlite else self._array(compiled), compiled.string)
        bind = {} if not on_sqlite else dict.fromkeys(lists, _as_json)
        processors = compiled._bind_processors
        bind |= {name: processors[name] for name in processors if name not in lists}  # type: ignore[misc]
        fixed = {}
        for name, value in compiled.params.items():
            if name in lists and value:
                value = [getattr(one, "value", one) for one in value]
            if value not in (None, []):
                fixed[name] = bind[name](value) if name in bind else value
        columns = list(self._query.selected_columns)
        made = ((place, _conversion(column.type, dialect)) for place, column in enumerate(columns))
        convert = [(place, to) for place, to in made if to is not None]
        names = [getattr(column, "key", None) or "value" for column in columns]
        row = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        return _Ready(text, compiled.positiontup or (), fixed, bind, convert, row._make)

    @staticmethod
    def _array(compiled: Any) -> Callable[[re.Match[str]], str]:
        def array(found: re.Match[str]) -> str:
            name = found.group(1)
            kind = compiled.binds[name].type
            return f" = ANY(%({name})s::{'bigint' if isinstance(kind, Integer) else 'text'}[])"

        return array


def _fetched(connection: Connection, text: str, asked: Any) -> Any:
    """The driver's own rows: SQLAlchemy would describe their columns anew each time."""
    failure = connection.dialect.loaded_dbapi.Error
    try:
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, asked)
            rows: Any = cursor.fetchall()
        finally:
            cursor.close()
    except failure as error:
        raise DBAPIError.instance(
            text, None, error, failure, hide_parameters=True, dialect=connection.dialect
        ) from error
    return rows


def _json_array(found: re.Match[str]) -> str:
    del found
    return " IN (SELECT value FROM json_each(?))"


def _as_json(values: Sequence[Any]) -> str:
    return orjson.dumps(values).decode()


def _conversion(kind: Any, dialect: Any) -> _Convert | None:
    """What makes a column's value of what the driver gives; quicker where that is known."""
    if isinstance(kind, Instant):
        return _instant if dialect.name == "sqlite" else _utc
    if isinstance(kind, WattHours):
        return _watt_hours
    if isinstance(kind, Float):
        return None
    made: _Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return made


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _watt_hours(value: int) -> Decimal:
    return Decimal(value) / _THOUSAND
