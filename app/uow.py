"""The unit of work: the only place that commits.

A unit of work begins a write transaction (IMMEDIATE on SQLite), commits when
its block ends, and only then lets the reactions act on the facts recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app import reactions
from app.domain.commands.orders import catalogue  # noqa: F401  (what follows commands is known everywhere)
from app.domain.ground import events
from app.extensions import db as flask_db


@contextmanager
def unit_of_work(*, durable: bool = True) -> Iterator[Session]:
    """Open the app context's session for writing; commit at the end, roll back on any error.

    What was read before is read again: rows that the caller holds are expired,
    so that a decision is taken on what the write transaction sees.  A commit that need not be
    `durable` does not wait for the disk: the next one that does takes it along.  It is for what
    nobody is told of before that.
    """
    db = flask_db.session()
    db.rollback()
    events.take(db)
    db.connection(execution_options={"write": True, "durable": durable})
    try:
        yield db
        db.commit()
    except BaseException:
        db.rollback()
        events.take(db)
        raise
    reactions.react(events.take(db))
