"""Rows that were seeded once, put into the next empty SQLite database as they were."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
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


@dataclass
class Kept:
    """The rows of a seeded database by table, and which of them have names."""

    rows: dict[str, list[tuple[Any, ...]]]
    named: dict[str, Any]

    @classmethod
    def of(cls, db: Session, made: Any) -> "Kept":
        """Keep what there is."""
        raw = db.connection()
        rows = {
            name: [tuple(row) for row in raw.exec_driver_sql(f"SELECT * FROM {name}")]
            for name in TABLES
        }
        named = {}
        for field in fields(made):
            value = getattr(made, field.name)
            if isinstance(value, dict):
                named[field.name] = {name: (type(row), row.id) for name, row in value.items()}
            elif field.name != "now":
                named[field.name] = (type(value), value.id)
        return cls({name: found for name, found in rows.items() if found}, named)

    def put(self, db: Session, made: Any) -> None:
        """Put it into an empty database."""
        raw = db.connection()
        raw.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for name, rows in self.rows.items():
            marks = ", ".join("?" * len(rows[0]))
            raw.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", rows)
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


#: The last of each kind: a number of sessions in the days before -> when it plays, its rows.
_kept: dict[int, tuple[datetime, Kept]] = {}


def fill(db: Session, made: Any, history: int, fill_anew: Callable[[], None]) -> None:
    """Fill an empty database with what `fill_anew` would fill it with."""
    if db.get_bind().dialect.name != "sqlite" or db.execute(text(FILLED)).first():
        fill_anew()
        return
    at, kept = _kept.get(history, (None, None))
    if kept is not None and at == made.now:
        kept.put(db, made)
    else:
        fill_anew()
        _kept[history] = made.now, Kept.of(db, made)
