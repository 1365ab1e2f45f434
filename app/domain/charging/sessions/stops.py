"""A stop as its station tells it: why charging ended, and what it writes into its session."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.doubts import flag, mark_time, remove_flag
from app.domain.ground.bulk import among
from app.domain.ground.bulk_read import BulkRead
from app.domain.ground.vocabulary import (
    CommandState,
    ConnectorRef,
    Decision,
    Order,
    SessionState,
    StopReason,
    Token,
)
from app.models import Command

#: No charging takes longer than this by a clock that has lost the date.
_LONGEST = timedelta(days=3)


#: An end may be dated so long before the order that it follows: clocks differ.
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Stop:
    """What a station says when charging ended; `transaction_ref` None: it named none.

    `claimed_at` is its own time where another one is used; `word` None: it gave no reason.
    """

    transaction_ref: str | None
    meter_stop_wh: Decimal | None
    ended_at: datetime
    reason: StopReason
    word: str | None
    token: Token | None
    payload: dict[str, Any]
    clock_replaced: bool = False
    connector: ConnectorRef | None = None
    claimed_at: datetime | None = None


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


def explained(stop: Stop, ordered: Iterable[datetime], shown: Decision | None) -> Stop:
    """The stop with its reason, as `reason_of` has it."""
    return replace(stop, reason=reason_of(stop.reason, stop.word, stop.ended_at, ordered, shown))


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


def close(session: Any, stop: Stop, now: datetime) -> None:
    """Write the end that a station told into the row of its session, of either kind."""
    session.state = SessionState.ENDED
    session.provisional = False
    session.stop_reason = stop.reason
    session.stop_word = stop.word
    session.stop_token = stop.token.value[:255] if stop.token else None
    session.stop_received_at = now
    session.ended_at = stop.ended_at
    session.meter_stop_wh = stop.meter_stop_wh
    remove_flag(session, "stop_missing")
    mark_time(session, stop.ended_at, now, stop.claimed_at, replaced=stop.clock_replaced)
    _keep_duration(session, stop)
    if stop.ended_at < session.started_at:
        # The charger's clock was set back meanwhile: only our own two clocks agree.
        flag(session, "stop_before_start")
        session.ended_at = max(session.started_at, now)
    if stop.meter_stop_wh is not None:
        session.last_register_wh = stop.meter_stop_wh
        if session.meter_start_wh is not None and stop.meter_stop_wh >= session.meter_start_wh:
            session.energy_wh = stop.meter_stop_wh - session.meter_start_wh
    session.last_power_w = 0.0
    if session.idle_since is not None:
        session.idle_since = min(session.idle_since, session.ended_at)


def _keep_duration(session: Any, stop: Stop) -> None:
    """Keep how long it took by the station's clock, where only its date was wrong.

    A charger that never learnt the date tells start and stop of an offline
    session at once, in 1970: when that was is in doubt, how long it was is not.
    """
    claimed = session.claimed_started_at
    if not stop.clock_replaced or "clock_replaced" not in session.flags:
        return
    if claimed is None or stop.claimed_at is None:
        return
    took = stop.claimed_at - claimed
    if timedelta() <= took <= _LONGEST:
        session.started_at = min(session.started_at, stop.ended_at - took)
