"""What the floor writes, and how: each table once a commit, by the fastest way the database has."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import gevent
import psycopg
from sqlalchemy.engine import make_url

Rows = list[tuple[Any, ...]]

#: table -> the columns of which we have something to say, in the order of its rows
COLUMNS: dict[str, tuple[str, ...]] = {
    "charging_sessions": (
        *("id", "tenant_id", "site_id", "station_id", "evse", "connector", "transaction_ref"),
        *("start_key", "state", "billing", "token", "token_kind", "tag_id", "driver_id"),
        *("unauthorised", "timezone", "currency", "tariff_version_id", "tariff_why"),
        *("started_at", "start_received_at", "meter_start_wh", "provisional", "energy_wh"),
        *("last_register_wh", "last_reading_at", "flags"),
    ),
    "authorisations": (
        *("tenant_id", "station_id", "evse", "token", "tag_id", "session_id", "occasion"),
        *("verdict", "reason", "sentence", "facts", "at"),
    ),
    "meter_readings": (
        *("station_id", "session_id", "evse", "taken_at", "received_at", "register_wh"),
        *("power_w", "current_a", "voltage_v", "assumed_time", "samples", "digest"),
    ),
    "transaction_events": (
        *("station_id", "transaction_ref", "session_id", "kind", "seq_no", "trigger", "at"),
        *("received_at", "offline", "evse", "connector", "token", "token_kind", "activity"),
        *("facts", "answer", "payload", "digest"),
    ),
    "status_events": (
        *("station_id", "evse", "connector", "availability", "activity", "status_word"),
        *("at", "received_at"),
    ),
    "messages": (
        *("station_id", "session_id", "outbound", "message_id", "action", "request", "response"),
        *("outcome", "at", "latency_ms"),
    ),
}
#: What is told again is known by its digest.
REPEATABLE = ("meter_readings", "transaction_events")
#: What becomes of a session: its columns, with their types on PostgreSQL; the id comes last.
CHANGED = {
    "state": "text",
    "ended_at": "timestamptz",
    "stop_received_at": "timestamptz",
    "meter_stop_wh": "bigint",
    "stop_reason": "text",
    "stop_word": "text",
    "stop_token": "text",
    "energy_wh": "bigint",
    "last_register_wh": "bigint",
    "last_power_w": "float8",
    "last_seq_no": "int",
    "last_reading_at": "timestamptz",
}


class OnSqlite:
    """With the durability of the product; the commit runs in a thread, as its fsync takes long."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (
            *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"),
            "wal_autocheckpoint=4000",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._inserts = {
            table: f"INSERT INTO {table} ({', '.join(names)}) "
            f"VALUES ({', '.join('?' * len(names))})"
            + (" ON CONFLICT DO NOTHING" if table in REPEATABLE else "")
            for table, names in COLUMNS.items()
        }
        changes = ", ".join(f"{name} = ?" for name in CHANGED)
        self._change = (
            f"UPDATE charging_sessions SET {changes}, revision = revision + 1 WHERE id = ?"
        )
        self._threads = gevent.get_hub().threadpool

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(query).fetchall()

    def store(self, rows: dict[str, Rows], changes: Rows) -> None:
        """Write everything in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        for table, some in rows.items():
            self._connection.executemany(self._inserts[table], some)
        self._connection.executemany(self._change, changes)
        self._threads.apply(self._connection.commit)


class OnPostgres:
    """COPY, and for what may be known already by way of a temporary table."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)
        cursor = self._connection.cursor()
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET timezone = 'UTC'")
        for table in REPEATABLE:
            cursor.execute(
                f"CREATE TEMPORARY TABLE new_{table} ON COMMIT DELETE ROWS AS "
                f"SELECT {', '.join(COLUMNS[table])} FROM {table} WITH NO DATA"
            )
        self._connection.commit()
        news = ", ".join(f"{name} = new.{name}" for name in CHANGED)
        arrays = ", ".join(f"%s::{kind}[]" for kind in (*CHANGED.values(), "bigint"))
        self._change = (
            f"UPDATE charging_sessions SET {news}, revision = revision + 1 "
            f"FROM unnest({arrays}) AS new ({', '.join(CHANGED)}, number) "
            "WHERE charging_sessions.id = new.number"
        )

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found = self._connection.execute(query).fetchall()  # type: ignore[arg-type]
        self._connection.commit()
        return found

    def store(self, rows: dict[str, Rows], changes: Rows) -> None:
        """Write everything in one transaction."""
        cursor = self._connection.cursor()
        for table, some in rows.items():
            names = ", ".join(COLUMNS[table])
            into = f"new_{table}" if table in REPEATABLE else table
            with cursor.copy(f"COPY {into} ({names}) FROM STDIN") as copy:  # type: ignore[arg-type]
                copy.write("".join(["\t".join(map(_copied, row)) + "\n" for row in some]))
            if table in REPEATABLE:
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {names} FROM new_{table} "  # type: ignore[arg-type]
                    "ON CONFLICT DO NOTHING"
                )
        if changes:
            cursor.execute(self._change, [list(values) for values in zip(*changes, strict=True)])  # type: ignore[arg-type]
        self._connection.commit()


def _copied(value: Any) -> str:
    """A value as COPY reads it."""
    if value is None:
        return "\\N"
    text = value if type(value) is str else str(value)
    return text.replace("\\", "\\\\") if "\\" in text else text


def opened(url: str) -> OnSqlite | OnPostgres:
    """The store at the URL of a database, as SQLAlchemy writes it."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return OnSqlite(parts.database or "")
    return OnPostgres(parts.set(drivername="postgresql").render_as_string(hide_password=False))


def changed(number: int, **values: Any) -> tuple[Any, ...]:
    """A row of changes to the session `number`; what is left out becomes NULL."""
    return (*map(values.get, CHANGED), number)


def gathered(works: Sequence[tuple[dict[str, Rows], Rows]]) -> tuple[dict[str, Rows], Rows]:
    """The rows of many works as those of one, by table."""
    rows: dict[str, Rows] = {}
    changes: dict[int, tuple[Any, ...]] = {}
    for some, more in works:
        for table, found in some.items():
            rows.setdefault(table, []).extend(found)
        for change in more:
            changes[change[-1]] = change
    return {table: rows[table] for table in COLUMNS if table in rows}, list(changes.values())
