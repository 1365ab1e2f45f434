"""Deliveries to webhooks: one row for each event and endpoint, tried for a day.

A row is claimed and committed before it is sent.  Whoever is killed after that leaves a claim
that is sent again later: the receiver may get it twice, with the same id.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import PING, Actor, DeliveryState, WebhookEvent
from app.domain.office import audit
from app.models import WebhookDelivery, WebhookEndpoint, WebhookMark
from app.schemas.answers import Answer, plain
from app.schemas.told import TOLD, PingTold

#: Waits after the first, second, … failure: a day in all.
BACK_OFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)
)
TRIED_FOR = timedelta(days=1)
#: After a failure nothing is sent to the endpoint for half as long as it has failed by then, within
#: these: a receiver that is gone costs little.
SHORTEST, LONGEST = BACK_OFF[0], timedelta(hours=1)
#: It may ask for a longer pause (Retry-After), up to this.
LONGEST_ASKED = timedelta(days=1)
#: An endpoint that took nothing for so long is given up: longer than a weekend, for what happens
#: from then on is not made up for.
PATIENCE = timedelta(days=3)
#: A claim older than this belongs to a process that is gone.
STALE = timedelta(minutes=3)


class Happening(NamedTuple):
    """Something that webhooks may be told of; `key` is the same whenever it is found."""

    event: WebhookEvent
    key: str
    tenant_id: int
    at: datetime
    row: Mapping[Any, Any]


class Mark(NamedTuple):
    """How far events of a kind were read; `more`: there is more than was taken."""

    at: datetime
    floor: int = 0
    more: bool = False


_ADD = BulkInsert(
    WebhookDelivery.__table__,
    (
        *("tenant_id", "endpoint_id", "event", "key", "message_id", "body", "state", "attempts"),
        *("next_try_at", "happened_at", "created_at"),
    ),
    skip_known=True,
)
_MARKS = BulkInsert(
    WebhookMark.__table__,
    ("event", "at", "floor"),
    on_conflict=" ON CONFLICT (event) DO UPDATE SET at = excluded.at, floor = excluded.floor",
)


def listening(db: Session) -> Sequence[WebhookEndpoint]:
    """The endpoints that are told of anything."""
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.archived_at.is_(None), WebhookEndpoint.disabled_at.is_(None)
    )
    return db.scalars(query.order_by(WebhookEndpoint.id)).all()


def marks(db: Session) -> dict[str, Mark]:
    """How far each kind of event was read."""
    return {row.event: Mark(row.at, row.floor) for row in db.scalars(select(WebhookMark))}


def put(
    db: Session,
    endpoints: Sequence[WebhookEndpoint],
    found: Iterable[Happening],
    read: Mapping[str, Mark],
    *,
    now: datetime,
) -> None:
    """Add a delivery for each endpoint that listens to what was found, and note how far was read.

    What has one already gets no other.
    """
    since = {
        (endpoint.id, word): datetime.fromisoformat(began)
        for endpoint in endpoints
        for word, began in endpoint.events.items()
    }
    rows = []
    for one in found:
        hears = [
            endpoint
            for endpoint in endpoints
            if endpoint.tenant_id == one.tenant_id
            and (began := since.get((endpoint.id, one.event))) is not None
            and began <= one.at
        ]
        if hears:
            body = _body(one.event, one.at, TOLD[one.event], one.row)
            rows += [_row(endpoint, one.event, one.key, body, one.at, now) for endpoint in hears]
    _ADD(db, rows)
    _MARKS(db, [(event, mark.at, mark.floor) for event, mark in read.items()])
    for tenant_id in {row[0] for row in rows}:
        events.record(db, events.WebhooksChanged(tenant_id))


def _body(event: str, at: datetime, told: type[Answer], row: Mapping[Any, Any]) -> str:
    """What is sent: the kind of event, when it was, and what it is about."""
    return orjson.dumps({"type": event, "timestamp": plain(at), "data": told.write(row)}).decode()


def _row(
    endpoint: WebhookEndpoint, event: str, key: str, body: str, at: datetime, now: datetime
) -> tuple[Any, ...]:
    digest = hashlib.sha256(f"{endpoint.id}\n{endpoint.created_at}\n{key}".encode()).hexdigest()
    return (
        *(endpoint.tenant_id, endpoint.id, str(event), key, f"msg_{digest[:32]}", body),
        *(DeliveryState.QUEUED, 0, now, at, now),
    )


def ping(db: Session, actor: Actor, endpoint: WebhookEndpoint, *, now: datetime) -> WebhookDelivery:
    """Queue a test; raises `Conflict` where nothing is sent to the endpoint."""
    _refuse_silent(endpoint)
    key = f"{PING}:{now:%Y%m%d%H%M%S%f}"
    body = _body(PING, now, PingTold, {"webhook": endpoint.name})
    _ADD(db, [_row(endpoint, PING, key, body, now, now)])
    endpoint.retry_at = None
    audit.remark(db, actor, "webhook.test", endpoint, now=now)
    events.record(db, events.DeliveryWanted(endpoint.tenant_id))
    query = select(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.key == key
    )
    return db.scalars(query).one()


def replay(db: Session, actor: Actor, delivery: WebhookDelivery, *, now: datetime) -> None:
    """Deliver the same once more, with the same id; raises `Conflict` while it is on its way."""
    _refuse_silent(delivery.endpoint)
    if delivery.state not in (DeliveryState.DELIVERED, DeliveryState.FAILED):
        raise Conflict("This is on its way.")
    delivery.state, delivery.attempts, delivery.next_try_at = DeliveryState.QUEUED, 0, now
    delivery.endpoint.retry_at = None
    db.flush()
    remark = f"{delivery.event} {delivery.message_id}"
    audit.remark(db, actor, "webhook.replay", delivery.endpoint, remark, now=now)
    events.record(db, events.DeliveryWanted(delivery.tenant_id))


def _refuse_silent(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None or endpoint.archived_at is not None:
        raise Conflict("Nothing is sent to this webhook; switch it on first.")


# How they are sent.


def due(db: Session, *, now: datetime) -> list[int]:
    """Endpoints for which something waits that may be sent now."""
    query = (
        select(WebhookEndpoint.id)
        .where(
            WebhookEndpoint.archived_at.is_(None),
            WebhookEndpoint.disabled_at.is_(None),
            or_(WebhookEndpoint.retry_at.is_(None), WebhookEndpoint.retry_at <= now),
            select(WebhookDelivery.id).where(_waits(WebhookEndpoint.id, now)).exists(),
        )
        .order_by(WebhookEndpoint.id)
    )
    return list(db.scalars(query))


def _waits(endpoint_id: int | InstrumentedAttribute[int], now: datetime) -> ColumnElement[bool]:
    return (
        (WebhookDelivery.endpoint_id == endpoint_id)
        & (WebhookDelivery.state == DeliveryState.QUEUED)
        & (WebhookDelivery.next_try_at <= now)
    )


def claim(db: Session, endpoint_id: int, *, now: datetime, limit: int) -> Sequence[WebhookDelivery]:
    """Take what is due for an endpoint, alone; what was tried least comes first."""
    waiting = (
        select(WebhookDelivery.id)
        .where(_waits(endpoint_id, now))
        .order_by(WebhookDelivery.attempts, WebhookDelivery.id)
        .limit(limit)
    )
    ids = list(db.scalars(waiting))
    taken = db.scalars(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(ids), WebhookDelivery.state == DeliveryState.QUEUED)
        .values(state=DeliveryState.SENDING, claimed_at=now, attempts=WebhookDelivery.attempts + 1)
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    query = select(WebhookDelivery).where(WebhookDelivery.id.in_(taken))
    query = query.order_by(WebhookDelivery.attempts, WebhookDelivery.id)
    return db.scalars(query.execution_options(populate_existing=True)).all()


def take_back_stale(db: Session, *, now: datetime) -> None:
    """Send again what a process that is gone may or may not have sent."""
    db.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.state == DeliveryState.SENDING, WebhookDelivery.claimed_at < now - STALE
        )
        .values(state=DeliveryState.QUEUED)
        .execution_options(synchronize_session=False)
    )


class Tried(NamedTuple):
    """What came of one try: a status with the first bytes of the answer, or an error.

    `wait` is how long the answer asked to be left alone.
    """

    status: int | None = None
    latency_ms: float | None = None
    answer: str = ""
    error: str = ""
    wait: timedelta | None = None


def settle(db: Session, ids: Sequence[int], tried: Sequence[Tried], *, now: datetime) -> None:
    """Keep what came of the first of claimed deliveries; those that were not tried wait again."""
    query = select(WebhookDelivery).where(WebhookDelivery.id.in_(ids[: len(tried)]))
    rows = {row.id: row for row in db.scalars(query.options(joinedload(WebhookDelivery.endpoint)))}
    for number, one in zip(ids, tried, strict=False):
        note(db, rows[number], one, now=now)
    db.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(ids[len(tried) :]))
        .values(state=DeliveryState.QUEUED, attempts=WebhookDelivery.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def note(db: Session, delivery: WebhookDelivery, tried: Tried, *, now: datetime) -> None:
    """Keep what came of a try, and say when the next one is."""
    endpoint = delivery.endpoint
    events.record(db, events.WebhooksChanged(endpoint.tenant_id))
    delivery.status, delivery.latency_ms = tried.status, tried.latency_ms
    delivery.answer = tried.answer.replace("\x00", "")[:500] or None
    if is_taken(tried):
        delivery.state, delivery.delivered_at, delivery.error = DeliveryState.DELIVERED, now, None
        endpoint.failing_since = endpoint.retry_at = None
        return
    delivery.error = (tried.error or f"The answer was {tried.status}.")[:300]
    wait = BACK_OFF[delivery.attempts - 1] if delivery.attempts <= len(BACK_OFF) else None
    if wait is None:
        delivery.state = DeliveryState.FAILED
    else:
        delivery.state, delivery.next_try_at = DeliveryState.QUEUED, now + wait
    alone = endpoint.failing_since is None and is_refusal(tried)
    endpoint.failing_since = since = endpoint.failing_since or now
    if not alone:
        endpoint.retry_at = now + min(max((now - since) / 2, SHORTEST), LONGEST)
    if tried.wait:
        endpoint.retry_at = max(endpoint.retry_at or now, now + min(tried.wait, LONGEST_ASKED))
    if tried.status == 410:
        endpoint.disabled_at, endpoint.disabled_why = now, "It answered 410: it wants nothing more."
    elif since <= now - PATIENCE or (wait is None and _tried_in_vain(db, endpoint) >= PATIENCE):
        why = f"It accepted nothing for three days; the last time: {delivery.error}"
        endpoint.disabled_at, endpoint.disabled_why = now, why[:300]
    elif wait is None and not _more_waits(db, delivery):
        # Nothing is tried from now on: a failure of later begins anew.
        endpoint.failing_since = None


def _tried_in_vain(db: Session, endpoint: WebhookEndpoint) -> timedelta:
    """For how long it was tried since it took anything or was switched on, a day for a delivery.

    Between events that are rare nothing is tried, and that is held against nobody.
    """
    of_it = WebhookDelivery.endpoint_id == endpoint.id
    taken = db.scalar(select(func.max(WebhookDelivery.delivered_at)).where(of_it))
    since = max(filter(None, [taken, *map(datetime.fromisoformat, endpoint.events.values())]))
    failed = (of_it, WebhookDelivery.state == DeliveryState.FAILED)
    query = select(WebhookDelivery.created_at).where(*failed, WebhookDelivery.created_at >= since)
    tried, until = timedelta(), since
    for began in db.scalars(query.order_by(WebhookDelivery.created_at)):
        tried += TRIED_FOR - max(until - began, timedelta())
        until = began + TRIED_FOR
    return tried


def _more_waits(db: Session, delivery: WebhookDelivery) -> bool:
    query = select(WebhookDelivery.id).where(
        WebhookDelivery.endpoint_id == delivery.endpoint_id,
        WebhookDelivery.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING)),
        WebhookDelivery.id != delivery.id,
    )
    return db.scalar(query.limit(1)) is not None


def is_taken(tried: Tried) -> bool:
    """Whether the endpoint took it."""
    return tried.status is not None and 200 <= tried.status < 300


def is_refusal(tried: Tried) -> bool:
    """Whether it may be this one delivery that the endpoint does not want; others it may take."""
    return tried.status is not None and 400 <= tried.status < 500 and tried.status != 429
