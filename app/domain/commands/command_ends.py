"""How commands end: decided from their rows as they are, for many at once, each written once.

The legal moves are tables (`COMMAND_MOVES`, `LATE_MOVES`); what ended before keeps its first end.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain.commands import orders
from app.domain.ground import redaction
from app.domain.ground.bulk import BulkUpdate, among
from app.domain.ground.events import CommandEnded, record
from app.domain.ground.vocabulary import COMMAND_MOVES, LATE_MOVES, Json, Outcome
from app.models import BroadcastTarget, Command

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What went over the wire for a command, and when."""

    action: str
    request: Json | None
    message_id: str | None
    sent_at: datetime

    def columns(self) -> Json:
        """The same as columns of the command, secrets blotted out."""
        return {
            "action": self.action,
            "request": redaction.redact(self.request),
            "message_id": self.message_id,
            "sent_at": self.sent_at,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended.

    `wire` is what went over the wire, `attempts` all forms that were tried before it; both may be
    kept already.  `late`: what the station did afterwards shows the end, no answer ever came.
    """

    command_id: int
    outcome: Outcome
    latency_ms: float | None = None
    wire: Sent | None = None
    attempts: Sequence[Json] = ()
    late: bool = False


#: What goes on when commands of broadcasts have ended; entered from above, as the orders are
#: (`app.domain.commands.orders.catalogue`), since broadcasts queue commands themselves.
FOLLOWERS: list[Callable[[Session, Sequence[Command], datetime], None]] = []

_COMMAND = Command.__table__
_TARGET = BroadcastTarget.__table__
_IN_BROADCAST = select(_TARGET.c.id).where(_TARGET.c.command_id == _COMMAND.c.id).exists()
_ROWS = (
    select(_COMMAND, _IN_BROADCAST.label("in_broadcast"))
    .where(among(_COMMAND.c.id, "ids"))
    .order_by(_COMMAND.c.id)
    .with_for_update(of=_COMMAND)
)
_WRITTEN = (
    *("state", "answer", "arguments", "sentence", "latency_ms", "settled_at"),
    *("action", "request", "message_id", "sent_at", "attempts"),
)
_write = BulkUpdate(_COMMAND, _WRITTEN)


def settle_all(db: Session, ended: Sequence[Ended], *, now: datetime) -> list[bool]:
    """Write down how commands ended, and what follows; False for those that had ended before."""
    ids = {"ids": list({one.command_id for one in ended})}
    rows = {row["id"]: dict(row) for row in db.execute(_ROWS, ids).mappings()}
    told = [_end(rows.get(one.command_id), one, now) for one in ended]
    _write(db, [(number, *(row[name] for name in _WRITTEN)) for number, row in rows.items()])
    followed = [
        _followed(db, rows[one.command_id], one, now)
        for one, counts in zip(ended, told, strict=True)
        if counts
    ]
    if of_broadcasts := [command for command in followed if command is not None]:
        for follow in FOLLOWERS:
            follow(db, of_broadcasts, now)
    return told


def _end(row: Json | None, one: Ended, now: datetime) -> bool:
    """Bring a row to its end, where that is a legal move."""
    if row is None:
        return False
    row["arguments"] = redaction.redact(row["arguments"])
    row.update(one.wire.columns() if one.wire is not None else {})
    if one.attempts:
        row["attempts"] = [redaction.redact(attempt) for attempt in one.attempts]
    outcome = one.outcome
    if (row["state"], outcome.state) not in (LATE_MOVES if one.late else COMMAND_MOVES):
        return False
    row["state"] = outcome.state
    row["answer"] = redaction.redact(outcome.answer)
    row["sentence"] = redaction.redact_text(outcome.sentence)[:500]
    row["latency_ms"] = one.latency_ms
    row["settled_at"] = now
    return True


def _followed(db: Session, row: Json, one: Ended, now: datetime) -> Command | None:
    """What the end means for the business; the command, where it belongs to a broadcast."""
    consequence, in_broadcast = orders.SPECS[row["order"]].after, row.pop("in_broadcast")
    command = None
    if in_broadcast or consequence is not None:
        command = db.get_one(Command, row["id"], populate_existing=True)
        if consequence is not None:
            try:
                with db.begin_nested():
                    consequence(db, command, one.outcome, now)
            except OperationalError:
                raise
            except Exception:
                # The station has answered: that stands, whatever we could not make of it.
                log.exception("command %s: what %s means failed", command.id, command.order)
        row = as_it_stands(command)
    record(db, CommandEnded(row["tenant_id"], row["id"], row["station_id"], row))
    return command if in_broadcast else None


def as_it_stands(command: Command) -> Json:
    """The row's columns by their names, for whoever must not ask the database again."""
    return {column.key: getattr(command, column.key) for column in _COMMAND.c}
