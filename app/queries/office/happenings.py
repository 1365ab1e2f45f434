"""What happened that webhooks may be told of, read off the tables in which it stands.

Nothing is written down for webhooks where things happen: a charger's message must not wait for
them.  Rows are looked for that are younger than the last look; the rows of the last minute are
looked at again, because a transaction may end after one that began later.  What was delivered
already is known by its key (`app.domain.office.deliveries`).
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillKind, CommandState, WebhookEvent
from app.domain.office.deliveries import Happening, Mark
from app.models import Alert, Bill, ChargingSession, Command, Review, Station, StatusEvent
from app.models.sessions import CHARGED

#: So far back is looked again.
OVERLAP = timedelta(minutes=1)
#: Rows of a kind that are taken at one look; the next one goes on from there.
MOST = 2000
#: At the first look, rows so far before the first that was found are looked at, too.
SLACK = 1000

_STATION: Any = Station.__table__.c
_IDENTITY = _STATION.identity.label("station")


class Source(NamedTuple):
    """Where a kind of event stands: its rows, and when each came (`at`).

    Rows are found by `at` where that has an index or they are few, else by ids from a floor on
    (`by_id`).  `key` is what tells apart the events of one row.
    """

    event: WebhookEvent
    rows: Select[Any]
    at: Any
    by_id: bool = False
    key: Callable[[Any], str] = lambda row: str(row.id)


def _rows(model: Any, names: str, *more: Any, at: Any) -> Select[Any]:
    """Select columns of a table, with those of its station where it has one."""
    table = model.__table__
    columns = [table.c[name] for name in names.split()]
    query = select(*columns, *more, at.label("happened_at"))
    if model is not Station and "station_id" in table.c and more:
        query = query.join(Station.__table__, _STATION.id == table.c.station_id)
    return query


_SESSION: Any = ChargingSession.__table__.c
_SESSION_NAMES = (
    "id tenant_id site_id station_id evse connector transaction_ref tag_id driver_id "
    "started_at ended_at energy_wh stop_reason provisional"
)
_BILL: Any = Bill.__table__.c
_BILL_NAMES = (
    "id tenant_id site_id session_id number kind corrects_id currency energy_wh net_minor "
    "tax_minor gross_minor issued_at"
)
_REVIEW: Any = Review.__table__.c
_STATION_NAMES = "id tenant_id site_id identity name protocol"
_STATUS: Any = StatusEvent.__table__.c
_COMMAND: Any = Command.__table__.c
_ALERT: Any = Alert.__table__.c
_ALERT_NAMES = "id tenant_id site_id station_id kind subject what began_at opened_at closed_at"


def _each_time(row: Any) -> str:
    return f"{row.id}:{row.happened_at:%Y%m%d%H%M%S%f}"


def _sessions(at: Any) -> Select[Any]:
    return _rows(ChargingSession, _SESSION_NAMES, _IDENTITY, at=at).where(CHARGED)


def _stations(at: Any) -> Select[Any]:
    return _rows(Station, _STATION_NAMES, at.label("at"), at=at)


def _of_session(model: Any, names: str, *, at: Any) -> Select[Any]:
    """Select columns of what a session has, with the station where it was."""
    mine = model.__table__.c.session_id
    query = _rows(model, names, _SESSION.station_id, at=at)
    return query.join(ChargingSession.__table__, _SESSION.id == mine)


def _bills() -> Select[Any]:
    return _of_session(Bill, _BILL_NAMES, at=_BILL.issued_at)


SOURCES = (
    Source(
        WebhookEvent.SESSION_STARTED,
        _sessions(_SESSION.start_received_at),
        _SESSION.start_received_at,
        by_id=True,
    ),
    Source(
        WebhookEvent.SESSION_ENDED,
        _sessions(_SESSION.stop_received_at),
        _SESSION.stop_received_at,
        key=lambda row: f"{row.id}:assumed" if row.provisional else str(row.id),
    ),
    Source(
        WebhookEvent.BILL_ISSUED,
        _bills().where(_BILL.kind == BillKind.BILL),
        _BILL.issued_at,
        by_id=True,
    ),
    Source(
        WebhookEvent.BILL_CORRECTED,
        _bills().where(_BILL.kind != BillKind.BILL),
        _BILL.issued_at,
        by_id=True,
    ),
    Source(
        WebhookEvent.BILL_HELD,
        _of_session(
            Review, "id tenant_id site_id session_id reasons opened_at", at=_REVIEW.opened_at
        ).where(_REVIEW.decided_at.is_(None)),
        _REVIEW.opened_at,
        key=_each_time,
    ),
    Source(
        WebhookEvent.STATION_ONLINE,
        _stations(_STATION.connected_at),
        _STATION.connected_at,
        key=_each_time,
    ),
    Source(
        WebhookEvent.STATION_OFFLINE,
        _stations(_STATION.disconnected_at).where(_STATION.connection_id.is_(None)),
        _STATION.disconnected_at,
        key=_each_time,
    ),
    Source(
        WebhookEvent.CONNECTOR_STATUS,
        _rows(
            StatusEvent,
            "id station_id evse connector availability activity status_word error_code at",
            *(_IDENTITY, _STATION.tenant_id, _STATION.site_id),
            at=_STATUS.received_at,
        ),
        _STATUS.received_at,
        by_id=True,
    ),
    Source(
        WebhookEvent.ORDER_ENDED,
        _rows(
            Command,
            "id tenant_id station_id order state sentence requested_by requested_at settled_at",
            *(_IDENTITY, _STATION.site_id),
            at=_COMMAND.settled_at,
        ),
        _COMMAND.settled_at,
        by_id=True,
    ),
    Source(
        WebhookEvent.ALERT_OPENED,
        _rows(Alert, _ALERT_NAMES, at=_ALERT.opened_at),
        _ALERT.opened_at,
        by_id=True,
    ),
    Source(
        WebhookEvent.ALERT_CLOSED, _rows(Alert, _ALERT_NAMES, at=_ALERT.closed_at), _ALERT.closed_at
    ),
)


def since(
    db: Session, source: Source, mark: Mark, tenant_ids: Collection[int], now: datetime
) -> tuple[list[Happening], Mark]:
    """What came since a mark at these tenants, and how far that was read."""
    columns = source.rows.selected_columns
    key = columns.id if source.by_id else source.at
    # As a sum it leads to no index: by the tenant nearly all of a large table would be looked at.
    of_tenants = (columns.tenant_id + 0).in_(sorted(tenant_ids))
    query = source.rows.where(source.at > mark.at - OVERLAP, of_tenants)
    if source.by_id:
        query = query.where(columns.id >= mark.floor)
    rows = db.execute(query.order_by(key, columns.id).limit(MOST)).all()
    found = [
        Happening(
            source.event,
            f"{source.event}:{source.key(row)}",
            row.tenant_id,
            row.happened_at,
            row._mapping,
        )
        for row in rows
    ]
    return found, _next(db, source, mark, rows, now)


def _next(db: Session, source: Source, mark: Mark, rows: Sequence[Any], now: datetime) -> Mark:
    if len(rows) >= MOST:
        # There is more: it is read on from the last one, at once or at the next look.
        last = rows[-1]
        at = mark.at if source.by_id else last.happened_at + OVERLAP
        return Mark(at, last.id if source.by_id else 0, more=True)
    if not source.by_id:
        return Mark(now)
    if not rows:
        floor = db.scalar(select(func.max(source.rows.selected_columns.id))) or 0
    else:
        # What leaves the minute that is looked at again has ended, and so has what began before.
        left = [row.id for row in rows if row.happened_at <= now - OVERLAP]
        floor = max(left) if left else mark.floor or max(0, rows[0].id - SLACK)
    if source.event is WebhookEvent.ORDER_ENDED:
        floor = min(floor, _oldest_order(db, floor))
    return Mark(now, floor)


def _oldest_order(db: Session, floor: int) -> int:
    """The oldest order that has not ended: its row is written long before its end."""
    waits = [CommandState.QUEUED, CommandState.SENT]
    return db.scalar(select(func.min(Command.id)).where(Command.state.in_(waits))) or floor
