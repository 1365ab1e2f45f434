"""Failures told to Sentry: their kind, where in the code, and at which row; never what was said.

Off unless AMPDESK_SENTRY_DSN names a project: then nothing of the library is imported.  A failure
that repeats itself is told as often as the log says it (`app.process.logs`).  What chargers,
drivers or staff wrote stays here: no values of variables, no texts of exceptions, no requests.
"""

import atexit
import logging
import re
from collections.abc import Callable
from typing import Any

from app.config import Settings
from app.domain.ground.redaction import REDACTED, redact_text

#: What the work in hand is about, of which anybody may hear: names of ours, and numbers.
_TOLD = (
    *("request_id", "endpoint", "task", "task_id", "station_id", "order", "command_id", "action"),
)
#: Whose texts are ours: in others' something may have been filled in already.
_OURS = ("app.", "worker", "deploy.")
#: Those who tell; what they say of it would be told again.
_TELLERS = ("sentry_sdk", "urllib3")
#: What is told of the work in hand looks like a name or a number.
_NAME = re.compile(r"[\w.-]{1,100}")
#: How long the end of a process waits for what is still to be told, in seconds.
_PATIENCE_S = 2.0
_MAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")


def teller(
    settings: Settings, about: Callable[[], Any]
) -> Callable[[logging.LogRecord], None] | None:
    """What tells Sentry of a record of the log; None where no project is named.

    `about` says what the work in hand is about.
    """
    if not settings.sentry_dsn:
        return None
    import sentry_sdk
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration

    sentry_sdk.init(
        settings.sentry_dsn,
        # Each would add something of requests, variables, statements or machines.
        default_integrations=False,
        integrations=[ExcepthookIntegration()],  # what ends a process
        auto_enabling_integrations=False,
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        before_send=_bare,
    )

    atexit.register(sentry_sdk.flush, _PATIENCE_S)

    def tell(record: logging.LogRecord) -> None:
        if not record.name.startswith(_TELLERS):
            sentry_sdk.capture_event(_event(record, about()))

    return tell


def _event(record: logging.LogRecord, about: Any) -> Any:
    from sentry_sdk.utils import event_from_exception

    event: Any = {}
    if record.exc_info and record.exc_info[1] is not None:
        options = {"include_local_variables": False, "include_source_context": True}
        event, _ = event_from_exception(record.exc_info, client_options=_all(options))
    event |= {
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _text(record),
        "tags": {
            name: str(about[name])
            for name in _TOLD
            if name in about and _NAME.fullmatch(str(about[name]))
        },
    }
    return event


def _all(options: dict[str, Any]) -> dict[str, Any]:
    import sentry_sdk

    return {**sentry_sdk.get_client().options, **options}


def _text(record: logging.LogRecord) -> str:
    """The text of a record before anything was filled in; that of others where something will be.

    Their texts without arguments may have been filled in beforehand, as Flask's is with an address.
    """
    if not isinstance(record.msg, str) or not (record.args or record.name.startswith(_OURS)):
        return f"A failure that {record.name} tells of"
    return _MAIL.sub(REDACTED, redact_text(record.msg))


def _bare(event: Any, _hint: Any) -> Any:
    """Take away what may hold somebody's words, whoever put it there."""
    for name in ("user", "request", "breadcrumbs", "extra", "modules"):
        event.pop(name, None)
    for found in (event.get("exception") or {}).get("values") or ():
        found["value"] = ""
        for frame in (found.get("stacktrace") or {}).get("frames") or ():
            frame.pop("vars", None)
    return event
