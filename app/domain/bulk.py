"""Many rows into one table, as fast as the database takes them.

SQLAlchemy's own bulk insert spends more time on each row's parameters than the
database spends on the row.  Here the statement and the conversions of its
columns are worked out once per table and database, and rows are plain tuples.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

#: PostgreSQL takes 65,535 parameters in one statement; this stays well below.
_MOST_PARAMETERS = 20_000
_NEXT_IDS = text(
    "SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)"
)


def reserve(db: Session, table: Table, count: int) -> Sequence[int]:
    """Ids for rows that are about to be inserted by this unit of work, in ascending order.

    On SQLite nobody else writes meanwhile, and a table without AUTOINCREMENT
    goes on from its greatest id.
    """
    connection = db.connection()
    if connection.dialect.name == "sqlite":
        last = connection.execute(select(func.max(table.c.id))).scalar() or 0
        return range(last + 1, last + 1 + count)
    given = {"table": table.name, "count": count}
    return sorted(connection.execute(_NEXT_IDS, given).scalars())


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
        if name not in self._ready:
            self._ready[name] = self._prepare(connection.dialect)
        converters, start = self._ready[name]
        given = [self._converted(row, converters) for row in rows]
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
