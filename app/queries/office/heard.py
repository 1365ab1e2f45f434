"""What streams of events hear: the same as webhooks, and how running sessions come on.

It is read off the tables as for webhooks (`app.queries.office.happenings`).  An event is named by
its time and its key, so that a stream that was cut off goes on from there.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import PROGRESS, WebhookEvent
from app.domain.office.deliveries import Happening, Mark
from app.models import ChargingSession, Command, MeterReading, Station
from app.queries.office.happenings import MOST, OVERLAP, SLACK, SOURCES, Source, since

#: A stream that was cut off for longer has to read anew what it follows, and so has one to which
#: more than so many events happened meanwhile.
WINDOW = timedelta(minutes=15)
MOST_AGAIN = 10_000
#: No order is under way for longer.
_LONGEST_ORDER = timedelta(hours=2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Heard(NamedTuple):
    """An event that streams may be told of, with the row that it is read off."""

    id: str
    kind: str
    tenant_id: int
    site_id: int | None
    station_id: int | None
    at: datetime
    row: Any


def when(event_id: str) -> datetime | None:
    """The time in an event's id; None if it is none of ours."""
    digits = event_id.partition(".")[0]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 18):
        return None
    return _EPOCH + timedelta(microseconds=int(digits))


def _heard(kind: str, key: str, at: datetime, row: Any) -> Heard:
    of_station = kind in (WebhookEvent.STATION_ONLINE, WebhookEvent.STATION_OFFLINE)
    return Heard(
        id=f"{(at - _EPOCH) // timedelta(microseconds=1)}.{key}",
        kind=kind,
        tenant_id=row["tenant_id"],
        site_id=row["site_id"],
        station_id=row["id" if of_station else "station_id"],
        at=at,
        row=row,
    )


def _all_heard(found: Iterable[Happening]) -> list[Heard]:
    return [_heard(str(one.event), one.key, one.at, one.row) for one in found]


class Ear:
    """How far the tables were read for the streams of one process."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._seen: dict[str, datetime] = {}
        self._reading: int | None = None

    def listen(
        self, db: Session, kinds: Collection[str], tenant_ids: Collection[int], *, now: datetime
    ) -> list[Heard]:
        """What was not there at the look before, in the order in which it happened."""
        found: list[Happening] = []
        marks, self._marks = self._marks, {}
        for source in (source for source in SOURCES if source.event in kinds):
            mark = marks.get(source.event) or _mark(db, source, now)
            rows, self._marks[source.event] = since(db, source, mark, tenant_ids, now)
            found += [one for one in rows if one.key not in self._seen]
            self._seen.update((one.key, one.at) for one in rows)
        self._seen = {key: at for key, at in self._seen.items() if at > now - 2 * OVERLAP}
        heard = _all_heard(found)
        if PROGRESS in kinds:
            heard += self._progress(db, tenant_ids)
        return sorted(heard, key=lambda one: one.at)

    def _progress(self, db: Session, tenant_ids: Collection[int]) -> list[Heard]:
        """Where the sessions stand of which readings came: once, however many."""
        newest = db.scalar(select(func.max(MeterReading.id))) or 0
        floor, self._reading = self._reading, newest
        if floor is None or floor >= newest:
            return []
        reading: Any = MeterReading.__table__.c
        of_session = (
            select(func.max(reading.id).label("reading_id"))
            .where(reading.id > floor, reading.id <= newest, reading.session_id.is_not(None))
            .group_by(reading.session_id)
            .limit(MOST)
            .subquery()
        )
        its: Any = ChargingSession.__table__.c
        station: Any = Station.__table__.c
        query = (
            select(
                *(its.id.label("session_id"), its.tenant_id, its.site_id, its.station_id),
                *(station.identity.label("station"), its.evse, its.connector),
                *(its.transaction_ref, its.started_at, its.energy_wh),
                *(reading.power_w, reading.soc_percent, reading.taken_at, reading.received_at),
            )
            .select_from(of_session)
            .join(MeterReading.__table__, reading.id == of_session.c.reading_id)
            .join(ChargingSession.__table__, its.id == reading.session_id)
            .join(Station.__table__, station.id == its.station_id)
            .where(its.tenant_id.in_(sorted(tenant_ids)))
        )
        return [
            _heard(PROGRESS, f"{PROGRESS}:{row.session_id}", row.received_at, row._mapping)
            for row in db.execute(query)
        ]


def again(
    db: Session, kinds: Collection[str], tenant_id: int, after: datetime, *, now: datetime
) -> list[Heard] | None:
    """What happened after a moment, and in the minute before it; None when it is too much.

    A transaction may end after one that began later, so what a stream heard last says nothing of
    the minute before: that is told again, with the same ids.
    """
    found: list[Happening] = []
    for source in (source for source in SOURCES if source.event in kinds):
        mark = _mark(db, source, after)
        while True:
            rows, mark = since(db, source, mark, {tenant_id}, now)
            found += rows
            if len(found) > MOST_AGAIN:
                return None
            if not mark.more:
                break
    once = {one.key: one for one in found if one.at > after - OVERLAP}
    return sorted(_all_heard(once.values()), key=lambda one: one.at)


def _mark(db: Session, source: Source, at: datetime) -> Mark:
    """Where reading begins so that all is found that happened at a moment or later.

    Ids grow with time, nearly: the newest row that is surely older is looked for from the end.
    """
    if not source.by_id:
        return Mark(at)
    number = source.rows.selected_columns.id
    begun, bound = source.at, at - OVERLAP
    if source.event is WebhookEvent.ORDER_ENDED:
        begun, bound = Command.__table__.c.requested_at, at - _LONGEST_ORDER
    older = source.rows.with_only_columns(number).where(begun <= bound)
    last = db.scalar(older.order_by(number.desc()).limit(1))
    return Mark(at, max(0, last - SLACK) if last is not None else 0)
