"""The plain row of an event of a 2.x transaction: made of what was told, read back, and written."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.charging.sessions.report import TransactionReport, Words
from app.domain.ground.bulk import BulkInsert, among
from app.domain.ground.bulk_read import BulkRead
from app.domain.ground.vocabulary import Activity
from app.domain.office import messages
from app.models import TransactionEvent


@dataclass(slots=True)
class EventRow:
    """An event with the names of its columns (see the model)."""

    station_id: int
    transaction_ref: str
    session_id: int
    kind: str
    seq_no: int
    trigger: str
    at: datetime
    received_at: datetime
    offline: bool
    evse: int | None
    connector: int | None
    token: str | None
    token_kind: str | None
    activity: Activity | None
    facts: dict[str, Any]
    answer: dict[str, Any]
    digest: str
    payload: dict[str, Any]


_EVENT: Any = TransactionEvent.__table__
_COLUMNS = tuple(one.name for one in fields(EventRow))
#: What a story rests on: all but what was sent, word for word.
_TOLD = _COLUMNS[:-1]
_INSERT = BulkInsert(_EVENT, _COLUMNS)
_values_of = attrgetter(*_COLUMNS)
_OF_SESSIONS = BulkRead(
    select(*(_EVENT.c[name] for name in _TOLD))
    .where(among(_EVENT.c.session_id, "sessions"))
    .order_by(_EVENT.c.id)
)
_KNOWN = BulkRead(
    select(_EVENT.c.station_id, _EVENT.c.digest).where(
        among(_EVENT.c.station_id, "stations"), among(_EVENT.c.digest, "digests")
    )
)


def event_of(
    report: TransactionReport, session: Any, tag_id: int | None, now: datetime, words: Words
) -> EventRow:
    """The row of an event of a session; `tag_id` is the tag that it shows, if it is on a list."""
    place, token = report.connector, report.token
    facts: dict[str, Any] = {**report.registers()}
    if report.facts:
        facts |= messages.redact(report.facts)
    for name in ("reason", "word", "remote_start_id", "reservation_id"):
        if (value := getattr(report, name)) is not None:
            facts[name] = value
    if report.clock_replaced:
        facts["clock_replaced"] = True
    if report.claimed_at is not None:
        facts["claimed"] = report.claimed_at.isoformat()
    return EventRow(
        station_id=session.station_id,
        transaction_ref=report.transaction_ref,
        session_id=session.id,
        kind=report.kind,
        seq_no=report.seq_no,
        trigger=report.trigger[:40],
        at=report.at,
        received_at=now,
        offline=report.offline,
        evse=place.evse if place and place.evse else None,
        connector=place.connector if place and place.evse else None,
        token=authorisation.shown(token, tag_id) if token else None,
        token_kind=token.kind[:40] if token else None,
        activity=report.activity,
        facts=facts,
        answer={},
        digest=words.digest,
        payload=messages.redacted(report.payload, words.text),
    )


def insert(db: Session, rows: Sequence[EventRow]) -> None:
    """Add events."""
    _INSERT(db, [_values_of(row) for row in rows])


def known(db: Session, digests: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these events, by station and digest, are stored already."""
    stations, values = {number for number, _ in digests}, {digest for _, digest in digests}
    return {(row[0], row[1]) for row in _KNOWN(db, stations=stations, digests=values)}


def of_sessions(db: Session, session_ids: Iterable[int]) -> dict[int, list[EventRow]]:
    """The events of sessions, without what was sent word for word."""
    wanted: dict[int, list[EventRow]] = {number: [] for number in session_ids}
    for row in _OF_SESSIONS(db, sessions=list(wanted)):
        told: list[Any] = [*row, {}]
        wanted[row.session_id].append(EventRow(*told))
    return wanted
