"""What follows a fact: EVENT -> nudge.  A nudge never raises and never makes anyone wait.

Nudges leave through one thread per process (a greenlet under gevent), so that
a dead Redis cannot delay an answer to a charger.  One that fails is tried again, each once,
with growing pauses.  What is lost all the same is found by the sweep: the row is the truth.
"""

import atexit
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any

import orjson
import redis
from flask import Flask, current_app
from kombu.exceptions import KombuError

from app.domain.ground import events
from app.domain.ground.events import Event
from app.process import traces
from app.process.queues import FINDS_ALL, gathers_for

log = logging.getLogger(__name__)

#: Redis channel that carries the ids of queued commands, each with its station's, and its trace.
COMMANDS = "ampdesk:commands"
#: Redis channel that carries the rows of commands that have ended, for programs that wait for them.
ENDED = "ampdesk:ended"
#: Redis channel that carries the ids of stations whose access was decided anew.
ACCESS = "ampdesk:access"
#: Redis channel of a tenant's live topics: each fact with its station, which says who may hear.
LIVE = "ampdesk:live:{tenant_id}"

#: So many nudges wait at most, and so many that failed.
_BACKLOG = 10_000
#: What is raised while Redis or the broker is away.
_AWAY = (redis.RedisError, KombuError, OSError)
#: After a failure nothing is tried for so long, in seconds: at first, and at last.
_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
#: A row of more characters is not sent around: its id alone is, and it is read by who wants it.
_LONGEST_ROW = 100_000


def topics(event: Event) -> list[str]:
    """Name the live topics that an event touches; pages listen to these."""
    kind: Any = type(event)
    numbers = ((row, getattr(event, name)) for row, name in _named_by(kind))
    found = [f"{row}:{number}" for row, number in numbers if number is not None]
    return [*found, _TOPIC.get(kind, "home")]


@cache
def _named_by(kind: Any) -> list[tuple[str, str]]:
    """What facts of a kind name: the kinds of rows that pages show, and the members with ids."""
    rows = ("station", "session", "command", "broadcast", "bill", "job")
    return [(row, f"{row}_id") for row in rows if f"{row}_id" in kind.__dataclass_fields__]


_TOPIC = {
    events.StationChanged: "stations",
    events.AccessChanged: "stations",
    events.SessionChanged: "sessions",
    events.SessionEnded: "sessions",
    events.BillIssued: "bills",
    events.BillHeld: "bills",
    events.ReceiptChanged: "bills",
    events.CommandQueued: "commands",
    events.CommandChanged: "commands",
    events.CommandEnded: "commands",
    events.BroadcastChanged: "broadcasts",
    events.BroadcastWaits: "broadcasts",
    events.HandshakeSeen: "handshakes",
    events.ReservationChanged: "reservations",
    events.AlertsChanged: "alerts",
    events.JobsChanged: "jobs",
    events.WebhooksChanged: "webhooks",
    events.DeliveryWanted: "webhooks",
}

#: Tasks that look for themselves for what waits: one asked for and not yet begun is enough.
BILL, POST, HOOKS, JOBS = "bill_ended", "send_post", "tell_webhooks", "work_jobs"
REPORTS, BROADCASTS = "make_reports", "advance_broadcasts"
#: How long a task waits for more of the same, in seconds.
_GATHERS_S = {BILL: 1.0, HOOKS: 0.5}
#: For so long an unanswered nudge keeps others from being sent, in seconds.
_ASKED_S = 60
_ASKED = "ampdesk:asked:{task}"

#: event -> the task that finds what it told of
_GATHERED: dict[type[Event], str] = {
    events.SessionEnded: BILL,
    events.BillIssued: POST,
    events.ReceiptWanted: POST,
    events.MailWanted: POST,
    events.DeliveryWanted: HOOKS,
    events.JobWanted: JOBS,
    events.ReportWanted: REPORTS,
    events.BroadcastWaits: BROADCASTS,
}
#: What webhooks may be told of is among what these changed.
_TOLD = (
    *(events.SessionChanged, events.SessionEnded, events.BillIssued, events.BillHeld),
    *(events.StationChanged, events.CommandEnded, events.AlertsChanged),
)
#: For these a task is asked for even where it said that none is needed: somebody waits.
_WANTED = (events.DeliveryWanted,)
#: event -> (task name, attribute that holds the id)
_TASKS: dict[type[Event], tuple[str, str]] = {
    events.CertificateRequested: ("sign_certificate", "certificate_id"),
}


def react(happened: Iterable[Event]) -> None:
    """Hand the nudges of committed events over; returns at once."""
    happened = list(happened)
    if not happened:
        return
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    trace = traces.headers()
    headers = tuple(trace.items())
    live: dict[int, dict[tuple[int | None, tuple[str, ...]], None]] = {}
    for event in happened:
        about = (getattr(event, "station_id", None), tuple(topics(event)))
        live.setdefault(event.tenant_id, {})[about] = None
        if isinstance(event, events.CommandQueued):
            text = json.dumps([event.command_id, event.station_id, *trace.values()])
            nudge(_publish, app, COMMANDS, text)
        if isinstance(event, events.CommandEnded):
            nudge(_publish, app, ENDED, _row(event))
        if isinstance(event, events.AccessChanged):
            nudge(_publish, app, ACCESS, str(event.station_id))
        if by_id := _TASKS.get(type(event)):
            nudge(_send_task, app, by_id[0], getattr(event, by_id[1]), headers)
    kinds = set(map(type, happened))
    asked = dict.fromkeys((_GATHERED[kind] for kind in kinds if kind in _GATHERED), False)
    if not kinds.isdisjoint(_TOLD):
        asked.setdefault(HOOKS, False)
    for kind in kinds.intersection(_WANTED):
        asked[_GATHERED[kind]] = True
    for task, wanted in asked.items():
        nudge(_ask, app, task, headers, wanted)
    for tenant_id, told in live.items():
        text = orjson.dumps({"told": list(told)}).decode()
        nudge(_publish, app, LIVE.format(tenant_id=tenant_id), text)


def nudge(act: Callable[..., None], *arguments: Any) -> None:
    """Have something done soon that may be done twice; what it raises has it tried again.

    The first argument is the application whose Redis it needs.
    """
    _nudges.add(act, *arguments)


def _row(event: events.CommandEnded) -> str:
    text = json.dumps([event.command_id, event.told], default=str)
    return text if len(text) <= _LONGEST_ROW else json.dumps([event.command_id, None])


def _publish(app: Flask, channel: str, text: str) -> None:
    app.extensions["redis_of_nudges"].publish(channel, text)


Headers = tuple[tuple[str, str], ...]


def _send_task(app: Flask, name: str, number: int, trace: Headers) -> None:
    # Celery's own client goes on trying for seconds while Redis is away; this one does not.
    app.extensions["redis_of_nudges"].ping()
    app.extensions["celery"].send_task(name, [number], retry=False, headers=dict(trace))


#: Tasks whose mark may stand although they could not be asked for.
_unsent: set[str] = set()


def _ask(app: Flask, task: str, trace: Headers, wanted: bool = False) -> None:
    """Ask for a task that finds its work by itself, unless it is asked for already."""
    mark = _ASKED.format(task=task)
    client, first = app.extensions["redis_of_nudges"], not wanted and task not in _unsent
    if not client.set(mark, 1, nx=first, ex=_ASKED_S):
        return
    _unsent.add(task)
    try:
        headers = gathers_for(_GATHERS_S.get(task, 0.0)) | FINDS_ALL | dict(trace)
        app.extensions["celery"].send_task(task, retry=False, headers=headers)
    except BaseException:
        client.delete(mark)
        _unsent.discard(task)
        raise
    _unsent.discard(task)


def heard(task: str) -> None:
    """A task that was asked for begins: what happens from now on needs another one."""
    with suppress(redis.RedisError):
        current_app.extensions["redis"].delete(_ASKED.format(task=task))


def needless(task: str) -> None:
    """Have nobody ask for a task for a while, as it has nothing to do; beat looks all the same."""
    with suppress(redis.RedisError):
        current_app.extensions["redis"].set(_ASKED.format(task=task), 1, ex=_ASKED_S)


Nudge = tuple[Callable[..., None], tuple[Any, ...]]


def _app_of(nudge: Nudge) -> tuple[Any, ...]:
    """The application whose Redis it needs."""
    return nudge[1][:1]


class _Nudges:
    """A bounded backlog, a bounded set of what failed, and the one thread that works both off.

    While one fails nothing else of its application is tried: Redis is away for all of that.
    """

    def __init__(self) -> None:
        self._backlog: queue.Queue[Nudge] = queue.Queue(_BACKLOG)
        self._failed: dict[Nudge, None] = {}
        self._pause_s, self._again_at = 0.0, 0.0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, act: Callable[..., None], *arguments: Any) -> None:
        """Queue a nudge; dropped when the backlog is full, as the sweep will find its row."""
        try:
            self._backlog.put_nowait((act, arguments))
        except queue.Full:
            log.warning("nudge dropped: the backlog is full")
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="nudges", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            rests_s = self._again_at - time.monotonic() if self._failed else None
            try:
                nudge = self._backlog.get(timeout=rests_s and max(rests_s, 0.001))
            except queue.Empty:
                self._try_again()
                continue
            try:
                self._take(nudge)
            finally:
                self._backlog.task_done()

    def _take(self, nudge: Nudge) -> None:
        if not self._failed or _app_of(nudge) != _app_of(next(iter(self._failed))):
            self._try(nudge)
        elif len(self._failed) < _BACKLOG:
            self._failed[nudge] = None
        if self._failed and time.monotonic() >= self._again_at:
            self._try_again()

    def _try_again(self) -> None:
        while self._failed:
            nudge = next(iter(self._failed))
            if not self._try(nudge):
                return
            del self._failed[nudge]

    def _try(self, nudge: Nudge) -> bool:
        act, arguments = nudge
        try:
            act(*arguments)
        except _AWAY as error:
            # Said once, for there is one for every fact, and at the second try: a command of the
            # command line is over before that.
            if self._pause_s == _PAUSE_S:
                log.warning("nudges fail, they are tried again: %s", error)
            self._pause_s = min(max(2 * self._pause_s, _PAUSE_S), _LONGEST_PAUSE_S)
            self._again_at = time.monotonic() + self._pause_s
            # The first is tried last then: it may be the only one that cannot be done.
            self._failed.pop(nudge, None)
            self._failed[nudge] = None
            return False
        except Exception:
            log.exception("a nudge cannot be sent, a sweep will find its row")
        self._pause_s = 0.0
        return True

    def flush(self, within_s: float = 3.0) -> None:
        """Wait until the backlog is worked off, `within_s` seconds at most."""
        if self._backlog.unfinished_tasks:
            done = threading.Thread(target=self._backlog.join, daemon=True)
            done.start()
            done.join(within_s)


_nudges = _Nudges()


@atexit.register
def flush(within_s: float = 3.0) -> None:
    """Let pending nudges leave; for short-lived processes and tests."""
    _nudges.flush(within_s)
