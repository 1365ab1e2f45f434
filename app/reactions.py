"""What follows a fact: EVENT -> nudge.  A nudge never raises and never makes anyone wait.

Nudges leave through one thread per process (a greenlet under gevent), so that
a dead Redis cannot delay an answer to a charger.  A nudge that is lost is found
by the sweep: the row is the truth.
"""

import atexit
import json
import logging
import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import redis
from flask import Flask, current_app

from app import traces
from app.domain.ground import events
from app.domain.ground.events import Event
from app.queues import good_for

log = logging.getLogger(__name__)

#: Redis channel that carries the ids of queued commands, each with its station's, and its trace.
COMMANDS = "ampdesk:commands"
#: Redis channel that carries the rows of commands that have ended, for programs that wait for them.
ENDED = "ampdesk:ended"
#: Redis channel that carries the ids of stations whose access was decided anew.
ACCESS = "ampdesk:access"
#: Redis channel of a tenant's live topics: each fact with its station, which says who may hear.
LIVE = "ampdesk:live:{tenant_id}"

_BACKLOG = 10_000
#: A row of more characters is not sent around: its id alone is, and it is read by who wants it.
_LONGEST_ROW = 100_000


def topics(event: Event) -> list[str]:
    """Name the live topics that an event touches; pages listen to these."""
    found = []
    for kind in ("station", "session", "command", "broadcast", "bill", "job"):
        number = getattr(event, f"{kind}_id", None)
        if number is not None:
            found.append(f"{kind}:{number}")
    found.append(_TOPIC.get(type(event), "home"))
    return found


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
_GATHERS_S = {BILL: 1.0}
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
    live: dict[int, dict[tuple[int | None, tuple[str, ...]], None]] = {}
    for event in happened:
        about = (getattr(event, "station_id", None), tuple(topics(event)))
        live.setdefault(event.tenant_id, {})[about] = None
        if isinstance(event, events.CommandQueued):
            text = json.dumps([event.command_id, event.station_id, *trace.values()])
            _nudges.add(_publish, app, COMMANDS, text)
        if isinstance(event, events.CommandEnded):
            _nudges.add(_publish, app, ENDED, _row(event))
        if isinstance(event, events.AccessChanged):
            _nudges.add(_publish, app, ACCESS, str(event.station_id))
        if by_id := _TASKS.get(type(event)):
            _nudges.add(_send_task, app, by_id[0], getattr(event, by_id[1]), trace)
    for task in {_GATHERED[kind] for kind in map(type, happened) if kind in _GATHERED}:
        _nudges.add(_ask, app, task, trace)
    for tenant_id, told in live.items():
        text = json.dumps({"told": list(told)})
        _nudges.add(_publish, app, LIVE.format(tenant_id=tenant_id), text)


def _row(event: events.CommandEnded) -> str:
    text = json.dumps([event.command_id, event.told], default=str)
    return text if len(text) <= _LONGEST_ROW else json.dumps([event.command_id, None])


def _publish(app: Flask, channel: str, text: str) -> None:
    app.extensions["redis_of_nudges"].publish(channel, text)


def _send_task(app: Flask, name: str, number: int, trace: dict[str, str]) -> None:
    # Celery's own client goes on trying for seconds while Redis is away; this one does not.
    app.extensions["redis_of_nudges"].ping()
    app.extensions["celery"].send_task(name, [number], retry=False, headers=trace)


def _ask(app: Flask, task: str, trace: dict[str, str]) -> None:
    """Ask for a task that finds its work by itself, unless it is asked for already."""
    mark = _ASKED.format(task=task)
    if not app.extensions["redis_of_nudges"].set(mark, 1, nx=True, ex=_ASKED_S):
        return
    try:
        wait_s, headers = _GATHERS_S.get(task), good_for(_ASKED_S) | trace
        app.extensions["celery"].send_task(task, retry=False, countdown=wait_s, headers=headers)
    except BaseException:
        app.extensions["redis_of_nudges"].delete(mark)
        raise


def heard(task: str) -> None:
    """A task that was asked for begins: what happens from now on needs another one."""
    with suppress(redis.RedisError):
        current_app.extensions["redis"].delete(_ASKED.format(task=task))


class _Nudges:
    """A bounded backlog and the one thread that works it off."""

    def __init__(self) -> None:
        self._backlog: queue.Queue[tuple[Callable[..., None], tuple[Any, ...]]] = queue.Queue(
            _BACKLOG
        )
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
        failing = ""
        while True:
            act, arguments = self._backlog.get()
            try:
                act(*arguments)
                failing = ""
            except Exception as error:
                # Said once per cause: while Redis is away there is one for every fact.
                if str(error) != failing:
                    log.warning("nudges fail, sweeps will find their rows: %s", error)
                failing = str(error)
            finally:
                self._backlog.task_done()

    def flush(self, within_s: float = 3.0) -> None:
        """Wait until the backlog is worked off, `within_s` seconds at most."""
        done = threading.Thread(target=self._backlog.join, daemon=True)
        done.start()
        done.join(within_s)


_nudges = _Nudges()


def flush(within_s: float = 3.0) -> None:
    """Let pending nudges leave; for short-lived processes and tests."""
    _nudges.flush(within_s)


@atexit.register
def _leave() -> None:
    if _nudges._backlog.unfinished_tasks:
        flush()
