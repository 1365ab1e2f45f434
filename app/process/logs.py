"""What is logged, and how: one line an event, plain or JSON, and no failure over and over.

A failure that repeats itself is said, then counted: the count comes each minute for as long as it
goes on.  JSON has what the work in hand is about (`ABOUT`) as fields of every line.
"""

import _thread
import atexit
import logging
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TextIO

import structlog
from celery import signals
from flask import Flask, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.config import Settings
from app.extensions import AWAY, gevent_has_sockets, is_away
from app.process import failures

log = logging.getLogger(__name__)

#: A longer text is cut: a charger must not fill the disk through the log.
LONGEST = 2000
#: Counts of what repeats itself are said so often, in seconds.
EVERY_S = 60.0
#: So many of a kind are said before they are only counted; the traceback is the first one's.
SAID = 3
#: So many kinds are told apart; what more there are is counted by its logger alone.
KINDS = 500

#: Of these it is asked whether the database or Redis is away.
_AWAY = (AWAY[0], DBAPIError, PoolTimeout)

#: What the work in hand is about, asked for only when something is logged.
ABOUT: ContextVar[Callable[[], Mapping[str, object]]] = ContextVar("about", default=dict)


def configure(settings: Settings) -> None:
    """Send all logging through structlog to standard error, once per process."""
    as_json = settings.log_format == "json"
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        *([_add_about] if as_json else []),
        _escape,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=_plain)
    )
    handler = Once(sys.stderr, failures.teller(settings, lambda: ABOUT.get()()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    _hear_of_failures()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _hear_of_failures() -> None:
    """Have logged what nobody catches: what a greenlet, the loop of gevent or a thread ended by.

    What ends the process is Python's to say.
    """
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
    if gevent_has_sockets():
        from gevent.hub import Hub

        def failed(_hub: Any, whose: Any, *error: Any) -> None:
            if not isinstance(whose, tuple):  # of a thread pool: raised where it is waited for
                _uncaught(*error)

        Hub.print_exception = failed


def _uncaught(kind: Any, error: Any, trace: Any) -> None:
    if kind is not SystemExit:
        # Whose it is stands in the traceback; its name would hold what it was called with.
        log.error("nobody caught a failure", exc_info=(kind, error or kind(), trace))


def _plain(file: Any, exception: Any) -> None:
    structlog.dev.plain_traceback(file, exception)


def _escape(_logger: Any, _name: str, entry: dict[str, Any]) -> dict[str, Any]:
    for key, value in entry.items():
        if isinstance(value, str) and key not in {"exception", "timestamp", "level"}:
            entry[key] = clean(value)
    if isinstance(trace := entry.get("exception"), str):
        # A traceback has lines, and ends with a message that may hold a charger's text: no line
        # of it may begin as an entry does.
        entry["exception"] = "\n".join(f"  {clean(line)}" for line in trace.split("\n"))
    return entry


def clean(text: str) -> str:
    """Escape control characters, so that no text can forge a line of the log, and cut it."""
    if text.isprintable() and len(text) <= LONGEST:
        return text
    safe = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text[:LONGEST])
    return safe + "…" if len(text) > LONGEST else safe


# What the work in hand is about


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Have these fields in every line that is logged meanwhile."""
    before = ABOUT.set(lambda: fields)
    try:
        yield
    finally:
        ABOUT.reset(before)


def register(app: Flask) -> None:
    """Have each request of the desk begin with fields of its own."""
    app.before_request_funcs.setdefault(None, []).insert(0, _begin_request)
    signals.task_prerun.connect(_begin_task)


def _begin_request() -> None:
    """Name the request as a proxy before us did, and the rows of its address; some addresses hold
    secrets, so they are not repeated."""
    named = request.headers.get("X-Request-ID", "")
    name = named if re.fullmatch(r"[\w.-]{8,64}", named) else uuid.uuid4().hex
    rows = {key: value for key, value in (request.view_args or {}).items() if type(value) is int}
    fields = {"request_id": name, "endpoint": request.endpoint, **rows}
    ABOUT.set(lambda: fields)


def _begin_task(task_id: str, task: Any, args: list[object], **_: object) -> None:
    """Name the task, and the rows that it was given by their ids."""
    rows = [row for row in args if isinstance(row, int)]
    fields = {"task": task.name, "task_id": task_id, "rows": rows}
    ABOUT.set(lambda: fields)


def _add_about(_logger: Any, _name: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {**ABOUT.get()(), **entry}


# What repeats itself


@dataclass(slots=True)
class _Kind:
    """A kind of failure: the first of this minute, and how often it came."""

    first: logging.LogRecord
    left: int = SAID - 1
    hidden: int = 0


class Once(logging.StreamHandler[TextIO]):
    """Writes a failure when it is new, and each minute how often it came again.

    A kind is a logger, a text before it is filled in, and the type of the exception.  `tell` hears
    of errors that are written.
    """

    def __init__(
        self, stream: TextIO, tell: Callable[[logging.LogRecord], None] | None = None
    ) -> None:
        super().__init__(stream)
        self._tell = tell
        self._kinds: dict[tuple[object, ...], _Kind] = {}
        self._turns_at = float("inf")

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, or count it."""
        if record.levelno < logging.WARNING:
            return super().handle(record)
        if time.monotonic() > self._turns_at + EVERY_S:
            self.turn()  # a process that forked left the thread behind that would have done it
        if (found := self._sifted(record)) is None:
            return False
        if self._tell is not None and record.levelno >= logging.ERROR:
            self._tell(record)
        return super().handle(found)

    def turn(self) -> None:
        """Say what was counted; what did not come again is new the next time."""
        counted = {key: kind for key, kind in self._kinds.items() if kind.hidden}
        found = [_again(kind) for kind in counted.values()]
        for kind in counted.values():
            kind.left = kind.hidden = 0
        self._kinds, self._turns_at = counted, float("inf")
        for record in found:
            super().handle(record)

    def _sifted(self, record: logging.LogRecord) -> logging.LogRecord | None:
        """What is written of a record; nothing in here waits, so that no lock is needed."""
        kind = self._kinds.get(key := _kind_of(record))
        if kind is None and len(self._kinds) >= KINDS:
            kind = self._kinds.get(key := (record.name,))
        if self._turns_at == float("inf"):
            self._turns_at = time.monotonic() + EVERY_S
            # Unlike a `Timer` it does not wait for its thread: the loop of gevent may log, too.
            _thread.start_new_thread(self._turn_later, ())
        if kind is None:
            self._kinds[key] = _Kind(short := _with(record, _words(record)))
            # Where in our code somebody missed the database or Redis says nothing about why.
            error = record.exc_info[1] if record.exc_info else None
            return short if isinstance(error, _AWAY) and is_away(error) else record
        if kind.left:
            kind.left -= 1
            return _with(record, _words(record))
        kind.hidden += 1
        return None

    def _turn_later(self) -> None:
        time.sleep(EVERY_S)
        if self in logging.getLogger().handlers:
            self.turn()


@atexit.register
def _last_counts() -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Once):
            handler.turn()


def _again(kind: _Kind) -> logging.LogRecord:
    now = time.time()
    words = f"{kind.first.args[0]} ({kind.hidden} times more)"  # type: ignore[index]
    return _with(kind.first, words, created=now)


def _with(record: logging.LogRecord, words: str, **fields: object) -> logging.LogRecord:
    """A record in other words: no traceback, and nothing that it would keep alive."""
    bare = {"msg": "%s", "args": (words,), "exc_info": None, "exc_text": None, **fields}
    return logging.makeLogRecord({**record.__dict__, **bare})


def _words(record: logging.LogRecord) -> str:
    """The text of a record and the error that it is about."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # the handler says of its traceback what is wrong
        text = str(record.msg)
    error = str(record.exc_info[1]) if record.exc_info else ""
    return text if error in text else f"{text}: {error}"


def _kind_of(record: logging.LogRecord) -> tuple[object, ...]:
    """By what a failure is told from others."""
    args = record.args if isinstance(record.args, tuple) else ()
    error = record.exc_info[1] if record.exc_info else None
    error = error or next((one for one in args if isinstance(one, BaseException)), None)
    text: object = record.msg
    if error is not None and not record.args:
        # The text may have been filled in beforehand, as Flask's is with an address.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        text = (trace.tb_frame.f_code, trace.tb_lineno) if trace else text
    return record.name, record.levelno, text, type(error)
