"""Rows that were seeded once, put into the next empty database as they were."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from app.models import Base, SchemaSupport

#: What the migrations themselves write is there already.
TABLES = [
    table.name for table in Base.metadata.sorted_tables if table.name != SchemaSupport.__tablename__
]
#: Names the first table that holds a row.
FILLED = " UNION ALL ".join(
    f"SELECT '{name}' FROM (SELECT 1 FROM {name} LIMIT 1)" for name in TABLES
)
#: How far each sequence is that was asked for a number.
SEQUENCES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value FROM pg_sequences
WHERE last_value IS NOT NULL
"""


class Sqlite:
    """The rows of a SQLite database."""

    def __init__(self, raw: Connection) -> None:
        rows = {
            name: [tuple(row) for row in raw.exec_driver_sql(f"SELECT * FROM {name}")]
            for name in TABLES
        }
        self._rows = {name: found for name, found in rows.items() if found}

    def put(self, raw: Connection) -> None:
        """Put them into an empty database."""
        raw.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for name, rows in self._rows.items():
            marks = ", ".join("?" * len(rows[0]))
            raw.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", rows)


class Postgresql:
    """The rows of a PostgreSQL database as COPY writes them, and how far its sequences are."""

    def __init__(self, raw: Connection) -> None:
        cursor = raw.connection.cursor()
        self._rows = {}
        for (name,) in raw.exec_driver_sql(FILLED).all():
            with cursor.copy(f"COPY {name} TO STDOUT") as copy:
                self._rows[name] = b"".join(bytes(part) for part in copy)
        self._sequences = [tuple(row) for row in raw.exec_driver_sql(SEQUENCES)]

    def put(self, raw: Connection) -> None:
        """Put them into an empty database."""
        cursor = raw.connection.cursor()
        cursor.execute("SET LOCAL session_replication_role = replica")  # keys point both ways
        for name, rows in self._rows.items():
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                copy.write(rows)
        cursor.executemany("SELECT setval(%s::regclass, %s)", self._sequences)
        cursor.execute("SET LOCAL session_replication_role = origin")


#: kind of database -> how its rows are kept
KINDS = {"sqlite": Sqlite, "postgresql": Postgresql}


@dataclass
class Kept:
    """The rows of a seeded database, and which of them have names."""

    rows: Sqlite | Postgresql
    named: dict[str, Any]

    @classmethod
    def of(cls, db: Session, made: Any) -> "Kept":
        """Keep what there is."""
        named = {}
        for field in fields(made):
            value = getattr(made, field.name)
            if isinstance(value, dict):
                named[field.name] = {name: (type(row), row.id) for name, row in value.items()}
            elif field.name != "now":
                named[field.name] = (type(value), value.id)
        return cls(KINDS[db.get_bind().dialect.name](db.connection()), named)

    def put(self, db: Session, made: Any) -> None:
        """Put it into an empty database."""
        self.rows.put(db.connection())
        known: dict[tuple[type, int], Any] = {}
        for model in {model for model, _ in self._named()}:
            known |= {(model, row.id): row for row in db.scalars(select(model))}
        for field, value in self.named.items():
            if isinstance(value, dict):
                getattr(made, field).update({name: known[one] for name, one in value.items()})
            else:
                setattr(made, field, known[value])

    def _named(self) -> list[tuple[type, int]]:
        found = []
        for value in self.named.values():
            found += value.values() if isinstance(value, dict) else [value]
        return found


#: The last of each kind: of database, and a number of sessions in the days before -> when it plays,
#: its rows.
_kept: dict[tuple[str, int], tuple[datetime, Kept]] = {}


def fill(db: Session, made: Any, history: int, fill_anew: Callable[[], None]) -> None:
    """Fill an empty database with what `fill_anew` would fill it with."""
    if db.execute(text(FILLED)).first():
        fill_anew()
        return
    kind = db.get_bind().dialect.name, history
    at, kept = _kept.get(kind, (None, None))
    if kept is not None and at == made.now:
        kept.put(db, made)
    else:
        fill_anew()
        _kept[kind] = made.now, Kept.of(db, made)
