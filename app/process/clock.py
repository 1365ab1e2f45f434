"""What time it is: by the clock of the database, which all nodes share."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

#: For so long what the database said counts, in seconds, and an answer that took longer does not.
TOLD_S, TOOK_S = 5.0, 2.0
#: A process that has not used the database for so long asks it for the time alone, in seconds.
LONG_AGO_S = 600.0
#: By more a machine's own clock is said to be off, in seconds.
OFF_S = 2.0


class Shared:
    """The database's clock, which all nodes share: a machine whose own is off does no harm.

    Between two answers it is gone on with by the monotonic clock, which nobody sets.  Whatever uses
    the database keeps it; `ask` asks where nothing did.
    """

    def __init__(self) -> None:
        self.ask: Callable[[], object] | None = None
        self._said: tuple[datetime, float] | None = None
        self._asked_at = float("-inf")

    def now(self) -> datetime:
        """What time it is; this machine's word, where no database was asked (SQLite)."""
        if self.ask is not None and time.monotonic() - self._asked_at > LONG_AGO_S:
            self._asked_at = time.monotonic() - TOLD_S
            self.ask()
        if self._said is None:
            return datetime.now(UTC)
        at, seconds = self._said
        return at + timedelta(seconds=time.monotonic() - seconds)

    def keep(self, connection: Any) -> None:
        """Ask the database what time it is, unless it said so a short while ago.

        Whether `connection`, one of the driver's own, is good shows in what is done with it next.
        """
        began = time.monotonic()
        if began - self._asked_at < TOLD_S:
            return
        self._asked_at = began
        try:
            at = connection.execute("SELECT clock_timestamp()").fetchone()[0].astimezone(UTC)
        except Exception:
            return
        took = time.monotonic() - began
        said = (at, began + took / 2)
        # What differs by no more than the way took is no news.
        known = self._said is not None and abs(self.now() - at).total_seconds() <= took + 0.001
        if took <= TOOK_S and not known:
            self._said = said

    def off(self) -> dict[str, float]:
        """By how many seconds this machine's own clock is ahead; nothing where it is right."""
        ahead_s = (datetime.now(UTC) - self.now()).total_seconds()
        return {"clock_ahead_s": round(ahead_s, 1)} if abs(ahead_s) > OFF_S else {}


SHARED = Shared()


def utc_now() -> datetime:
    """What time it is, by the one clock of all nodes."""
    return SHARED.now()
