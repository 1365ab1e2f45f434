"""How rounds do their steps: each by itself, and long ones in short units of work."""

import functools
import logging
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy.orm import Session

from app.extensions import db as flask_db
from app.uow import unit_of_work

Found = TypeVar("Found")
log = logging.getLogger(__name__)

#: How long a unit of long work keeps other writers waiting at most, in seconds.  SQLite has
#: one writer, which is to be the chargers' again soon; PostgreSQL has many.
_SQLITE_S, _POSTGRESQL_S = 0.015, 0.1
#: Rows of the first unit of some long work, and of the largest.
_FIRST, _MOST = 50, 5000
#: After so many units what they wrote is brought from SQLite's log into its file.
_CHECKPOINT_AFTER = 8


class Bites:
    """Units of work on as many rows as take some hundredths of a second, with pauses between.

    On SQLite the pause is as long as the unit: in it the worker gets at the file.  There the log of
    what was written is brought into the file meanwhile, or a charger's commit would have to do it.
    A unit does not wait for the disk: what is lost with the power is done again.
    """

    def __init__(self) -> None:
        self._sqlite = flask_db.engine.dialect.name == "sqlite"
        self._most, self._done = _FIRST, 0

    def __call__(self, act: Callable[[Session, int], Found]) -> Found:
        """Do one unit; `act` is told how many rows it may write, and its answer is returned."""
        with unit_of_work(durable=False) as db:
            began = time.monotonic()
            found = act(db, self._most)
        took_s = max(time.monotonic() - began, 0.0001)
        fits = (_SQLITE_S if self._sqlite else _POSTGRESQL_S) / took_s
        self._most = round(min(max(self._most * min(max(fits, 0.5), 2.0), _FIRST), _MOST))
        self._done += 1
        if self._sqlite:
            if self._done % _CHECKPOINT_AFTER == 0:
                _checkpoint()
            time.sleep(took_s)
        return found


def _checkpoint() -> None:
    """Bring SQLite's log into its file as far as nobody has to wait for that."""
    connection = flask_db.engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()


def each(what: str, numbers: Iterable[int], act: Callable[[int], None], until: float) -> bool:
    """Act on each row by itself, so that one that cannot be dealt with stops no other.

    Tells whether all that were come to could be dealt with.
    """
    well = True
    for number in numbers:
        if time.monotonic() > until:
            log.info("the sweep leaves the rest to the next one")
            break
        well &= guarded(f"{what} {number}", functools.partial(act, number))
    return well


def guarded(what: str, act: Callable[[], object]) -> bool:
    """Tell whether all of it was done."""
    try:
        return act() is not False
    except Exception:
        log.exception("sweep: %s", what)
        flask_db.session.rollback()
        return False


def work(act: Callable[[Session], object]) -> object:
    with unit_of_work() as db:
        return act(db)
