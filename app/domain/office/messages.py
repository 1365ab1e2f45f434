"""The message log: every frame a row, secrets redacted, kept for some days."""

import json
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import BulkInsert
from app.domain.ground.redaction import (
    LONGEST,
    REDACTED,
    may_hold_secrets,
    redact,
    redact_frame,
    redact_text,
    redacted,
    shortened,
)
from app.models import Message

__all__ = ["LONGEST", "REDACTED", "forget", "redact", "redact_text", "redacted", "store", "text_of"]


def text_of(payload: Any, text: str | None = None, personal: str = "") -> str:
    """Write a payload for the log: compact, its secrets blotted out, cut when huge.

    `text` is the same payload as JSON, for whoever has it at hand: where it can hold no secret,
    it is taken as it is.  The member `personal` tells of a customer and is left out.
    """
    if personal and isinstance(payload, dict):
        payload, text = {**payload, personal: REDACTED}, None
    if text is None or may_hold_secrets(text):
        text = json.dumps(shortened(payload), separators=(",", ":"), ensure_ascii=False)
    return cut(text)


def text_of_frame(text: str) -> str:
    """Write a frame as it came, whole or broken, without its secrets."""
    return cut(redact_frame(text))


def cut(text: str) -> str:
    """Cut a text for the log and take out NUL, which PostgreSQL refuses."""
    text = text.replace("\x00", "\\u0000")
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


_STORED = (
    "station_id",
    "connection_id",
    "session_id",
    "outbound",
    "message_id",
    "action",
    "request",
    "response",
    "outcome",
    "error_code",
    "error_description",
    "at",
    "latency_ms",
)
#: Texts of chargers, or with some in them, that no `cut` has seen.
_SAID = ("message_id", "action", "error_description")
_TABLE: Any = Message.__table__
_INSERT = BulkInsert(_TABLE, _STORED)
_IN_ORDER = itemgetter(*_STORED)


def store(db: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows to the log in one statement; keys are the columns of `Message`."""
    for row in rows:
        for name in _SAID:
            if (said := row[name]) and "\x00" in said:
                row[name] = said.replace("\x00", "")
    _INSERT(db, [_IN_ORDER(row) for row in rows])


def forget(db: Session, *, before: datetime, limit: int = 5000) -> int:
    """Delete the oldest rows from before an instant, `limit` at most; return how many."""
    old = db.scalars(select(Message.id).where(Message.at < before).limit(limit)).all()
    if old:
        db.execute(delete(Message).where(Message.id.in_(old)))
    return len(old)
