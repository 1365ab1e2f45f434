"""Why a session ended, where its station gives no reason of its own."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.bulk_read import BulkRead
from app.domain.ground.vocabulary import CommandState, Decision, Order, StopReason
from app.models import Command

#: An end may be dated so long before the order that it follows: clocks differ.
CLOCKS_DIFFER = timedelta(minutes=5)

#: When the orders to stop were sent that stations accepted, or have not answered yet: the end
#: may be taken in before the answer.
_COMMAND: Any = Command.__table__
_ORDERED = BulkRead(
    select(_COMMAND.c.session_id, _COMMAND.c.sent_at).where(
        among(_COMMAND.c.session_id, "sessions"),
        _COMMAND.c.order == Order.STOP_CHARGING,
        or_(*(_COMMAND.c.state == each for each in (CommandState.ACCEPTED, CommandState.SENT))),
    )
)


def orders_to_stop(db: Session, sessions: Iterable[int]) -> dict[int, list[datetime]]:
    """When we had each of some sessions (by number) stopped; one query for all of them."""
    found: dict[int, list[datetime]] = defaultdict(list)
    for session_id, sent_at in _ORDERED(db, sessions=list(sessions)):
        found[session_id] += [sent_at] if sent_at else []
    return found


def reason_of(
    told: StopReason,
    word: str | None,
    ended_at: datetime,
    ordered: Iterable[datetime],
    shown: Decision | None = None,
) -> StopReason:
    """The reason of an end: the station's own; without a `word` of it, our order to stop.

    A missing word stands for a stop at the station (1.6 section 6.49, 2.0.1 E06.FR.09), but
    stations leave it out of what we asked for, too.  `ordered` is when that was.  `shown` is
    what was decided about the tag that ended it: 1.6 has no word for a master pass.  Pure.
    """
    if told is StopReason.LOCAL and shown is not None and shown.reason == "master_pass":
        return StopReason.MASTER_PASS
    if word is None and any(sent_at <= ended_at + CLOCKS_DIFFER for sent_at in ordered):
        return StopReason.REMOTE
    return told
