"""Questions that may take long, asked beside whoever wants to know."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.process.clock import utc_now


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered last, None when nothing was; since when it has been like that."""

    value: Any
    since: datetime | None


class Beside:
    """A question that may take long, asked in a thread of its own."""

    def __init__(self, ask: Callable[..., Any], fresh_s: float, wait_s: float) -> None:
        self._ask = ask
        self._fresh_s, self._wait_s = fresh_s, wait_s
        self._last = Answer(None, None)
        self._at = self._began_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def answer(self, *arguments: object) -> Answer:
        """Return the last answer; ask again where it is old, but hardly wait."""
        with self._lock:
            idle = self._thread is None or not self._thread.is_alive()
            if idle and time.monotonic() - self._at > self._fresh_s:
                self._began_at = time.monotonic()
                self._thread = threading.Thread(target=self._work, args=arguments, daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None:
            thread.join(self._wait_s)
        return self._last

    def silent_s(self) -> float:
        """For how long the question has been without an answer, in seconds; 0 where it has one."""
        asking = self._thread is not None and self._thread.is_alive()
        return time.monotonic() - self._began_at if asking else 0.0

    def _work(self, *arguments: object) -> None:
        value = self._ask(*arguments)
        changed = self._last.since is None or (value is None) != (self._last.value is None)
        since = utc_now() if changed else self._last.since
        self._last, self._at = Answer(value, since), time.monotonic()
