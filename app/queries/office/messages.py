"""The message log: read newest first, in slices that do not count what lies behind them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, text
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import MessageOutcome
from app.models import Message, Station
from app.models.system import UNANSWERED
from app.queries.ground.filters import fitting
from app.queries.ground.paging import alike, in_pieces, like, narrowed

#: Messages on one page, and how many are looked through for them where no index helps.
SLICE = 50
LOOKED_THROUGH = 20_000

PROBLEMS = (
    MessageOutcome.REFUSED,
    MessageOutcome.TIMED_OUT,
    MessageOutcome.LOST,
    MessageOutcome.STRAY,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What the log is narrowed to; `ended` is an outcome, "problem" or "waiting"."""

    station_id: int | None = None
    session_id: int | None = None
    action: str = ""
    direction: str = ""
    ended: str = ""
    message_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""

    def select(self) -> Select[Message]:
        """Select the messages, in no order yet."""
        return select(Message).where(*self.indexed(), *self.looked_through())

    def indexed(self) -> Iterator[ColumnElement[bool]]:
        """Conditions by which messages are found."""
        of = ("station_id", "session_id", "message_id")
        yield from fitting(self, **{name: getattr(Message, name) for name in of})
        if self.since:
            yield Message.at >= self.since
        if self.until:
            yield Message.at <= self.until
        if self.ended and self.ended != MessageOutcome.ANSWERED:
            yield self._ending()

    def looked_through(self) -> Iterator[ColumnElement[bool]]:
        """Conditions that few messages may meet, and that no index helps to find."""
        yield from fitting(self, action=Message.action)
        if self.direction in ("in", "out"):
            yield Message.outbound.is_(self.direction == "out")
        if self.ended == MessageOutcome.ANSWERED:
            yield Message.outcome == MessageOutcome.ANSWERED
        if self.q:
            yield self._holding()

    def _ending(self) -> ColumnElement[bool]:
        """Those that were not answered have an index, found by its own words."""
        unanswered = text(f"({UNANSWERED})")
        if self.ended == "problem":
            return and_(unanswered, Message.outcome.in_(PROBLEMS))
        if self.ended == "waiting":
            return and_(unanswered, Message.outcome.is_(None))
        if self.ended in list(MessageOutcome):
            return and_(unanswered, Message.outcome == MessageOutcome(self.ended))
        return and_(True)

    def _holding(self) -> ColumnElement[bool]:
        columns = (
            *(Message.request, Message.response, Message.message_id, Message.action),
            *(Message.error_code, Message.error_description),
        )
        return alike(like(self.q), *columns)


@dataclass(frozen=True, slots=True)
class Slice:
    """Some messages, newest first; `older` is the id below which the next slice begins.

    `back_to` is when the last message was that was looked through, where others are left.
    """

    messages: list[Message]
    stations: dict[int, Any]
    older: int | None
    back_to: datetime | None = None


def page(db: Session, wanted: Filter, before: int | None = None, size: int = SLICE) -> Slice:
    """Return the newest messages (of those with an id below `before`).

    No more than `LOOKED_THROUGH` are looked through for them: a word that stands nowhere would
    have the log of years read.
    """
    query = select(Message).where(*wanted.indexed()).order_by(Message.id.desc())
    if before is not None:
        query = query.where(Message.id < before)
    last, narrow = None, list(wanted.looked_through())
    if narrow:
        ends = query.with_only_columns(Message.id, Message.at).offset(LOOKED_THROUGH - 1).limit(1)
        last = db.execute(ends).one_or_none()
        query = query.where(*narrow)
    if last is not None:
        query = query.where(Message.id >= last.id)
    rows = list(db.scalars(query.limit(size + 1)))
    if len(rows) > size:
        return Slice(rows[:size], stations_of(db, rows), rows[size - 1].id)
    if last is None:
        return Slice(rows, stations_of(db, rows), None)
    return Slice(rows, stations_of(db, rows), last.id, last.at)


#: Named with their messages wherever they stand: these are narrowed.
_STATIONS = Station.__table__


def every(db: Session, wanted: Filter) -> Iterator[Row[Any]]:
    """Yield messages for an export, the newest first, as columns with their station's identity."""
    query = (
        select(*_EXPORTED)
        .select_from(Message)
        .join(_STATIONS, _STATIONS.c.id == Message.station_id)
        .where(narrowed(wanted.select()))
    )
    return in_pieces(db, query, (Message.id,))


_EXPORTED = (
    *(Message.at, _STATIONS.c.identity, Message.outbound, Message.action, Message.message_id),
    *(Message.outcome, Message.error_code, Message.error_description, Message.latency_ms),
    *(Message.session_id, Message.request, Message.response),
)


def stations_of(db: Session, messages: list[Message]) -> dict[int, Any]:
    """Return what the stations of some messages are called, by id: `id`, `identity`, `label`."""
    ids = {message.station_id for message in messages}
    if not ids:
        return {}
    at = _STATIONS.c
    names = select(at.id, at.identity, func.trim(at.identity + " " + at.name).label("label"))
    return {row.id: row for row in db.execute(names.where(at.id.in_(ids)))}
