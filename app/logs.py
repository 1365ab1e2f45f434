"""Logs: one line an event, control characters escaped, plain or JSON."""

import logging
import sys
from typing import Any

import structlog

from app.config import Settings

#: A longer text is cut: a charger must not fill the disk through the log.
LONGEST = 2000


def configure(settings: Settings) -> None:
    """Send all logging through structlog to standard error, once per process."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _escape,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=_plain)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


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
