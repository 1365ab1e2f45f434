"""What an answer needs beyond what was stored: found out after the commit, outside of any batch.

A price is read and reckoned here.  Those that wait are taken together, few at a time, so that the
loop goes on between them; nothing is written.
"""

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import gevent
from flask import Flask
from gevent.event import AsyncResult

from app.extensions import db as flask_db
from worker.dialects.context import Context, Fact

log = logging.getLogger(__name__)

#: So many are found out in one go.
MOST = 25


@dataclass(slots=True)
class Unfinished:
    """The result of a fact that is stored, and what its answer takes to be made."""

    route: Fact
    result: Any
    context: Context
    done: AsyncResult = field(default_factory=AsyncResult)


class Afterwards:
    """Finishes results, in sets of one kind."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting: deque[Unfinished] = deque()
        self._working = False

    def finish(self, unfinished: Unfinished) -> Any:
        """The finished result; as it was stored where the rest cannot be found out."""
        self._waiting.append(unfinished)
        if not self._working:
            self._working = True
            gevent.spawn(self._work)
        return unfinished.done.get()

    def _work(self) -> None:
        # Those that were stored together come together.
        gevent.sleep(0)
        try:
            while self._waiting:
                several = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                self._find_out(several)
                gevent.sleep(0)
        finally:
            self._working = False

    def _find_out(self, several: list[Unfinished]) -> None:
        kinds: dict[Any, list[Unfinished]] = {}
        for one in several:
            kinds.setdefault(one.route.after, []).append(one)
        for after, of_kind in kinds.items():
            results = [one.result for one in of_kind]
            try:
                with self._app.app_context():
                    try:
                        found = after(flask_db.session(), results, of_kind[-1].context.now)
                    finally:
                        flask_db.session.remove()
            except Exception:
                log.exception("what %d answers need was not found out", len(of_kind))
                found = results
            for one, result in zip(of_kind, found, strict=True):
                one.done.set(result)
