"""The message log: every frame a row, secrets redacted, kept for some days."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain.ground.bulk import BulkInsert
from app.domain.ground.redaction import LONGEST, REDACTED, may_hold_secrets, redact_frame, shortened
from app.domain.ground.vocabulary import MessageOutcome
from app.models import Message


def text_of(payload: object, text: str | None = None, personal: str = "") -> str:
    """Write a payload for the log: compact, its secrets blotted out, cut when huge.

    `text` is the same payload as JSON, for whoever has it at hand: where it can hold no secret,
    it is taken as it is.  The member `personal` tells of a customer and is left out.
    """
    if personal:
        payload, text = _without(payload, personal), None
    if text is None or may_hold_secrets(text):
        text = json.dumps(shortened(payload), separators=(",", ":"), ensure_ascii=False)
    return cut(text)


def _without(payload: object, personal: str) -> object:
    """A payload without what it says in a member, whatever letters its name is written in."""
    if not isinstance(payload, dict):
        return REDACTED
    kept = {name: said for name, said in payload.items() if name.casefold() != personal}
    return kept | {personal: REDACTED}


def text_of_frame(text: str) -> str:
    """Write a frame as it came, whole or broken, without its secrets."""
    return cut(redact_frame(text))


#: Stands between a frame that had to be repaired, as it came, and what was read in it.
_READ_AS = "\nread as "


def repaired(frame: str, reading: str) -> str:
    """Write a frame that had to be repaired as it came, and the payload that was read in it."""
    return f"{text_of_frame(frame)}{_READ_AS}{reading}"


def reading_of(text: str) -> str:
    """The payload in what `repaired` wrote; all of any other text."""
    return text.rpartition(_READ_AS)[2]


def cut(text: str) -> str:
    """Cut a text for the log and take out NUL, which PostgreSQL refuses."""
    text = text.replace("\x00", "\\u0000")
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


class Row(NamedTuple):
    """A row of the log; its members are columns of `Message`."""

    station_id: int
    connection_id: int | None
    outbound: bool
    message_id: str
    action: str
    request: str
    outcome: MessageOutcome
    at: datetime
    session_id: int | None = None
    response: str | None = None
    error_code: str | None = None
    error_description: str | None = None
    latency_ms: float | None = None


_TABLE = Message.__table__
_INSERT = BulkInsert(_TABLE, Row._fields)


def store(db: Session, rows: Sequence[Row]) -> None:
    """Add rows to the log in one statement."""
    _INSERT(db, [_without_nul(row) for row in rows])


def _without_nul(row: Row) -> Row:
    """The row, its texts of chargers that no `cut` has seen without the character NUL."""
    number, action, words = row.message_id, row.action, row.error_description
    if "\x00" not in number and "\x00" not in action and (not words or "\x00" not in words):
        return row
    return row._replace(
        message_id=number.replace("\x00", ""),
        action=action.replace("\x00", ""),
        error_description=words and words.replace("\x00", ""),
    )
