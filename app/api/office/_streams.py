"""Open streams of events: one reader of a process looks for all of them what happened.

Nothing of it needs Redis: the tables are read while somebody listens.  A stream ends when its
token no longer works as it did when it was opened; who comes again begins with the new rights.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.api.ground._access import Caller
from app.domain.ground.vocabulary import Area, Right
from app.domain.office import api_tokens
from app.domain.office.api_tokens import Holder
from app.extensions import db as flask_db
from app.process.clock import TOOK_S, utc_now
from app.queries.office import heard
from app.queries.office.happenings import OVERLAP
from app.queries.office.heard import WINDOW, Ear, Heard
from app.schemas.answers import plain
from app.schemas.told import HEARD
from app.web import scope
from app.web.problems import Problem

log = logging.getLogger(__name__)

#: Streams of one token, and of one process.
MOST_OF_ONE, MOST = 5, 500
#: Between two looks, in seconds.
LOOK_S = 1.0
#: By so much the clocks of those who write what is told may be apart, whatever the database says.
APART = timedelta(seconds=TOOK_S / 2)
#: A comment is sent so often that nobody between takes the connection for dead.
BEAT_S = 15.0
#: So often it is looked whether the tokens still work.
CHECK_S = 3.0
#: Events that may wait for a slow reader; then its stream ends, and it comes again.
MOST_WAITING = 2 * heard.MOST_AGAIN


#: The first word of a kind -> the area whose reader may hear of it.
AREAS = {
    "session": Area.CHARGING,
    "bill": Area.MONEY,
    "station": Area.NETWORK,
    "connector": Area.NETWORK,
    "order": Area.COMMANDS,
    "alert": Area.OFFICE,
}


def written(one: Heard) -> str:
    """An event as it is sent."""
    told = {"type": one.kind, "timestamp": plain(one.at), "data": HEARD[one.kind].write(one.row)}
    text = orjson.dumps(told).decode()
    return f"id: {one.id}\nevent: {one.kind}\ndata: {text}\n\n"


class Stream:
    """One open stream; what it is to be told waits in it."""

    def __init__(
        self, caller: Caller, secret: str, kinds: frozenset[str], station_id: int | None
    ) -> None:
        self.caller, self.secret = caller, secret
        self.kinds, self.station_id = kinds, station_id
        self.holder: Holder | None = None
        #: Only what happened later is told; `resumed` asks for what happened since then.
        self.after = utc_now() - APART
        self.resumed: datetime | None = None
        self.over = self.caught_up = False
        self.wake = threading.Event()
        self._waiting: deque[str] = deque()
        self._told: set[str] = set()

    def wants(self, one: Heard) -> bool:
        """Tell whether this stream may and wants to know of an event."""
        if one.kind not in self.kinds or one.at < self.after or one.id in self._told:
            return False
        if not self.caller.may(AREAS[one.kind.partition(".")[0]], Right.READ):
            return False
        reach = self.caller.scope
        if one.tenant_id != reach.tenant_id:
            return False
        if reach.site_ids is not None and one.site_id not in reach.site_ids:
            return False
        return self.station_id is None or one.station_id == self.station_id

    def say(self, text: str) -> None:
        """Keep a text until it can be sent."""
        self._waiting.append(text)
        if len(self._waiting) > MOST_WAITING:
            self.end()
        self.wake.set()

    def catch_up(self, found: list[Heard] | None, since: datetime, now: datetime) -> None:
        """Tell what happened since the stream was cut off; None when it cannot be told."""
        self.after = since - OVERLAP
        if found is None or since < now - WINDOW:
            self.after = now
            self.say('event: gap\ndata: {"type": "gap"}\n\n')
            return
        for one in filter(self.wants, found):
            self.say(written(one))
        self._told = {one.id for one in found}

    def end(self) -> None:
        """Let the stream end."""
        self.over = True
        self.wake.set()

    def texts(self, seconds: int | None) -> Iterator[str]:
        """What is sent, for so many seconds; with 0 what has happened already."""
        until = time.monotonic() + seconds if seconds is not None else float("inf")
        yield "retry: 3000\n\n"
        beat = time.monotonic() + BEAT_S
        while True:
            self.wake.clear()
            while self._waiting:
                yield self._waiting.popleft()
            now = time.monotonic()
            if self.over or (now >= until and self.caught_up):
                return
            if now >= beat:
                yield ": beat\n\n"
                beat = now + BEAT_S
            rest = LOOK_S if now >= until else until - now
            self.wake.wait(min(beat - now, rest))


class Streams:
    """The streams of a process, and the one reader for all of them."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._open: dict[Stream, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def join(self, stream: Stream) -> None:
        """Add a stream; raises `Problem` where there are too many."""
        with self._lock:
            token_id = stream.caller.token_id
            if sum(one.caller.token_id == token_id for one in self._open) >= MOST_OF_ONE:
                raise Problem(429, f"This token has {MOST_OF_ONE} streams open; end one first.")
            if len(self._open) >= MOST:
                raise Problem(503, "Too many streams are open now; try again.")
            self._open[stream] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="events", daemon=True)
                self._thread.start()

    def events(self, stream: Stream, seconds: int | None) -> Iterator[str]:
        """What a stream is sent; at its end it is forgotten."""
        try:
            yield from stream.texts(seconds)
        finally:
            self.leave(stream)

    def leave(self, stream: Stream) -> None:
        """Forget a stream."""
        stream.end()
        self._open.pop(stream, None)

    def _work(self) -> None:
        ear, checked = Ear(), 0.0
        while not self._done():
            try:
                with self._app.app_context():
                    if time.monotonic() - checked > CHECK_S or any(
                        one.holder is None for one in list(self._open)
                    ):
                        self._weed()
                        checked = time.monotonic()
                    self._look(ear)
            except SQLAlchemyError as error:
                log.warning("events cannot be read: %s", error)
            except Exception:
                log.exception("events cannot be read")
            time.sleep(LOOK_S)

    def _done(self) -> bool:
        with self._lock:
            if not self._open:
                self._thread = None
            return self._thread is None

    def _look(self, ear: Ear) -> None:
        """Find what happened since the last look, and tell each stream what it wants of it."""
        db, now = flask_db.session(), utc_now()
        scope.narrow(db, None)
        streams = [one for one in list(self._open) if not one.over]
        kinds = frozenset[str]().union(*(one.kinds for one in streams))
        tenants = {one.caller.tenant_id for one in streams}
        if not streams:
            return
        found = ear.listen(db, kinds, tenants, now=now)
        for stream in streams:
            if stream.resumed is not None:
                since, stream.resumed = stream.resumed, None
                own = stream.caller.tenant_id
                fresh = since >= now - WINDOW
                missed = heard.again(db, stream.kinds, own, since, now=now) if fresh else None
                stream.catch_up(missed, since, now)
        for one in found:
            if hearing := [stream for stream in streams if stream.wants(one)]:
                text = written(one)
                for stream in hearing:
                    stream.say(text)
        for stream in streams:
            stream.caught_up = True
            stream.wake.set()

    def _weed(self) -> None:
        """End the streams whose token no longer works, or works otherwise."""
        db, now = flask_db.session(), utc_now()
        holders = {one.secret: api_tokens.find(db, one.secret, now=now) for one in self._open}
        for stream in list(self._open):
            holder = holders.get(stream.secret)
            if holder is not None:
                holder = replace(holder, last_used_at=None)
            stream.holder = stream.holder or holder
            if holder is None or holder != stream.holder:
                stream.end()
