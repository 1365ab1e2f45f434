"""A long list read in pieces, for a file: each a short read of its own, by columns.

No more is held than a piece, whoever is slow to take the file holds no connection, and nobody else
waits for longer than a piece takes.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, literal, true, tuple_
from sqlalchemy.orm import Session

from app.domain.ground.clock import let_others_run

#: Rows of a piece: some ten milliseconds.
PIECE = 500
#: However many files are written, one of them reads at a time.
_turn = threading.Lock()


def in_pieces(db: Session, query: Any, keys: Sequence[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of a select of columns, the greatest first.

    They are sorted by `keys`: columns that are never empty, the last of them unique, which each
    row ends with.  A piece begins where the one before ended, so what comes or goes meanwhile
    shifts nothing.
    """
    query = query.add_columns(*keys).order_by(*(key.desc() for key in keys)).limit(PIECE)
    place = tuple_(*keys)
    part = query
    while True:
        with _turn:
            rows = db.execute(part).all()
            db.rollback()
        yield from rows
        if len(rows) < PIECE:
            return
        last = rows[-1][-len(keys) :]
        part = query.where(place < tuple_(*map(literal, last, (key.type for key in keys))))
        let_others_run()


def narrowed(query: Select[Any]) -> ColumnElement[bool]:
    """The conditions of a list's own select."""
    return true() if query.whereclause is None else query.whereclause
