"""A PostgreSQL database that tests take in turn: emptied in milliseconds instead of made anew."""

from typing import Any

import psycopg
from psycopg import sql

#: After more rows than this a database is not used again: emptied tables still are as long.
MOST_ROWS = 5_000

#: What tells whether anything but rows was changed: tables, columns, triggers, functions.
_SCHEMA = """
WITH ours AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace)
SELECT (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM ours)),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_constraint),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_trigger),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_db_role_setting)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND backend_type = 'client backend'
"""
_RESTART_SEQUENCES = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""


class KeptDatabase:
    """A migrated database at `url`, and what it held when it was new."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self._connection = psycopg.connect(url, autocommit=True)
        tables = self._column("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        query = sql.SQL("SELECT array_remove(ARRAY[{}], NULL)").format(
            sql.SQL(", ").join(
                sql.SQL("CASE WHEN EXISTS (SELECT FROM {}) THEN {} END").format(
                    sql.Identifier(table), sql.Literal(table)
                )
                for table in tables
            )
        )
        self._filled = query.as_bytes(self._connection)
        self._rows = {table: self._text(table) for table in self._filled_tables()}
        self._schema = self._row(_SCHEMA)

    def empty(self) -> bool:
        """Make it as new; False where only a new one will do."""
        try:
            self._connection.execute(_END_OTHERS)
            return self._row(_SCHEMA) == self._schema and self._emptied() <= MOST_ROWS
        except psycopg.Error:
            return False

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def _emptied(self) -> int:
        """Take all rows out but those it began with; return how many there were."""
        gone = 0
        with self._connection.transaction():
            # Guards against changes of what was billed are triggers; they rest meanwhile.
            self._connection.execute("SET LOCAL session_replication_role = replica")
            for table in self._filled_tables() | self._rows.keys():
                rows = self._rows.get(table)
                if rows is not None and rows == self._text(table):
                    continue
                name = sql.Identifier(table)
                gone += self._connection.execute(sql.SQL("DELETE FROM {}").format(name)).rowcount
                if rows is not None:
                    with self._connection.cursor().copy(
                        sql.SQL("COPY {} FROM STDIN").format(name)
                    ) as copy:
                        copy.write(rows)
            self._connection.execute(_RESTART_SEQUENCES)
        return gone

    def _filled_tables(self) -> set[str]:
        return set(self._row(self._filled)[0])

    def _text(self, table: str) -> bytes:
        """A table's rows as COPY writes them."""
        query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
        with self._connection.cursor().copy(query) as copy:
            return b"".join(bytes(part) for part in copy)

    def _row(self, query: Any) -> Any:
        return self._connection.execute(query).fetchone()

    def _column(self, query: str) -> list[str]:
        return [row[0] for row in self._connection.execute(query)]  # type: ignore[call-overload]
