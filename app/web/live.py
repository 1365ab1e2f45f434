"""Live pages: server-sent events from Redis to the browser.

A page opens one stream at `/live`; each event names a topic that changed
(`station:12`, `sessions`, …) and the page re-reads the fragments that show it.
Without Redis the stream says so (`degraded`) and pages fall back on polling.
A beat every few seconds says when a worker last answered.

All streams of a process share one subscription.  A stream hears of what its
person may see, and ends with their sign-in.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import redis
from flask import Flask, Response, current_app, g, has_request_context, request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.domain.ground.vocabulary import Area, Right
from app.domain.office import rights, sign_ins
from app.extensions import db
from app.models import Bill, Broadcast, ChargingSession, Command, Job, Station
from app.process.clock import utc_now
from app.reactions import LIVE
from app.web import kept, scope, system
from app.web.ends import RETRY_S, Ends
from app.web.scope import Scope
from app.web.security import SignedIn, needs

log = logging.getLogger(__name__)

#: A beat is sent this often: it tells the page that the stream is open, and when a worker last
#: answered.  A page that hears nothing for four of them is not live.
BEAT_S = 5.0
#: Streams of one person; the oldest ends when one more is opened.
MOST_OF_ONE = 10
#: Streams of one process; whoever comes then is told to ask instead, for a while.
MOST = 2000
#: What is told of lists goes out together so often: what was kept meanwhile is then read anew.
GATHER_S = kept.LEAST_S
#: How often the sign-ins are looked at whose streams are open, in seconds.
CHECK_S = 2.0
#: For so long it is remembered whether somebody may see a row, in seconds.
_KNOWN_S = 5.0
_MOST_KNOWN = 20_000
#: A page that listens to more topics than this hears of all of them.
_MOST_TOPICS = 100
_ASK = "retry: 30000\nevent: degraded\ndata: {}\n\n"

#: What the topics with a number are about.
_ROWS: dict[str, Any] = {
    "station": Station,
    "session": ChargingSession,
    "command": Command,
    "bill": Bill,
    "broadcast": Broadcast,
    "job": Job,
}


#: Who hears of the topics of an area; of others everybody.
_AREAS = {
    "station": Area.NETWORK,
    "stations": Area.NETWORK,
    "session": Area.CHARGING,
    "sessions": Area.CHARGING,
    "command": Area.COMMANDS,
    "commands": Area.COMMANDS,
    "broadcast": Area.COMMANDS,
    "broadcasts": Area.COMMANDS,
    "bill": Area.MONEY,
    "bills": Area.MONEY,
    "alerts": Area.OFFICE,
    "handshakes": Area.NETWORK,
    "reservations": Area.ACCESS,
    "webhooks": Area.ORGANISATION,
}


class Listener:
    """One open stream."""

    def __init__(self, person: SignedIn, wanted: frozenset[str] | None) -> None:
        self.user_id, self.sign_in_id = person.id, person.sign_in_id
        self.scope, self.wanted, self.rights = person.scope, wanted, person.rights
        self.wake = threading.Event()
        self.over = False
        #: When what was heard of lists is due; that of single rows is so at once.
        self.due = float("inf")
        self._heard: dict[str, None] = {}
        self._lists: dict[str, None] = {}

    def hear(self, topics: list[str]) -> None:
        """Keep topics until the stream tells them; each is told once however often it changed."""
        for topic in topics:
            if self.wanted is not None and topic not in self.wanted:
                continue
            if not rights.may(self.rights, _AREAS.get(topic.partition(":")[0]), Right.READ):
                continue
            if ":" in topic:
                self._heard[topic] = None
                self.wake.set()
            elif not self._lists:
                self._lists[topic] = None
                self.due = time.monotonic() + GATHER_S
                self.wake.set()
            else:
                self._lists[topic] = None

    def take(self) -> list[str]:
        """Return the topics to be told now."""
        self.wake.clear()
        heard, self._heard = self._heard, {}
        if time.monotonic() >= self.due:
            heard, self._lists, self.due = {**heard, **self._lists}, {}, float("inf")
        return list(heard)

    def end(self) -> None:
        """Let the stream end."""
        self.over = True
        self.wake.set()


class Hub:
    """The streams of a process, and the one subscription that all of them share."""

    def __init__(self, app: Flask) -> None:
        self.live = False
        self._app = app
        self._listeners: dict[Listener, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._known: dict[tuple[Scope, str], tuple[bool, float]] = {}

    def join(self, listener: Listener) -> bool:
        """Add a stream; False when there are too many."""
        with self._lock:
            own = [one for one in self._listeners if one.user_id == listener.user_id]
            if len(own) >= MOST_OF_ONE:
                self._listeners.pop(own[0])
                own[0].end()
            if len(self._listeners) >= MOST:
                return False
            self._listeners[listener] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="live", daemon=True)
                self._thread.start()
        return True

    def leave(self, listener: Listener) -> None:
        """Forget a stream."""
        self._listeners.pop(listener, None)

    def beat(self) -> str:
        """What a beat tells: when a worker last answered."""
        with self._app.app_context():
            return system.beat()

    def _work(self) -> None:
        while not self._done():
            try:
                self._listen()
                continue
            except redis.RedisError as error:
                log.info("live pages have to ask: %s", error)
            except Exception:
                log.exception("live pages have to ask")
            self._set_live(False)
            self._weed()
            time.sleep(RETRY_S)

    def _done(self) -> bool:
        with self._lock:
            if not self._listeners:
                self._thread, self.live = None, False
            return self._thread is None

    def _listen(self) -> None:
        client: redis.Redis = self._app.extensions["redis"]
        checked = 0.0
        with client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.psubscribe(LIVE.format(tenant_id="*"))
            self._set_live(True)
            while self._listeners:
                message = channel.get_message(timeout=CHECK_S / 2)
                if message is not None:
                    tenant_id = int(message["channel"].rpartition(b":")[2])
                    self._deliver(tenant_id, json.loads(message["data"])["told"])
                if time.monotonic() - checked > CHECK_S:
                    self._weed()
                    checked = time.monotonic()

    def _set_live(self, live: bool) -> None:
        if self.live is not live:
            self.live = live
            for listener in list(self._listeners):
                listener.wake.set()

    def _deliver(self, tenant_id: int, told: list[tuple[int | None, list[str]]]) -> None:
        everything = [topic for _, topics in told for topic in topics]
        kept.of(self._app).hear(tenant_id, everything)
        narrow: dict[Scope, list[str]] = {}
        for listener in list(self._listeners):
            reach = listener.scope
            if reach.tenant_id != tenant_id:
                continue
            if reach.site_ids is not None and reach not in narrow:
                narrow[reach] = [topic for one in told for topic in self._within(reach, *one)]
            listener.hear(narrow.get(reach, everything))

    def _within(self, reach: Scope, station_id: int | None, topics: list[str]) -> list[str]:
        """Return what somebody of limited reach may hear of one fact."""
        if station_id is not None:
            return topics if self._sees(reach, f"station:{station_id}") else []
        rows = [topic for topic in topics if ":" in topic]
        seen = [topic for topic in rows if self._sees(reach, topic)]
        return (
            [topic for topic in topics if topic in seen or topic not in rows]
            if seen
            else ([] if rows else topics)
        )

    def _sees(self, reach: Scope, topic: str) -> bool:
        known, until = self._known.get((reach, topic), (False, 0.0))
        if until > time.monotonic():
            return known
        kind, _, number = topic.partition(":")
        model = _ROWS.get(kind)
        if model is None:
            return False
        with self._app.app_context():
            scope.narrow(db.session(), reach)
            found = db.session.scalar(select(model.id).where(model.id == int(number)))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[reach, topic] = (found is not None, time.monotonic() + _KNOWN_S)
        return found is not None

    def _weed(self) -> None:
        """End the streams whose sign-in counts no more, or whose person may do something else."""
        open_ = list(self._listeners)
        try:
            with self._app.app_context():
                ids = {listener.sign_in_id for listener in open_}
                counting = sign_ins.counting(db.session(), ids, now=utc_now())
        except SQLAlchemyError as error:
            log.warning("the sign-ins of open streams cannot be read: %s", error)
            return
        for listener in open_:
            if counting.get(listener.sign_in_id) != listener.rights:
                listener.end()


def bind(app: Flask) -> None:
    """Give the application its streams, and those who wait for the ends of orders."""
    app.extensions["live"] = Hub(app)
    app.extensions["ends"] = Ends(app)


def register(app: Flask) -> None:
    """Add the stream's route."""
    app.add_url_rule("/live", "live", needs("read")(stream))
    app.add_template_global(live_piece)


def live_piece(name: str, text: str) -> str:
    """Keep the piece of a page that asked for itself (templates/macros/live.html)."""
    if has_request_context() and request.headers.get("X-Live") == name:
        g.live_piece = text
    return text


def stream() -> Response:
    """Answer with the endless stream of the changed topics that this person may see."""
    hub: Hub = current_app.extensions["live"]
    topics = frozenset(filter(None, request.args.get("topics", "").split(",")))
    wanted = topics if 0 < len(topics) <= _MOST_TOPICS else None
    listener = Listener(current_user._get_current_object(), wanted)
    answer = Response(
        _events(hub, listener) if hub.join(listener) else iter([_ASK]),
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    answer.call_on_close(lambda: hub.leave(listener))
    return answer


def _events(hub: Hub, listener: Listener) -> Iterator[str]:
    told: bool | None = None
    yield "retry: 3000\n\n"
    due = time.monotonic()
    while not listener.over:
        if told is not hub.live:
            told = hub.live
            yield f"event: {'live' if told else 'degraded'}\ndata: {{}}\n\n"
        for topic in listener.take():
            yield f"event: topic\ndata: {json.dumps(topic)}\n\n"
        if time.monotonic() >= due:
            yield f"event: beat\ndata: {hub.beat()}\n\n"
            due = time.monotonic() + BEAT_S
        listener.wake.wait(max(0.0, min(due, listener.due) - time.monotonic()))
    yield _ASK
