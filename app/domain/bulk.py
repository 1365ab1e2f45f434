"""Many rows in one statement: into a table, or found by many keys, as fast as the database can.

SQLAlchemy's own bulk insert spends more time on each row's parameters than the database spends on
the row.  Here a column's conversion is worked out once per table and database and done for all rows
at once; SQLite takes them by `executemany`, PostgreSQL by COPY, or by one INSERT where they are
few.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    String,
    Table,
    Text,
    bindparam,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine

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
        self._rows = _Rows(table, columns, written)

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows within the session's transaction."""
        if not rows:
            return
        connection = db.connection()
        columns = self._rows(connection.dialect, rows)
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(columns))
            given = list(zip(*columns, strict=True))
            connection.exec_driver_sql(f"{self._into} VALUES ({marks}){self._end}", given)
        elif len(rows) < _COPIED:
            self._insert(connection, list(zip(*columns, strict=True)))
        elif not self._end:
            _copy(connection, self._table.name, self._names, columns)
        else:
            then = f"{self._into} SELECT {self._names} FROM {{new}}{self._end}"
            _copy(connection, self._table.name, self._names, columns, then)

    def _insert(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        marks = f"({', '.join(['%s'] * len(self._columns))})"
        values = tuple(value for row in rows for value in row)
        order = f"{self._into} VALUES {', '.join([marks] * len(rows))}{self._end}"
        connection.exec_driver_sql(order, values)


class BulkUpdate:
    """An update of `columns` of `table`, row by row found by `id`.

    Rows are sequences: the id, then the values in the order of `columns`.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = ("id", *columns)
        self._rows = _Rows(table, self._columns)
        pairs = ", ".join(f"{name} = new.{name}" for name in columns)
        where = "old.id = new.id"
        self._update = f"UPDATE {table.name} AS old SET {pairs} FROM {{new}} AS new WHERE {where}"

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Update the rows within the session's transaction."""
        if not rows:
            return
        connection = db.connection()
        columns = self._rows(connection.dialect, rows)
        names = ", ".join(self._columns)
        if connection.dialect.name == "sqlite":
            given = ", ".join(f"? AS {name}" for name in self._columns)
            order = self._update.format(new=f"(SELECT {given})")
            connection.exec_driver_sql(order, list(zip(*columns, strict=True)))
            return
        if len(rows) >= _COPIED:
            _copy(connection, self._table.name, names, columns, self._update)
            return
        # The types are told once, in the first row: a column of nothing but NULL has none.
        first = ", ".join(f"%s::{kind}" for kind in self._kinds(connection.dialect))
        rest = ", ".join(["%s"] * len(columns))
        marks = ", ".join([f"({first})", *[f"({rest})"] * (len(rows) - 1)])
        order = self._update.format(new=f"(VALUES {marks})").replace(
            " AS new ", f" AS new ({names}) "
        )
        connection.exec_driver_sql(
            order, tuple(value for row in zip(*columns, strict=True) for value in row)
        )

    def _kinds(self, dialect: Dialect) -> list[str]:
        return [self._table.c[name].type.compile(dialect=dialect) for name in self._columns]


class _List(TypeDecorator[Iterable[Any]]):
    """Values as one parameter: an array of `of` on PostgreSQL, a list in JSON on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.of))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        given = list(value or ())
        return orjson.dumps(given).decode() if dialect.name == "sqlite" else given


class among(ColumnElement[bool]):
    """Whether a column is one of the numbers or texts given as `name` when the statement runs.

    `in_` writes out each of them: the statement is made, read and planned anew for every number of
    them, which takes PostgreSQL and us three times as long.
    """

    inherit_cache = True
    type = Boolean()
    # Else SQLite is asked whether it "= 1", and no index answers that.
    _is_implicitly_boolean = True
    _traverse_internals = [
        ("column", InternalTraversal.dp_clauseelement),
        ("given", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: Any, name: str) -> None:
        self.column = column
        kind = Text() if isinstance(column.type, String) else BigInteger()
        self.given = bindparam(name, type_=_List(kind))


@compiles(among)
def _as_array(element: among, compiler: Any, **more: Any) -> str:
    column, given = (compiler.process(part, **more) for part in (element.column, element.given))
    return f"{column} = ANY ({given})"


@compiles(among, "sqlite")
def _as_json(element: among, compiler: Any, **more: Any) -> str:
    column, given = (compiler.process(part, **more) for part in (element.column, element.given))
    return f"{column} IN (SELECT value FROM json_each({given}))"


def reserve(db: Session, table: Table, count: int) -> list[int]:
    """Take the next `count` ids of a table; a number that is not used in the end is a gap.

    On SQLite the caller holds the write lock until its rows are in (`unit_of_work`).
    """
    if not count:
        return []
    name = table.name
    if db.connection().dialect.name == "postgresql":
        query = text(
            f"SELECT nextval(pg_get_serial_sequence('{name}', 'id')) "
            "FROM generate_series(1, :count)"
        )
        return list(db.scalars(query, {"count": count}))
    if table.dialect_options["sqlite"]["autoincrement"]:
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = db.scalar(query, {"name": name}) or 0
    else:
        last = db.scalar(text(f"SELECT max(id) FROM {name}")) or 0
    return list(range(last + 1, last + 1 + count))


class _Rows:
    """Makes rows the columns that the driver is given, by conversions that are worked out once."""

    def __init__(self, table: Table, columns: Sequence[str], written: Sequence[str] = ()) -> None:
        self._kinds = [None if name in written else table.c[name].type for name in columns]
        self._ready: dict[str, list[_Convert | None]] = {}

    def __call__(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> list[Iterable[Any]]:
        if dialect.name not in self._ready:
            self._ready[dialect.name] = [
                None if kind is None else _conversion(kind, dialect) for kind in self._kinds
            ]
        converted = zip(zip(*rows, strict=True), self._ready[dialect.name], strict=True)
        return [
            column if convert is None else [None if x is None else convert(x) for x in column]
            for column, convert in converted
        ]


def _copy(
    connection: Connection, table: str, names: str, columns: Sequence[Iterable[Any]], then: str = ""
) -> None:
    """Copy rows into the table, or into a temporary one that `then` takes them from (`{new}`).

    SQLAlchemy has no word for COPY: the driver does it, and what it raises is told as usual.
    """
    driver, errors = connection.connection.dbapi_connection, connection.dialect.loaded_dbapi.Error
    new = f"new_{table}_{crc32(names.encode()):08x}" if then else table
    data = "\n".join([*map("\t".join, zip(*map(_texts, columns), strict=True)), ""])
    order = f"COPY {new} ({names}) FROM STDIN"
    try:
        with driver.cursor() as cursor:  # type: ignore[union-attr]
            if then:
                cursor.execute(
                    f"CREATE TEMPORARY TABLE IF NOT EXISTS {new} ON COMMIT DELETE ROWS"
                    f" AS SELECT {names} FROM {table} WITH NO DATA; DELETE FROM {new}"
                )
            with cursor.copy(order) as copy:
                copy.write(data)
            if then:
                cursor.execute(then.format(new=new))
    except errors as error:
        raise DBAPIError.instance(
            order, None, error, errors, hide_parameters=True, dialect=connection.dialect
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


def pass_by(db: Session, *kinds: type) -> None:
    """Have loaded rows of these kinds read again: a set was written without them."""
    for row in list(db.identity_map.values()):
        if isinstance(row, kinds):
            db.expire(row)
