"""Waiting for an order's end: it is told by Redis, row and all, and nothing is held meanwhile.

Where Redis is away the row is looked at again and again.  The desk runs on greenlets: a pause
here is somebody else's turn.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from flask import current_app

from app.domain.commands import command_rules
from app.domain.ground.vocabulary import OPEN_STATES, CommandState, Json
from app.extensions import db
from app.models import Command
from app.web.ends import End, Ends
from app.web.problems import Problem

#: An answer at the very end of the wait still counts: patience with the charger is as long.
GRACE_S = 2.0
#: So many requests of one process may wait at once; the desk must have room for people.
MOST_AT_ONCE = 300
#: Pauses between two looks at the row, in seconds: while Redis tells the ends, and while not.
_TOLD_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 0.02, 0.2

Row = Any


@contextmanager
def place() -> Iterator["Place"]:
    """Take a place among those who wait, before anything is asked; raises `Problem` 503."""
    ends: Ends = current_app.extensions["ends"]
    if len(ends) >= MOST_AT_ONCE:
        raise Problem(503, "Too many requests wait for stations now; try again.")
    end = End()
    ends.join(end)
    try:
        yield Place(ends, end)
    finally:
        ends.leave(end)


class Place:
    """One request that waits for one order."""

    def __init__(self, ends: Ends, end: End) -> None:
        self._ends = ends
        self._end = end

    def expect(self, command_id: int) -> None:
        """Say which order it is: before its row is committed, or before it is looked at."""
        self._end.command_id = command_id

    def settled(self, within_s: float, now: Row = None) -> Row:
        """Return the row once it has ended, or as it is when the time is over.

        `now` is the row if it has just been read.
        """
        deadline = time.monotonic() + within_s + GRACE_S
        pause = _FIRST_PAUSE_S
        row = now if now is not None else self._look()
        while row.state in OPEN_STATES and (left_s := deadline - time.monotonic()) > 0:
            self._end.wake.wait(min(left_s, _TOLD_S if self._ends.live else pause))
            pause = min(pause * 1.3, _LONGEST_PAUSE_S)
            row = read(self._end.row) if self._end.row is not None else self._look()
            self._end.wake.clear()
        return row

    def _look(self) -> Row:
        """Read the row; another process writes it, and no connection is kept."""
        db.session.rollback()
        command = db.session.get(Command, self._end.command_id, populate_existing=True)
        if command is None:
            raise LookupError(f"the command {self._end.command_id} is gone")
        found = SimpleNamespace(**command_rules.as_it_stands(command))
        db.session.rollback()
        return found


def read(told: Json) -> Row:
    """The row of an order as it was told."""
    for name, value in told.items():
        if name.endswith("_at") and isinstance(value, str):
            told[name] = datetime.fromisoformat(value)
    return SimpleNamespace(**{**told, "state": CommandState(told["state"])})
