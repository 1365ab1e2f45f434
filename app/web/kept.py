"""Answers that may be a moment old, kept per process: for what pages show, never to decide by.

What is kept of a tenant is asked for anew once the live stream has told of a change, but not more
often than every `LEAST_S`; and at once after somebody of the tenant has written something here.
"""

from collections.abc import Callable, Hashable, Iterable
from time import monotonic
from typing import TypeVar

from flask import Flask, Response, current_app, request

from app.extensions import db
from app.web import scope

#: Where changes come without an end, an answer is good for so long, in seconds.
LEAST_S = 1.0
_MOST = 500
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Answer = TypeVar("Answer")


class Kept:
    """The answers of a process."""

    def __init__(self) -> None:
        self._answers: dict[tuple[int, Hashable], tuple[float | None, object]] = {}
        self._told: dict[tuple[int, str], float] = {}

    def get(
        self,
        tenant_id: int,
        key: Hashable,
        for_s: float,
        ask: Callable[[], Answer],
        topic: str = "",
    ) -> Answer:
        """Return the answer to `key`; `ask` where none is kept or it is too old.

        Tenant 0 has what no change makes untrue; `topic` is that of the changes that do, or some
        of them.
        """
        now = monotonic()
        at, answer = self._answers.get((tenant_id, key), (None, None))
        if at is not None and now - at <= for_s:
            changed = any(self._told.get((tenant_id, one), at) > at for one in topic.split())
            if not changed or now - at <= LEAST_S:
                return answer  # type: ignore[return-value]
        if len(self._answers) >= _MOST:
            self._answers.clear()
        fresh = ask()
        self._answers[tenant_id, key] = (now, fresh)
        return fresh

    def hear(self, tenant_id: int, topics: Iterable[str]) -> None:
        """Something of a tenant has changed."""
        now = monotonic()
        self._told.update(((tenant_id, topic), now) for topic in topics if ":" not in topic)

    def forget(self, tenant_id: int) -> None:
        """Keep nothing of a tenant."""
        for key in [key for key in self._answers if key[0] == tenant_id]:
            self._answers.pop(key, None)


def of(app: Flask) -> Kept:
    """The answers that an application keeps."""
    found: Kept = app.extensions.setdefault("kept", Kept())
    return found


def get(
    tenant_id: int, key: Hashable, for_s: float, ask: Callable[[], Answer], topic: str = ""
) -> Answer:
    """As `Kept.get` of the current application; where nobody hears of changes only for a moment."""
    if topic and not current_app.extensions["live"].live:
        for_s = min(for_s, LEAST_S)
    return of(current_app).get(tenant_id, key, for_s, ask, topic)


def register(app: Flask) -> None:
    """Whoever writes sees what they wrote."""

    @app.after_request
    def forget(answer: Response) -> Response:
        # People and programs alike; nobody is looked up for this: an error page must do without
        # the database.
        reach = None if request.method in _SAFE else scope.of(db.session())
        if reach is not None:
            of(app).forget(reach.tenant_id)
        return answer
