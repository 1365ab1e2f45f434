"""Whether this worker can do its work: store, queue and send; `GET /readyz` says so.

Nobody who asks waits longer than a second, and what was found is good for a second: asking often
costs nothing, and a part that hangs is asked by one greenlet only.
"""

import logging
import shutil
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import gevent
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.office.messages import Row
from app.extensions import AWAY
from app.models import WorkerNode
from worker.batch import Batch
from worker.pace import ALARM_S, LAG
from worker.storage import StorageAway
from worker.works import Job

log = logging.getLogger(__name__)

OK, WARN, BAD = "ok", "warn", "bad"

#: An answer is good for so long, and waited for no longer than this, in seconds.
FRESH_S = WITHIN_S = 1.0
#: A commit that takes longer than this keeps chargers from their answers, in seconds.
STUCK_S = 10.0
#: With less room than this the next write may fail, in bytes.
LEAST_ROOM = 64 << 20


class Part(NamedTuple):
    """How a part fares, and where not ok what that means; "bad" keeps the worker from its work."""

    state: str
    sentence: str = ""


def answer(server: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of `GET /readyz`: 503 where new chargers should not be sent here."""
    try:
        parts = server.parts()
    except Exception:
        log.exception("the look at what the work needs failed")
        parts = {"worker": Part(BAD, "It cannot say how its parts fare: its log says why.")}
    if not server.serves:
        parts["start"] = Part(BAD, "The worker waits for the database before it serves.")
    if server.draining:
        parts["draining"] = Part(BAD, "The worker is being stopped.")
    states = {part.state for part in parts.values()}
    status = next((state for state in (BAD, WARN) if state in states), OK)
    told = {name: part._asdict() for name, part in parts.items()}
    return (503 if status == BAD else 200), {"status": status, "parts": told}


class Question:
    """Something that may take long or for ever, asked once at a time."""

    def __init__(self, ask: Callable[[], Part]) -> None:
        self._ask = ask
        self._answer = Part(OK)
        self._at = float("-inf")
        self._asking: gevent.Greenlet | None = None
        self._since = 0.0

    def answer(self, silent: Callable[[float], Part]) -> Part:
        """The newest answer; what `silent` makes of the seconds where none comes in time."""
        now = time.monotonic()
        if self._asking is None and now - self._at > FRESH_S:
            self._since = now
            self._asking = gevent.spawn(self._work)
        if self._asking is not None:
            self._asking.join(max(self._since + WITHIN_S - now, 0))
        if self._asking is not None:
            return silent(time.monotonic() - self._since)
        return self._answer

    def _work(self) -> None:
        try:
            self._answer = self._ask()
        finally:
            self._at = time.monotonic()
            self._asking = None


class Readiness:
    """The parts that a worker needs."""

    def __init__(self, app: Flask, batch: Batch, node: str) -> None:
        self._app = app
        self._batch = batch
        self._node = node
        self._database = Question(self._store)
        self._redis = Question(self._ping)

    def parts(self) -> dict[str, Part]:
        """Each part by its name."""
        return {
            "database": self._database.answer(_slow_database),
            "writer": self._writer(),
            "disk": self._disk(),
            "redis": self._redis.answer(lambda _: _NO_REDIS),
            "loop": _loop(),
        }

    def _store(self) -> Part:
        """Write as every message of a charger is written: by the batch."""

        def run(db: Session, rows: list[Row]) -> None:
            # Nothing changes, but it is a write for the database and its disk.
            same = update(WorkerNode).where(WorkerNode.node == self._node)
            db.execute(same.values(beat_at=WorkerNode.beat_at))

        try:
            self._batch.do(Job(run, "a look whether the database stores"))
        except StorageAway:
            return Part(BAD, "The database cannot be reached, or refuses to store.")
        return Part(OK)

    def _ping(self) -> Part:
        try:
            self._app.extensions["redis"].ping()
        except AWAY:
            return _NO_REDIS
        return Part(OK)

    def _writer(self) -> Part:
        """What waits to be stored gets its turn."""
        at_it_s = self._batch.load()[1]
        if at_it_s < STUCK_S:
            return Part(OK)
        return Part(BAD, f"What chargers said has waited to be stored for {at_it_s:.0f} s.")

    def _disk(self) -> Part:
        folder = self._app.config["SETTINGS"].data_dir
        free = shutil.disk_usage(folder if folder.exists() else ".").free
        if free >= LEAST_ROOM:
            return Part(OK)
        return Part(BAD, f"The disk of the data folder has {free >> 20} MB left.")


#: Chargers are served without it, so this is no reason to send them elsewhere.
_NO_REDIS = Part(WARN, "Redis does not answer: orders start a second late, pages are not live.")


def _slow_database(silent_s: float) -> Part:
    return Part(BAD, f"The database has not answered a write for {silent_s:.0f} s.")


def _loop() -> Part:
    if LAG.now_s < ALARM_S:
        return Part(OK)
    return Part(WARN, f"The worker is {LAG.now_s * 1000:.0f} ms late with its work.")
