"""Many rows into one table, as fast as the database takes them.

SQLAlchemy's own bulk insert spends more time on each row's parameters than the database spends on
the row.  Here a column's conversion is worked out once per table and database and done for all rows
at once; SQLite takes them by `executemany`, PostgreSQL by COPY, or by one INSERT where they are
few.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from app.models.base import Instant, WattHours

#: From so many rows on COPY costs less than an INSERT.
_COPIED = 12

_Convert = Callable[[Any], Any]


class BulkInsert:
    """An insert into `columns` of `table`.

    With `skip_known` rows that break a unique key are left out; `on_conflict` is what else is done
    about them, in SQL (then no key may come twice).  Values of the columns `written` come as they
    are stored, JSON as its text.

    Rows are sequences in the order of `columns`; nothing is returned and no default of the model
    is filled in.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        skip_known: bool = False,
        on_conflict: str = "",
        written: Sequence[str] = (),
    ) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._names = ", ".join(columns)
        self._into = f"INSERT INTO {table.name} ({self._names})"
        self._end = " ON CONFLICT DO NOTHING" if skip_known else on_conflict
        self._written = written
        self._ready: dict[str, list[_Convert | None]] = {}

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows within the session's transaction."""
        if not rows:
            return
        connection = db.connection()
        name = connection.dialect.name
        if name not in self._ready:
            self._ready[name] = self._prepare(connection.dialect)
        columns: list[Iterable[Any]] = [
            column if convert is None else [None if x is None else convert(x) for x in column]
            for column, convert in zip(zip(*rows, strict=True), self._ready[name], strict=True)
        ]
        if name == "sqlite":
            marks = ", ".join("?" * len(columns))
            text = f"{self._into} VALUES ({marks}){self._end}"
            connection.exec_driver_sql(text, list(zip(*columns, strict=True)))
        elif len(rows) < _COPIED:
            self._insert(connection, list(zip(*columns, strict=True)))
        else:
            self._copy(connection, columns)

    def _prepare(self, dialect: Dialect) -> list[_Convert | None]:
        """What each column's values are converted by; None where they are stored as they are."""
        return [
            None if name in self._written else _conversion(self._table.c[name].type, dialect)
            for name in self._columns
        ]

    def _insert(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        marks = f"({', '.join(['%s'] * len(self._columns))})"
        values = tuple(value for row in rows for value in row)
        text = f"{self._into} VALUES {', '.join([marks] * len(rows))}{self._end}"
        connection.exec_driver_sql(text, values)

    def _copy(self, connection: Connection, columns: Sequence[Iterable[Any]]) -> None:
        """Copy rows into the table, or by way of a temporary one where they may break a key.

        SQLAlchemy has no word for COPY: the driver does it, and what it raises is told as usual.
        """
        table, driver = self._table.name, connection.connection.dbapi_connection
        target = f"new_{table}" if self._end else table
        data = "\n".join([*map("\t".join, zip(*map(_texts, columns), strict=True)), ""])
        text = f"COPY {target} ({self._names}) FROM STDIN"
        try:
            with driver.cursor() as cursor:  # type: ignore[union-attr]
                if self._end:
                    cursor.execute(
                        f"CREATE TEMPORARY TABLE IF NOT EXISTS {target} ON COMMIT DELETE ROWS"
                        f" AS SELECT {self._names} FROM {table} WITH NO DATA;"
                        f" DELETE FROM {target}"
                    )
                with cursor.copy(text) as copy:
                    copy.write(data)
                if self._end:
                    cursor.execute(f"{self._into} SELECT {self._names} FROM {target}{self._end}")
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(
                *(text, None, error, connection.dialect.loaded_dbapi.Error),
                hide_parameters=True,
                dialect=connection.dialect,
            ) from error


def _texts(column: Iterable[Any]) -> list[str]:
    """The values of a column as COPY reads them."""
    return [
        r"\N" if value is None else _escaped(value) if isinstance(value, str) else str(value)
        for value in column
    ]


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _escaped(text: str) -> str:
    # Line ends and tabs are no printable characters: most texts hold nothing to be escaped.
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)


def _conversion(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    """How the values of a column are made what the driver is given."""
    lite = dialect.name == "sqlite"
    if isinstance(kind, Instant):
        return _instant_text if lite else _aware
    if isinstance(kind, WattHours):
        return _thousandths
    if isinstance(kind, JSON):
        return _json
    if isinstance(kind, Boolean):
        return int if lite else None
    convert: _Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a naive time has no place in the database")
    return at


def _instant_text(at: datetime) -> str:
    if at.tzinfo is not UTC:
        at = _aware(at).astimezone(UTC)
    return at.isoformat(" ", "microseconds")[:26]


def _thousandths(register: Decimal | int) -> int:
    scaled = register * 1000
    whole = int(scaled)
    return whole if whole == scaled else WattHours().process_bind_param(register, None) or 0


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
