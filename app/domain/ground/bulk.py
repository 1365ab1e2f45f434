"""Many rows in one statement: into a table, or found by many keys, as fast as the database can.

SQLAlchemy's own bulk insert spends more time on each row's parameters than the database spends on
the row.  Here SQLite takes rows by `executemany`; PostgreSQL takes them by COPY, or as an array for
each column where they are few or may be known.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    String,
    Table,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from app.domain.ground.bulk_rows import Columns, as_sqlalchemy_error, ask, connected
from app.domain.ground.bulk_values import as_array, copied

Statement = TypeVar("Statement", bound=Executable)

#: The option of what `made_once` made: whoever narrows it may keep what came of that.
MADE_ONCE = "made_once"
#: From so many rows on COPY costs less than an INSERT.
_COPIED = 4
_WAITING = "rows that may wait"


def made_once(make: Callable[[], Statement]) -> Callable[[], Statement]:
    """A statement without parts that change, made when it is first asked for: half of its price."""
    options: Any = {MADE_ONCE: True}
    return functools.cache(lambda: make().execution_options(**options))


class BulkInsert:
    """An insert into `columns` of `table`.

    With `skip_known` rows that break a unique key are left out; `on_conflict` is what else is done
    about them, in SQL (then no key may come twice).  Values of the columns `written` come as they
    are stored, JSON as its text.  What `may_wait` is inserted once for all within `gathered`.

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
        may_wait: bool = False,
    ) -> None:
        self._into = f"{table.name} ({', '.join(columns)})"
        self._end = " ON CONFLICT DO NOTHING" if skip_known else on_conflict
        marks = ", ".join("?" * len(columns))
        one = f"INSERT INTO {self._into} VALUES ({marks}){self._end}"
        many = f"INSERT INTO {self._into} SELECT * FROM {{rows}}{self._end}"
        self._may_wait = may_wait
        self._rows = Columns(table, columns, written)
        self._write = _Write(self._rows, one, many)

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows within the session's transaction."""
        if self._may_wait and _wait(db, self, rows):
            return
        connection = connected(db)
        if len(rows) < _COPIED or self._end or connection.dialect.name == "sqlite":
            self._write(connection, rows)
        else:
            _copy(connection, self._into, self._rows(connection.dialect, rows))


@contextmanager
def gathered(db: Session) -> Iterator[None]:
    """Write what may wait at the end of the block, each table once; within it nothing sees it."""
    waiting: dict[BulkInsert | BulkUpdate, list[Sequence[Any]]] = {}
    db.info[_WAITING] = waiting
    try:
        yield
    finally:
        del db.info[_WAITING]
    for write, rows in waiting.items():
        write(db, rows)


def _wait(db: Session, write: Any, rows: Sequence[Sequence[Any]]) -> bool:
    """Whether rows are gathered, to be written at the end of the block."""
    waiting = db.info.get(_WAITING)
    if waiting is not None:
        waiting.setdefault(write, []).extend(rows)
    return waiting is not None


class BulkUpdate:
    """An update of `columns` of `table`, row by row found by `id`.

    Rows are sequences: the id, then the values in the order of `columns`.  One that `may_wait` is
    done once for all within `gathered`; no row comes twice there.  One that `yields` passes over
    rows that another unit of work holds.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        may_wait: bool = False,
        yields: bool = False,
    ) -> None:
        self._may_wait = may_wait
        free = (
            f"(SELECT new.* FROM {{rows}} JOIN {table.name} AS free ON free.id = new.id"
            " FOR NO KEY UPDATE OF free SKIP LOCKED) AS new"
        )
        pairs = ", ".join(f"{name} = new.{name}" for name in columns)
        update = f"UPDATE {table.name} AS old SET {pairs} FROM {{rows}} WHERE old.id = new.id"
        # Of a row out of a FROM, SQLite makes a table first: that takes twice as long.
        marks = ", ".join(f"{name} = ?{place}" for place, name in enumerate(columns, 2))
        one = f"UPDATE {table.name} AS old SET {marks} WHERE old.id = ?1"
        many = update.format(rows=free) if yields else update
        self._write = _Write(Columns(table, ("id", *columns)), one, many)

    def __call__(self, db: Session, rows: Sequence[Sequence[Any]]) -> None:
        """Update the rows within the session's transaction, in the order of their ids.

        So two of them cannot wait for each other.
        """
        if self._may_wait and _wait(db, self, rows):
            return
        self._write(connected(db), sorted(rows, key=itemgetter(0)))


class _Write:
    """A statement for rows of any number, whose text is always the same: it is planned once.

    SQLite does `one` for each row; PostgreSQL gets each column as an array, and does `many` with
    them as `{rows}` (`new`, with the columns' names).
    """

    def __init__(self, rows: "Columns", one: str, many: str) -> None:
        self._rows, self._one, self._many = rows, one, many

    def __call__(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Write the rows; of none nothing is asked."""
        if not rows:
            return
        dialect = connection.dialect
        columns = self._rows(dialect, rows)
        if dialect.name == "sqlite":
            connection.exec_driver_sql(self._one, list(zip(*columns, strict=True)))
            return
        if "{rows}" in self._many:
            self._many = self._many.format(rows=self._rows.as_arrays(dialect))
        ask(connection, self._many, [as_array(column) for column in columns], finds=False)


class _List(TypeEngine[Iterable[Any]]):
    """Values as one parameter: an array on PostgreSQL, a list in JSON on SQLite."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """What makes it of values; of None there are none."""
        if dialect.name == "sqlite":
            return lambda values: orjson.dumps(list(values or ())).decode()
        return lambda values: as_array(list(values or ()))


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
        self.given = bindparam(name, type_=_List())


@compiles(among)
def _as_array(element: among, compiler: Any, **more: Any) -> str:
    column, given = (compiler.process(part, **more) for part in (element.column, element.given))
    return f"{column} = ANY ({given}::{_kind(element)}[])"


@compiles(among, "sqlite")
def _as_json(element: among, compiler: Any, **more: Any) -> str:
    column, given = (compiler.process(part, **more) for part in (element.column, element.given))
    return f"{column} IN (SELECT value FROM json_each({given}))"


def _kind(element: among) -> str:
    return "TEXT" if isinstance(element.column.type, String) else "BIGINT"


def reserve(db: Session, table: Table, count: int) -> list[int]:
    """Take the next `count` ids of a table; a number that is not used in the end is a gap.

    On SQLite the caller holds the write lock until its rows are in (`unit_of_work`).
    """
    if not count:
        return []
    name, connection = table.name, connected(db)
    if connection.dialect.name == "postgresql":
        sequence = f"(SELECT pg_get_serial_sequence('{name}', 'id')::regclass AS s OFFSET 0) AS its"
        query = f"SELECT nextval(its.s) FROM {sequence}, generate_series(1, %s)"
        return [number for (number,) in ask(connection, query, (count,))]
    if table.dialect_options["sqlite"]["autoincrement"]:
        found = ask(connection, "SELECT seq FROM sqlite_sequence WHERE name = ?", (name,))
    else:
        found = ask(connection, f"SELECT max(id) FROM {name}", ())
    last = found[0][0] or 0 if found else 0
    return list(range(last + 1, last + 1 + count))


def _copy(connection: Connection, into: str, columns: Sequence[Sequence[Any]]) -> None:
    """Copy rows into columns of a table: SQLAlchemy has no word for it, so the driver does it."""
    driver, order = connection.connection.dbapi_connection, f"COPY {into} FROM STDIN"
    data = "\n".join([*map("\t".join, zip(*map(copied, columns), strict=True)), ""])
    try:
        with driver.cursor() as cursor, cursor.copy(order) as copy:  # type: ignore[union-attr]
            copy.write(data)
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy_error(error, order, connection) from error


def rows_changed(db: Session, statement: Any) -> int:
    """Run an update or a delete that passes loaded rows by, and tell how many rows it met."""
    done: Any = db.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)


def pass_by(db: Session, *kinds: type) -> None:
    """Have loaded rows of these kinds read again: a set was written without them."""
    for row in list(db.identity_map.values()):
        if isinstance(row, kinds):
            db.expire(row)


def lease(db: Session, table: Table, count: int) -> list[int]:
    """Take the next `count` ids of a table to be used whenever, or never: nobody else gets them.

    On SQLite the table has to be one that counts its ids (AUTOINCREMENT).
    """
    numbers = reserve(db, table, count)
    connection = connected(db)
    if numbers and connection.dialect.name == "sqlite":
        given = (numbers[-1], table.name)
        set_last = "UPDATE sqlite_sequence SET seq = ? WHERE name = ? RETURNING seq"
        if not ask(connection, set_last, given):
            ask(
                connection,
                "INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)",
                given,
                finds=False,
            )
    return numbers
