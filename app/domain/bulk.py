"""Many rows into one table, as fast as the database takes them.

SQLAlchemy's own bulk insert spends more time on each row's parameters than the
database spends on the row.  Here the statement and the conversions of its
columns are worked out once per table and database, and rows are plain tuples.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

#: PostgreSQL takes 65,535 parameters in one statement; this stays well below.
_MOST_PARAMETERS = 20_000


class BulkInsert:
    """An insert into `columns` of `table`.

    With `skip_known` rows that break a unique key are left out; `on_conflict` is
    what else is done about them, in SQL (then no key may come twice).

    Rows are sequences in the order of `columns`; nothing is returned and no
    default of the model is filled in.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        skip_known: bool = False,
        on_conflict: str = "",
    ) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._end = " ON CONFLICT DO NOTHING" if skip_known else on_conflict
        self._ready: dict[str, tuple[list[tuple[int, Callable[[Any], Any]]], str]] = {}

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows within the session's transaction."""
        if not rows:
            return
        connection = db.connection()
        name = connection.dialect.name
        given = self.converted(connection.dialect, rows)
        start = self._ready[name][1]
        width = len(self._columns)
        end = self._end
        if name == "sqlite":
            marks = ", ".join("?" * width)
            connection.exec_driver_sql(f"{start} VALUES ({marks}){end}", given)
            return
        marks = f"({', '.join(['%s'] * width)})"
        most = _MOST_PARAMETERS // width
        for begin in range(0, len(given), most):
            some = given[begin : begin + most]
            values = tuple(value for row in some for value in row)
            text = f"{start} VALUES {', '.join([marks] * len(some))}{end}"
            connection.exec_driver_sql(text, values)

    def converted(self, dialect: Any, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """The rows as the driver takes them."""
        if dialect.name not in self._ready:
            self._ready[dialect.name] = self._prepare(dialect)
        converters = self._ready[dialect.name][0]
        return [self._converted(row, converters) for row in rows]

    def _prepare(self, dialect: Any) -> tuple[list[tuple[int, Callable[[Any], Any]]], str]:
        """The conversions that some columns need, by position, and the statement's beginning."""
        converters: list[tuple[int, Callable[[Any], Any]]] = []
        for position, name in enumerate(self._columns):
            kind = self._table.c[name].type.dialect_impl(dialect)
            convert = kind.bind_processor(dialect)
            if convert is not None:
                converters.append((position, convert))
        names = ", ".join(self._columns)
        return converters, f"INSERT INTO {self._table.name} ({names})"

    @staticmethod
    def _converted(
        row: Sequence[Any], converters: list[tuple[int, Callable[[Any], Any]]]
    ) -> tuple[Any, ...]:
        values = list(row)
        for position, convert in converters:
            if values[position] is not None:
                values[position] = convert(values[position])
        return tuple(values)


class BulkUpdate:
    """An update of `columns` of `table`, row by row found by `id`.

    Rows are sequences: the id, then the values in the order of `columns`.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._rows = BulkInsert(table, ("id", *columns))
        self._table = table
        self._columns = tuple(columns)
        self._text: dict[str, str] = {}

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Update the rows within the session's transaction."""
        if not rows:
            return
        connection = db.connection()
        dialect = connection.dialect
        given = self._rows.converted(dialect, rows)
        if dialect.name == "sqlite":
            pairs = ", ".join(f"{name} = ?" for name in self._columns)
            statement = f"UPDATE {self._table.name} SET {pairs} WHERE id = ?"
            connection.exec_driver_sql(statement, [(*row[1:], row[0]) for row in given])
            return
        pairs = ", ".join(f"{name} = new.{name}" for name in self._columns)
        # The types are told once, in the first row: a column of nothing but NULL has none.
        first = ", ".join(f"%s::{kind}" for kind in self._kinds(dialect))
        rest = ", ".join(["%s"] * (len(self._columns) + 1))
        names = ", ".join(("id", *self._columns))
        most = _MOST_PARAMETERS // (len(self._columns) + 1)
        for begin in range(0, len(given), most):
            some = given[begin : begin + most]
            marks = ", ".join([f"({first})", *[f"({rest})"] * (len(some) - 1)])
            connection.exec_driver_sql(
                f"UPDATE {self._table.name} AS old SET {pairs} "
                f"FROM (VALUES {marks}) AS new ({names}) WHERE old.id = new.id",
                tuple(value for row in some for value in row),
            )

    def _kinds(self, dialect: Any) -> list[str]:
        columns = [self._table.c[name] for name in ("id", *self._columns)]
        return [column.type.compile(dialect=dialect) for column in columns]


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
