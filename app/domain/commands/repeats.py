"""Asking the same again: of one station, or of all whose commands were picked."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, joinedload

from app.domain.commands import commands, orders
from app.domain.ground import many, redaction
from app.domain.ground.errors import Conflict
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor
from app.models import Command


def repeat(
    db: Session,
    actor: Actor,
    command: Command,
    *,
    now: datetime,
    ttl_s: float,
    known: Collection[int] | None = None,
) -> Command:
    """Ask the same thing of the same station again.  Raises what `queue` raises."""
    if command.state in commands.OPEN_STATES:
        raise Conflict("This command is still under way.")
    # What a preparation added is prepared anew.
    asked = set(orders.SPECS[command.order].arguments) - commands.OURS
    arguments = {name: value for name, value in command.arguments.items() if name in asked}
    if holds_redacted(arguments):
        raise Conflict("Its secret was not kept: give the order anew.")
    if "session_id" in arguments:
        arguments.pop("transaction_ref", None)
    wish = (command.station, command.order, arguments)
    return commands.queue(db, actor, *wish, now=now, ttl_s=ttl_s, known=known)


def repeat_all(
    db: Session, actor: Actor, found: Sequence[Command], *, now: datetime, ttl_s: float
) -> Tally:
    """Ask the same of many stations again; what would end a session is refused."""
    return many.apart(
        *(db, found),
        lambda row: repeat(db, actor, row, now=now, ttl_s=ttl_s, known=()),
        lambda row: row.station.identity,
    )


#: What may be done to many commands.
MANY = Many(Command, {"repeat": repeat_all}, [joinedload(Command.station)], weighed=True)


def holds_redacted(value: Any) -> bool:
    """Whether a secret was blotted out somewhere within."""
    if isinstance(value, Mapping):
        return any(map(holds_redacted, value.values()))
    if isinstance(value, list):
        return any(map(holds_redacted, value))
    return isinstance(value, str) and redaction.REDACTED in value
