"""Waiting for an order's end: the row is looked at again and again, and nothing is held meanwhile.

The desk runs on greenlets: a pause here is somebody else's turn.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.commands import OPEN_STATES
from app.extensions import db
from app.models import Command
from app.problems import Problem

#: The longest that a request may wait, in seconds.
LONGEST_S = 120
#: An answer at the very end of the wait still counts: patience with the charger is as long.
GRACE_S = 2.0
#: So many requests of one process may wait at once; the desk must have room for people.
MOST_AT_ONCE = 300
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.2


_places: set[object] = set()


@contextmanager
def place() -> Iterator[None]:
    """Take a place among those who wait, before anything is asked; raises `Problem` 503."""
    if len(_places) >= MOST_AT_ONCE:
        raise Problem(503, "Too many requests wait for stations now; try again.")
    mine = object()
    _places.add(mine)
    try:
        yield
    finally:
        _places.discard(mine)


def settled(command_id: int, within_s: float) -> Command:
    """Return the command once it has ended, or as it is when the time is over."""
    deadline = time.monotonic() + within_s + GRACE_S
    pause = _FIRST_PAUSE_S
    while True:
        # Another process writes the row; between two looks no connection is kept.
        db.session.rollback()
        command = db.session.get(Command, command_id, populate_existing=True)
        if command is None:
            raise LookupError(f"the command {command_id} is gone")
        if command.state not in OPEN_STATES or time.monotonic() >= deadline:
            return command
        db.session.rollback()
        time.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_PAUSE_S)
